"""From a version's kept plan to the forms that compute it; on the loader's side."""

from dataclasses import dataclass, field
from typing import Any

from models.errors import StoreError
from models.forms import candidates
from models.manifest import Manifest
from models.plans.choose import choose
from models.plans.kept import NoPlan, read_plan, withdraw_plan
from models.plans.key import key_here
from models.plans.plan import SCIKIT, Range, Trust
from models.schema import TabularSchema
from models.store import ARTEFACT, Store
from service.inference.predictor import Step


@dataclass(frozen=True)
class InUse:
    """How a version is computed.

    Args:
        ranges: which form computes batches of which size; empty: scikit-learn computes all.
        reason: why there is no plan in use; empty if one is.
        limit: the largest difference that the plan allows.
    """

    ranges: tuple[Range, ...] = ()
    reason: str = ""
    limit: float = 0.0
    steps: list[Step] = field(default_factory=list, compare=False, repr=False)

    def told(self) -> dict[str, Any]:
        """Return what the API process hears."""
        return {"ranges": [one.model_dump() for one in self.ranges], "reason": self.reason}


def find_forms(store: Store, manifest: Manifest, estimator: Any, trust: Trust) -> InUse:
    """Build the forms that a version's plan names; whatever is wrong, scikit-learn computes.

    Args:
        store: where plans lie.
        manifest: the version's.
        estimator: as loaded.
        trust: what differences are taken.
    """
    if trust.policy == "off":
        return InUse(reason="plans are off")
    schema = manifest.input
    if not isinstance(schema, TabularSchema):
        return InUse(reason="only tables have plans")
    try:
        plan = read_plan(store, manifest, key_here(manifest.files[ARTEFACT].sha256))
    except (NoPlan, StoreError) as error:
        return InUse(reason=str(error))
    ranges = plan.ranges if plan.trust == trust else choose(plan.tried, trust, plan)
    verified = {one.form for one in plan.verified(trust)}
    names = {one.form for one in ranges} - {SCIKIT}
    try:
        built = candidates(estimator, schema, sorted(names))  # type: ignore[arg-type]
    except Exception as error:  # a library's own words stay in the log
        return InUse(reason=f"its forms cannot be built: {type(error).__name__}: {error}")
    forms: dict[str, Any] = {form.name: form for form in built}
    missing = names - (verified & forms.keys())
    if missing:
        return InUse(reason=f"its plan names {min(missing)}, which cannot be had here")
    steps = [
        Step(
            float("inf") if one.up_to_rows is None else one.up_to_rows,
            None if one.form == SCIKIT else forms[one.form],
        )
        for one in ranges
    ]
    return InUse(ranges, "", trust.limit(), steps if names else [])


def give_up_plan(store: Store, manifest: Manifest, reason: str) -> str:
    """Let a version's plan not be used again until another is made.

    Returns:
        Why that could not be written; empty if it was.
    """
    try:
        key = key_here(manifest.files[ARTEFACT].sha256)
        withdraw_plan(store, manifest.name, manifest.version, key, reason)
    except OSError as error:
        return str(error)
    return ""
