"""Scores of models on rows that are read batch by batch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.estimators import Estimator
from models.medium.batch import lots
from models.medium.cached import CachedRows
from models.medium.prepared import Prepared
from models.metrics import Metric
from models.rows import Array

SHARE: Final = 0.5
"""Of the memory that is free, for answers: 8 bytes a row, a model, and a class of probabilities."""
OF_METRICS: Final = 5
"""So many numbers a row a metric makes on its way: differences, squares, weights."""


_HIGHEST: Final = 2**64 - 2**12


class Filled:
    """An array that is filled piece by piece: joining pieces would need room for all of it twice.

    Args:
        most: rows at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._array: Array | None = None
        self._rows = 0

    def add(self, piece: Array) -> None:
        """Put a piece behind the others; all have the same width."""
        if self._array is None:
            self._array = np.empty((self._most, *piece.shape[1:]), piece.dtype)
        kind = np.result_type(self._array, piece)
        if kind != self._array.dtype:
            self._array = self._array.astype(kind)
        self._array[self._rows : self._rows + len(piece)] = piece
        self._rows += len(piece)

    def values(self) -> Array:
        """Return what was added."""
        return np.empty(0) if self._array is None else self._array[: self._rows]


class Answers:
    """What a model said of rows that are gone, in the form in which metrics ask a model.

    Args:
        model: fitted, of features.
        most: rows at most.
    """

    def __init__(self, model: Estimator, most: int) -> None:
        self._model = model
        self._said = {"predict": Filled(most)}
        for method in ("predict_proba", "decision_function"):
            if hasattr(model, method):
                self._said[method] = Filled(most)
                # Metrics look whether a model has them.
                setattr(self, method, lambda _, asked=method: self._said[asked].values())
                break
        self.classes_ = getattr(model, "classes_", None)

    def see(self, X: Any) -> None:
        """Ask about a batch of features, and keep the answers."""
        for method, said in self._said.items():
            said.add(self._answer(method, X))

    def predict(self, _: Any) -> Array:
        """Return all labels or values, in the order in which the rows came."""
        return self._said["predict"].values()

    def _answer(self, method: str, X: Any) -> Array:
        found = np.asarray(getattr(self._model, method)(X))
        if method != "predict" or self.classes_ is None or found.dtype != object:
            return found
        # Texts of few classes: one object each, however many rows.
        return np.asarray(self.classes_)[np.searchsorted(self.classes_, found)]


@dataclass(frozen=True)
class Judged:
    """Models' answers to rows, and the rows' targets."""

    answers: tuple[Answers, ...]
    y: Array
    rows: int

    def scores(self, metric: Metric) -> list[float]:
        """Return the metric of each model."""
        return [float(metric.score(one, self.y, self.y)) for one in self.answers]


def judge(prepared: Prepared, rows: CachedRows, models: Sequence[Estimator]) -> Judged:
    """Ask models about rows that they were not fitted on.

    All rows, or, if the answers to all do not fit into memory, as many as do, drawn evenly.

    Args:
        prepared: makes features of rows.
        rows: in the cache.
        models: fitted, of features; nothing is taken twice.
    """
    most = most_judged(prepared, models)
    share = 1.0 if len(rows) <= most else most / len(rows)
    # Lots are drawn row by row: their number is only about what was asked for.
    room = min(len(rows), int(len(rows) * share * 1.02) + 10_000)
    answers = tuple(Answers(model, room) for model in models)
    targets = Filled(room)
    for batch in rows.batches(prepared.columns, prepared.batch_rows):
        chosen = lots(batch.numbers, prepared.seed) <= np.uint64(share * _HIGHEST)
        for piece in prepared.pieces(batch if share == 1.0 else batch.take(chosen)):
            X = prepared.features.of_new(piece.X)
            for one in answers:
                one.see(X)
            targets.add(np.asarray(piece.y))
    y = targets.values()
    return Judged(answers, y, len(y))


def most_judged(prepared: Prepared, models: Iterable[Estimator]) -> int:
    """Return to how many rows the models' answers fit into memory."""
    numbers = 1 + sum(1 + len(getattr(model, "classes_", ())) for model in models)
    return prepared.budget.rows(8 * (numbers + OF_METRICS), 1 / SHARE, 2**62)
