"""What the model says of the held-out rows, asked once for the whole report."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.evidence import Evidence
from models.rows import Array, Rows, take

MOST_ROWS: Final = 5000
"""A report judges by so many held-out rows at most, spread evenly."""

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Judged:
    """Held-out rows with the targets and what the model says of them.

    Args:
        X: the rows.
        actual: regression: the targets, float64. Classification: positions in `labels`, intp.
        predicted: the same of the model's answers.
        y: the targets as the model knows them.
        labels: the model's labels in its order and then those that it never saw; empty for a
            regression.
        probabilities: float64, shape (rows, classes); None if the model has none.
    """

    X: Rows
    actual: Array
    predicted: Array
    y: Array
    labels: tuple[Any, ...] = ()
    probabilities: Floats | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels as texts."""
        return tuple(map(str, self.labels))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.actual)


def judge(evidence: Evidence) -> Judged:
    """Predict the held-out rows."""
    X, y = evidence.X, np.asarray(evidence.y)
    if len(y) > MOST_ROWS:
        kept = np.linspace(0, len(y) - 1, MOST_ROWS).astype(int)
        X, y = take(X, kept), y[kept]
    predicted = np.asarray(evidence.model.predict(X)).reshape(len(y), -1)[:, 0]
    if evidence.specification.model.task == "regression":
        return Judged(X, y.astype(np.float64), predicted.astype(np.float64), y)
    labels = _labels(evidence.model, y, predicted)
    known = len(np.atleast_1d(getattr(evidence.model, "classes_", ())))
    return Judged(
        X,
        positions(y, labels),
        positions(predicted, labels),
        y,
        tuple(labels),
        _probabilities(evidence.model, X, known, len(labels)),
    )


def positions(values: Any, labels: list[Any]) -> Indices:
    """Return the place of each value among the labels."""
    place = {label: number for number, label in enumerate(labels)}
    return np.array([place[value] for value in _plain(values)], dtype=np.intp)


def as_frame(X: Rows) -> pd.DataFrame | None:
    """Return tabular rows as a frame with texts as names; None if they are pictures."""
    if isinstance(X, pd.DataFrame):
        return X
    if X.ndim == 1:
        return None
    return pd.DataFrame(X, columns=[f"column {number}" for number in range(X.shape[1])])


def _labels(model: Any, *said: Array) -> list[Any]:
    """Return the model's labels, and behind them those that only the rows have."""
    labels = list(dict.fromkeys(_plain(getattr(model, "classes_", ()))))
    others = dict.fromkeys(value for values in said for value in _plain(values))
    return labels + sorted((one for one in others if one not in labels), key=str)


def _plain(values: Any) -> list[Any]:
    return [one.item() if isinstance(one, np.generic) else one for one in np.asarray(values)]


def _probabilities(model: Any, X: Rows, known: int, wanted: int) -> Floats | None:
    try:
        found = np.asarray(model.predict_proba(X), dtype=np.float64)
    except (AttributeError, NotImplementedError):
        return None
    if found.shape != (len(X), known) or not np.isfinite(found).all():
        return None
    return np.pad(found, ((0, 0), (0, wanted - known)))
