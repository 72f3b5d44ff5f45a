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

SHARE: Final = 0.25
"""Of the memory that is free, for answers: 8 bytes a row, a model, and a class of probabilities."""


_HIGHEST: Final = 2**64 - 2**12


class Answers:
    """What a model said of rows that are gone, in the form in which metrics ask a model.

    Args:
        model: fitted, of features.
    """

    def __init__(self, model: Estimator) -> None:
        self._model = model
        self._said: dict[str, list[Array]] = {"predict": []}
        for method in ("predict_proba", "decision_function"):
            if hasattr(model, method):
                self._said[method] = []
                # Metrics look whether a model has them.
                setattr(self, method, lambda _, asked=method: self._joined(asked))
                break
        self.classes_ = getattr(model, "classes_", None)

    def see(self, X: Any) -> None:
        """Ask about a batch of features, and keep the answers."""
        for method, said in self._said.items():
            said.append(self._answer(method, X))

    def predict(self, _: Any) -> Array:
        """Return all labels or values, in the order in which the rows came."""
        return self._joined("predict")

    def _answer(self, method: str, X: Any) -> Array:
        found = np.asarray(getattr(self._model, method)(X))
        if method != "predict" or self.classes_ is None or found.dtype != object:
            return found
        # Texts of few classes: one object each, however many rows.
        return np.asarray(self.classes_)[np.searchsorted(self.classes_, found)]

    def _joined(self, method: str) -> Array:
        said = self._said[method]
        self._said[method] = said = [np.concatenate(said)]
        return said[0]


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
    answers = tuple(map(Answers, models))
    targets = []
    for batch in rows.batches(prepared.columns, prepared.batch_rows):
        chosen = lots(batch.numbers, prepared.seed) <= np.uint64(share * _HIGHEST)
        for piece in prepared.pieces(batch if share == 1.0 else batch.take(chosen)):
            X = prepared.features.of_new(piece.X)
            for one in answers:
                one.see(X)
            targets.append(piece.y)
    y = np.concatenate(targets)
    return Judged(answers, y, len(y))


def most_judged(prepared: Prepared, models: Iterable[Estimator]) -> int:
    """Return to how many rows the models' answers fit into memory."""
    numbers = 1 + sum(1 + len(getattr(model, "classes_", ())) for model in models)
    return prepared.budget.rows(8 * numbers, 1 / SHARE, 2**62)
