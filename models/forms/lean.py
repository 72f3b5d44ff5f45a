"""Builds lean forms: a fitted pipeline, step after step."""

from typing import Any, Final

from models.forms.entry import Matrix, MatrixEntry, Step
from models.forms.errors import NoForm
from models.forms.known import class_name, kind_of
from models.forms.linear import LINEAR
from models.forms.piped import Piped
from models.forms.scalers import SCALERS
from models.forms.trees import TREES
from models.schema import TabularSchema

_LAST: Final[dict[str, Any]] = {**LINEAR, **TREES}
_STEPS: Final[dict[str, Any]] = {**SCALERS}
_SEARCHES: Final = frozenset({"model_selection.GridSearchCV", "model_selection.RandomizedSearchCV"})


def lean(estimator: Any, schema: TabularSchema) -> Piped:
    """Return the lean form.

    Args:
        estimator: fitted.
        schema: what it takes.

    Raises:
        NoForm: there is none, and why.
    """
    entry = MatrixEntry(schema)
    steps: list[Step] = [entry]
    *before, last = stages(estimator)
    kind = entry.kind
    for stage in before:
        step, kind = _step(stage, kind)
        steps.append(step)
    made = _LAST.get(kind_of(last))
    if made is not None:
        return Piped("lean", "matrix", steps, made(last, kind))
    step, kind = _step(last, kind)
    return Piped("lean", "matrix", [*steps, step], None)


def stages(estimator: Any) -> list[Any]:
    """Return a pipeline's steps, those of pipelines inside it too; or the estimator alone.

    Raises:
        NoForm: something about a pipeline is not known.
    """
    while class_name(estimator) in _SEARCHES and hasattr(estimator, "best_estimator_"):
        estimator = estimator.best_estimator_
    if class_name(estimator) != "pipeline.Pipeline":
        return [estimator]
    kind_of(estimator)
    found: list[Any] = []
    for _, step in estimator.steps:
        if step is not None and step != "passthrough":
            found += stages(step)
    if not found:
        raise NoForm("a pipeline has no step")
    return found


def _step(stage: Any, kind: Matrix) -> tuple[Step, Matrix]:
    made = _STEPS.get(kind_of(stage))
    if made is None:
        raise NoForm(f"{type(stage).__name__} is no step that is known")
    step: tuple[Step, Matrix] = made(stage, kind)
    return step
