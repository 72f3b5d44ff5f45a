"""The metric by which the report ranks columns, and how sure it is."""

import warnings
from typing import Any, Final

import numpy as np

from models.errors import BadSpecification
from models.metrics import METRICS, Metric, metric_named
from models.report.judged import Floats, Indices, Judged
from models.report.numbers import PERCENT, say
from models.rows import Array

RESAMPLES: Final = 400
LEAST_ROWS: Final = 10
_USUAL: Final = {"classification": "accuracy", "regression": "r2"}


class _Said:
    """Answers as the model did, without asking it again; X are positions of held-out rows."""

    def __init__(self, judged: Judged) -> None:
        self._judged = judged
        self.classes_ = np.arange(len(judged.labels))
        if judged.probabilities is not None:
            self.predict_proba = self._probabilities

    def predict(self, rows: Indices) -> Array:
        return self._judged.predicted[rows]

    def _probabilities(self, rows: Indices) -> Floats:
        return np.asarray(self._judged.probabilities)[rows]


def score(metric: Metric, judged: Judged, rows: Indices) -> float:
    """Return the metric on some held-out rows, NaN where it is not defined.

    Raises:
        AttributeError: it needs probabilities, and the model has none.
    """
    said: Any = _Said(judged)
    with warnings.catch_warnings():
        # Of resampled rows a class may be missing, or a target constant.
        warnings.simplefilter("ignore")
        try:
            return metric.score(said, rows, judged.actual[rows])
        except ValueError:
            return float("nan")


def metric_for(task: str, name: str, judged: Judged) -> Metric:
    """Return the metric of that name, or the task's usual one if the report cannot compute it."""
    try:
        metric = metric_named(name, task)
        score(metric, judged, np.arange(judged.rows))
    except (BadSpecification, AttributeError):
        return METRICS[_USUAL[task]]
    return metric


def interval(metric: Metric, judged: Judged, seed: int) -> tuple[float, float] | None:
    """Return the metric's 95 % percentile interval over resampled held-out rows (Efron, 1979).

    Returns:
        Lower and upper end; None if there are too few rows to say anything.
    """
    if judged.rows < LEAST_ROWS:
        return None
    rng = np.random.default_rng(seed)
    values = np.array(
        [score(metric, judged, rng.integers(0, judged.rows, judged.rows)) for _ in range(RESAMPLES)]
    )
    if not np.isfinite(values).any():
        return None
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)


def interval_words(metric: Metric, judged: Judged, seed: int) -> str:
    """Return the metric with its interval, for the top of the page."""
    words = f"{metric.name} {say(score(metric, judged, np.arange(judged.rows)))}"
    ends = interval(metric, judged, seed)
    if ends is None:
        return f"{words} (too few rows to say how sure that is)"
    return f"{words} (95{PERCENT} interval {say(ends[0])} to {say(ends[1])}, from resampled rows)"
