"""The runs of a specification as models that are fitted side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.errors import BadSpecification
from models.estimators import Estimator
from models.fit.draw import FEATURES, Draw, drawn
from models.fit.one import unfitted
from models.fit.run import Epoch
from models.spec import Specification


@dataclass
class Candidate:
    """One run.

    Args:
        draw: what is particular to it.
        model: of features; fitted in place, or exchanged for what was fitted.
        trace: of its epochs.
        parts: the models that were averaged.
        seconds: that its fit took.
        error: why it failed; empty if it did not.
    """

    draw: Draw
    model: Estimator
    trace: list[Epoch] = field(default_factory=list)
    parts: list[Estimator] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""


def candidates_of(spec: Specification) -> list[Candidate]:
    """Return all runs, unfitted.

    Raises:
        BadSpecification: there is no such estimator or parameter, or the search changes features:
            these are learned once, for all runs.
    """
    reaching = [name for name in spec.fit.search if name.startswith(FEATURES)]
    if reaching:
        raise BadSpecification(
            f"fit.search.{reaching[0]}: with engine = batches all runs share their features; search"
            ' on a sample: strategy = "sample" under [medium]'
        )
    draws = [drawn(spec, number) for number in range(spec.fit.runs)]
    return [Candidate(draw, unfitted(spec, draw)["model"]) for draw in draws]


def alive(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return those that have not failed."""
    return [one for one in candidates if not one.error]
