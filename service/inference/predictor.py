"""Asking a fitted estimator, and checking that what it answers is an answer."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from joblib import parallel_config

from models.schema import OutputSchema
from service.errors import ModelFailed, ServiceError
from service.inference.inputs import Matrix, take_rows

CLEAR_MARGIN = 1e-9
"""Two best probabilities closer than this may be tied by rounding: then `predict` is asked."""

Indices = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


class Estimator(Protocol):
    """What is used of a scikit-learn estimator."""

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return a label or value a row."""

    def predict_proba(self, X: Any) -> npt.NDArray[Any]:
        """Return a probability a row and class."""


class Prediction:
    """What a model answered for some rows, in their order.

    Attributes:
        labels: indices of the classes, shape (rows,) or (rows, outputs), or None if the model has
            no classes.
        values: float64 or int64, shape (rows,) or (rows, width), or None if it has classes.
        probabilities: shape (rows, classes), or None if they were not asked for.
    """

    __slots__ = ("labels", "probabilities", "values")

    def __init__(
        self,
        labels: Indices | None,
        values: npt.NDArray[Any] | None,
        probabilities: Floats | None,
    ) -> None:
        self.labels = labels
        self.values = values
        self.probabilities = probabilities

    def rows(self, start: int, stop: int) -> "Prediction":
        """Return the answers for a range of the rows."""
        cut = slice(start, stop)
        return Prediction(
            None if self.labels is None else self.labels[cut],
            None if self.values is None else self.values[cut],
            None if self.probabilities is None else self.probabilities[cut],
        )

    def is_finite(self) -> bool:
        """Return whether every number is finite: JSON has no other, and NaN is no answer."""
        return all(bool(np.isfinite(array).all()) for array in self._numbers())

    def finite_rows(self) -> npt.NDArray[np.bool_]:
        """Return of each row whether every number is finite."""
        first = self.labels if self.values is None else self.values
        finite = np.ones(0 if first is None else len(first), bool)
        for array in self._numbers():
            finite &= np.isfinite(array).reshape(len(finite), -1).all(axis=1)
        return finite

    def _numbers(self) -> list[npt.NDArray[Any]]:
        return [array for array in (self.values, self.probabilities) if array is not None]


class Predictor:
    """A fitted estimator that answers only as its manifest promises.

    Args:
        estimator: as loaded from the artefact.
        output: what it promises to answer.
    """

    def __init__(self, estimator: Estimator, output: OutputSchema) -> None:
        self._estimator = estimator
        self._output = output
        self._ask: Callable[[Any], Any] = getattr(estimator, output.method)
        self._classes: npt.NDArray[Any] | None = None
        # Where each of the sorted classes stands in the manifest; None if they are sorted there.
        self._places: Indices | None = None
        if output.classes is not None:
            self._learn_classes(np.asarray(output.classes))

    def _learn_classes(self, classes: npt.NDArray[Any]) -> None:
        order = np.argsort(classes, kind="stable").astype(np.int32)
        self._classes = classes[order]
        if (order[1:] < order[:-1]).any():
            self._places = order

    def predict_spans(
        self, X: Matrix, spans: list[tuple[int, int]], probabilities: bool
    ) -> list[Prediction | ServiceError]:
        """Predict several requests in one call; if that fails, each alone.

        Args:
            X: the rows of all requests.
            spans: first and last row + 1 of each request; together they are all rows.
            probabilities: whether anyone asked for them.

        Returns:
            For each request its answers, or the error that it alone made.
        """
        try:
            whole = self.predict(X, probabilities)
            if not whole.is_finite():
                raise ModelFailed("The model answered a number that is not finite.")  # noqa: TRY301
            return [whole] if len(spans) == 1 else [whole.rows(*span) for span in spans]
        except ServiceError as error:
            failure = error
        except Exception:
            # What a client hears of an exception of the model: nothing of its inside.
            failure = ModelFailed("The model failed on this input.")
        if len(spans) == 1:
            return [failure]
        alone: list[Prediction | ServiceError] = []
        for start, stop in spans:
            part = take_rows(X, slice(start, stop))
            alone += self.predict_spans(part, [(0, stop - start)], probabilities)
        return alone

    def predict(self, X: Matrix, probabilities: bool) -> Prediction:
        """Predict all rows of X in one call.

        Raises:
            ModelFailed: the answer has not the form that the manifest tells.
            Exception: whatever the estimator raises.
        """
        rows, output = len(X), self._output
        chances: Floats | None = None
        # n_jobs was set to 1 at loading, but fitted children may hide another one.
        with parallel_config(backend="sequential"):
            if output.probabilities and (probabilities or output.labels_from_probabilities):
                chances = np.asarray(self._estimator.predict_proba(X), np.float64)
                _expect(chances.shape == (rows, len(output.classes or ())))
            if chances is not None and output.labels_from_probabilities:
                labels = self._labels_of(chances, X)
                return Prediction(labels, None, chances if probabilities else None)
            answers = np.asarray(self._ask(X))
        _expect(answers.shape == ((rows,) if output.width is None else (rows, output.width)))
        if self._classes is not None:
            return Prediction(self._indices(answers), None, chances)
        whole = answers.dtype.kind in "iub"
        return Prediction(None, answers.astype(np.int64 if whole else np.float64), None)

    def _labels_of(self, chances: Floats, X: Matrix) -> Indices:
        labels: Indices = chances.argmax(axis=1).astype(np.int32)
        if chances.shape[1] > 1:
            two_best = np.partition(chances, -2, axis=1)[:, -2:]
            # the negation also catches NaN
            close = np.flatnonzero(~(two_best[:, 1] - two_best[:, 0] > CLEAR_MARGIN))
            if len(close):
                asked = np.asarray(self._estimator.predict(take_rows(X, close)))
                labels[close] = self._indices(asked)
        return labels

    def _indices(self, answers: npt.NDArray[Any]) -> Indices:
        """Return where each label stands among the classes."""
        classes = np.asarray(self._classes)
        places = np.minimum(np.searchsorted(classes, answers), len(classes) - 1)
        _expect(bool((classes[places] == answers).all()))
        return places.astype(np.int32) if self._places is None else self._places[places]


def _expect(holds: bool) -> None:
    if not holds:
        raise ModelFailed("The model's answer does not have the form that its manifest tells.")
