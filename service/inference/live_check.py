"""A sample of the answers, computed once more by scikit-learn while the worker has nothing to do.

A batch that a form has computed is kept aside, one at a time. When no frame has come for a while,
a few of its rows are predicted by scikit-learn. That takes at most a hundredth of the worker's
time, and delays a request that comes meanwhile by one call for a few rows.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple, Protocol

import numpy as np
import orjson

from models.schema import Column
from models.tables import Matrix, MixedRows, PlainRows, Rows, take_rows
from service.inference.predictor import Prediction

IDLE_S = 0.005
"""How long no frame must have come before a check begins."""
FIRST_S = 1.0
"""After its start a worker has other things to do."""
ROWS = 64
"""Most rows that are predicted once more."""
SHARE = 0.01
"""Of a worker's time that checks may take."""
WHOLE_ROWS = 4096
"""A larger batch is never predicted once more as a whole."""
SHOWN = 8


class Checked(Protocol):
    """What can be checked: a model whose answers a form may compute."""

    limit: float

    def predict(self, X: Matrix, probabilities: bool) -> Prediction:
        """Predict as batches are."""

    def predict_by_scikit(self, X: Matrix, probabilities: bool) -> Prediction:
        """Predict by scikit-learn."""


class Sample(NamedTuple):
    """An answer that was given."""

    model: int
    checked: Checked
    X: Matrix
    answer: Prediction
    start: int
    """Of the rows that are predicted once more, the first."""


class LiveCheck:
    """Keeps samples aside and checks them.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._next_at = clock() + FIRST_S
        self._taken = 0
        self.sample: Sample | None = None

    def offer(self, model: int, checked: Checked, X: Matrix, answer: Prediction) -> None:
        """Keep a batch aside if it is time for another sample."""
        if self.sample is not None or self._clock() < self._next_at:
            return
        rows = len(X)
        self._taken += 1
        start = (self._taken * ROWS * 7) % max(rows - ROWS + 1, 1)
        if rows > WHOLE_ROWS:
            # A copy: a view would keep the whole frame.
            which = np.arange(start, start + ROWS)
            X, answer, start = take_rows(X, which), answer.rows(start, start + ROWS), 0
        self.sample = Sample(model, checked, X, answer, start)

    def forget(self, model: int) -> None:
        """Check nothing of a model that scikit-learn computes now."""
        if self.sample is not None and self.sample.model == model:
            self.sample = None

    def check(self) -> tuple[int, bytes] | None:
        """Check what was kept aside.

        Returns:
            The model's number and, as JSON, what differs; None if nothing does.
        """
        sample, self.sample = self.sample, None
        if sample is None:
            return None
        begin = self._clock()
        try:
            found = _compared(sample)
        finally:
            now = self._clock()
            self._next_at = now + (now - begin) / SHARE
        return None if found is None else (sample.model, orjson.dumps(found))


def _compared(sample: Sample) -> dict[str, Any] | None:
    _, checked, X, answer, start = sample
    stop = min(start + ROWS, len(X))
    some, given = take_rows(X, slice(start, stop)), answer.rows(start, stop)
    wanted = answer.probabilities is not None
    try:
        expected = checked.predict_by_scikit(some, wanted)
        places = differing(given, expected, checked.limit)
        if not len(places):
            return None
        # In another call scikit-learn itself may round otherwise: only the same rows count.
        again = differing(checked.predict(some, wanted), expected, checked.limit)
        if not len(again) and (len(X) == len(some) or len(X) <= WHOLE_ROWS):
            start = 0
            again = differing(answer, checked.predict_by_scikit(X, wanted), checked.limit)
        if not len(again):
            return None
        return _told(X, start + again, "other answers than scikit-learn's")
    except Exception:  # the model fails where the form has answered
        return _told(X, np.arange(start, stop), "answers where scikit-learn fails")


def differing(given: Prediction, expected: Prediction, limit: float) -> "np.ndarray[Any, Any]":
    """Return the rows in which two predictions are not the same.

    Args:
        given: what was answered.
        expected: what scikit-learn says.
        limit: the largest difference of a number; absolute below 1, relative above.
    """
    differs: np.ndarray[Any, Any] | None = None
    for mine, other, most in (
        (given.labels, expected.labels, 0.0),
        (given.values, expected.values, limit),
        (given.probabilities, expected.probabilities, limit),
    ):
        if mine is None or other is None:
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            # NaN is no number below the limit, but equal to another NaN here.
            near = np.abs(mine - other) <= most * np.maximum(1.0, np.abs(other))
        near &= np.isfinite(other)
        apart = ~(near | (mine == other) | (np.isnan(mine) & np.isnan(other)))
        rows = apart.reshape(len(apart), -1).any(axis=1)
        differs = rows if differs is None else differs | rows
    return np.flatnonzero(differs) if differs is not None else np.zeros(0, np.intp)


def _told(X: Matrix, rows: "np.ndarray[Any, Any]", what: str) -> dict[str, Any]:
    """Return what is logged: which rows of the batch and what is unusual there, never values."""
    shown = rows[:SHOWN]
    told = {"what": what, "rows": [int(row) for row in shown], "of": len(rows)}
    if isinstance(X, PlainRows | MixedRows):
        told["unusual_columns"] = _unusual(take_rows(X, shown))
    return told


def _unusual(rows: Rows) -> list[str]:
    """Return the columns that are null somewhere, or what training did not know."""
    return [
        column.name
        for column, values in zip(rows.columns, rows.container("columns"), strict=True)
        if any(_is_unusual(column, value) for value in values.tolist())
    ]


def _is_unusual(column: Column, value: Any) -> bool:
    if value is None or value != value:  # noqa: PLR0124  # NaN is null
        return True
    if column.categories is not None:
        return value not in column.categories
    if column.min is None or column.max is None or isinstance(value, str):
        return False
    return not column.min <= value <= column.max
