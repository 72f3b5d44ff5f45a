"""What is known of fits, so that they can be compared, drawn and resumed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.estimators import Estimator


@dataclass(frozen=True)
class Epoch:
    """One epoch of a fit: metric's name → value, on the rows fitted and the validation rows."""

    number: int
    fitted: Mapping[str, float]
    validation: Mapping[str, float]


@dataclass(frozen=True)
class Run:
    """One of N fits.

    Args:
        number: from 0.
        seed: of its split and its `random_state`.
        parameters: what it drew from the search space.
        score: the deciding metric on the validation rows.
        fitted_score: the same on the rows that it was fitted on.
        seconds: how long it took.
        epochs: its trace, if it was fitted epoch by epoch.
        error: why it failed; it then has no scores (NaN).
        warnings: what the libraries warned of, each once.
    """

    number: int
    seed: int
    parameters: Mapping[str, Any]
    score: float
    fitted_score: float
    seconds: float
    epochs: tuple[Epoch, ...] = ()
    error: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CurvePoint:
    """The metric at one number of rows: a value a repeat, on the validation rows and the fitted."""

    rows: int
    validation: tuple[float, ...]
    fitted: tuple[float, ...]


@dataclass(frozen=True)
class LearningCurve:
    """The metric against the number of rows.

    Args:
        metric: its name.
        points: ascending in rows.
        recommended_rows: the least number after which doubling brings less than was asked for.
        words: the recommendation in a sentence.
    """

    metric: str
    points: tuple[CurvePoint, ...]
    recommended_rows: int
    words: str


@dataclass(frozen=True)
class Chosen:
    """The winner of all runs, and what is known of the others.

    Args:
        model: the fitted pipeline.
        best: its run.
        runs: all, by number; those that a stop made needless are missing.
        curve: if it was asked for.
    """

    model: Estimator
    best: Run
    runs: tuple[Run, ...]
    curve: LearningCurve | None = None
    notes: tuple[str, ...] = field(default=())
