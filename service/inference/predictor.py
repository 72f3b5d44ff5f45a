"""Asking a fitted estimator, and checking that what it answers is an answer."""

from collections.abc import Callable, Sequence
from math import isnan
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from joblib import parallel_config

from models.schema import OutputSchema
from models.tables import Matrix, Takes, as_taken, take_rows
from service.errors import ModelFailed, ServiceError

CLEAR_MARGIN = 1e-9
"""Two best probabilities closer than this may be tied by rounding: then `predict` is asked."""

FEW = 64
"""Up to so many numbers are looked at one by one: an array's calls would take longer."""

Indices = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


class Estimator(Protocol):
    """What is used of a scikit-learn estimator."""

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return a label or value a row."""

    def predict_proba(self, X: Any) -> npt.NDArray[Any]:
        """Return a probability a row and class."""


class Form(Estimator, Protocol):
    """A verified way of computing the same; see `models.forms.form`."""

    @property
    def takes(self) -> Takes:
        """In which container it is handed its rows."""


class Step(NamedTuple):
    """A form, and for which batches it is the one."""

    up_to_rows: float
    """The largest such batch; infinity for the last step."""
    form: Form | None
    """None is scikit-learn."""


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
        steps: verified forms, the one for the smallest batches first; scikit-learn where there
            are none.
        limit: how far a form's numbers may be from scikit-learn's; absolute below 1, relative
            above.
    """

    def __init__(
        self,
        estimator: Estimator,
        output: OutputSchema,
        steps: Sequence[Step] = (),
        limit: float = 0.0,
    ) -> None:
        self._output = output
        self.limit = limit
        self._width = () if output.width is None else (output.width,)
        self._offer: Callable[[Matrix, Prediction], None] | None = None
        self._scikit = _Way(estimator, "X", output.method)
        self._steps = [
            (up_to, self._scikit if form is None else _Way(form, form.takes, output.method))
            for up_to, form in steps
        ]
        self._classes: npt.NDArray[Any] | None = None
        # Where each of the sorted classes stands in the manifest; None if they are sorted there.
        self._places: Indices | None = None
        if output.classes is not None:
            self._learn_classes(np.asarray(output.classes))

    def fall_back(self) -> None:
        """Let scikit-learn answer from now on, whatever was verified."""
        self._steps = []
        self._offer = None

    def watch(self, offer: Callable[[Matrix, Prediction], None]) -> None:
        """Let somebody have a look at what forms answer."""
        if self._steps:
            self._offer = offer

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
        whole = self.predict_whole(X, probabilities)
        if len(spans) == 1:
            return [whole]
        if isinstance(whole, Prediction):
            return [whole.rows(*span) for span in spans]
        return self.predict_each(X, spans, probabilities)

    def predict_each(
        self, X: Matrix, spans: list[tuple[int, int]], probabilities: bool
    ) -> list[Prediction | ServiceError]:
        """Predict several requests, each in a call of its own; as `predict_spans`."""
        return [
            self.predict_whole(take_rows(X, slice(start, stop)), probabilities)
            for start, stop in spans
        ]

    def predict_whole(self, X: Matrix, probabilities: bool) -> Prediction | ServiceError:
        """Predict all rows of X in one call, or say why that is not possible."""
        try:
            whole = self.predict(X, probabilities)
            if not whole.is_finite():
                raise ModelFailed("The model answered a number that is not finite.")  # noqa: TRY301
        except ServiceError as error:
            return error
        except Exception:
            # What a client hears of an exception of the model: nothing of its inside.
            return ModelFailed("The model failed on this input.")
        return whole

    def predict(self, X: Matrix, probabilities: bool) -> Prediction:
        """Predict all rows of X in one call.

        Raises:
            ModelFailed: the answer has not the form that the manifest tells.
            Exception: whatever the estimator raises.
        """
        rows = len(X)
        for up_to_rows, way in self._steps:
            if rows <= up_to_rows:
                if way is self._scikit:
                    break
                answer = self._predict(way, X, probabilities)
                if self._offer is not None:
                    self._offer(X, answer)
                return answer
        return self.predict_by_scikit(X, probabilities)

    def predict_by_scikit(self, X: Matrix, probabilities: bool) -> Prediction:
        """Predict all rows of X by scikit-learn; raises as `predict`."""
        # n_jobs was set to 1 at loading, but fitted children may hide another one.
        with parallel_config(backend="sequential"):
            return self._predict(self._scikit, X, probabilities)

    def _predict(self, way: "_Way", X: Matrix, probabilities: bool) -> Prediction:
        output, rows, taken = self._output, len(X), as_taken(X, way.takes)
        chances: Floats | None = None
        if output.probabilities and (probabilities or output.labels_from_probabilities):
            chances = np.asarray(way.predict_proba(taken), np.float64)
            _expect(chances.shape == (rows, len(output.classes or ())))
            if output.labels_from_probabilities:
                labels = self._labels_of(way, chances, X)
                return Prediction(labels, None, chances if probabilities else None)
        answers = np.asarray(way.ask(taken))
        _expect(answers.shape == (rows, *self._width))
        if self._classes is not None:
            return Prediction(self._indices(answers), None, chances)
        whole = answers.dtype.kind in "iub"
        return Prediction(None, answers.astype(np.int64 if whole else np.float64), None)

    def _labels_of(self, way: "_Way", chances: Floats, X: Matrix) -> Indices:
        labels: Indices = chances.argmax(axis=1).astype(np.int32)
        close = unclear_rows(chances)
        if len(close):
            asked = np.asarray(way.predict(as_taken(take_rows(X, close), way.takes)))
            labels[close] = self._indices(asked)
        return labels

    def _indices(self, answers: npt.NDArray[Any]) -> Indices:
        """Return where each label stands among the classes."""
        classes = np.asarray(self._classes)
        places = np.minimum(np.searchsorted(classes, answers), len(classes) - 1)
        _expect(bool((classes[places] == answers).all()))
        return places.astype(np.int32) if self._places is None else self._places[places]


class _Way:
    """What is asked of an estimator or of a form of it, bound once."""

    __slots__ = ("ask", "predict", "predict_proba", "takes")

    def __init__(self, asked: Any, takes: Takes, method: str) -> None:
        self.takes: Takes = takes
        self.ask: Callable[[Any], Any] = getattr(asked, method)
        self.predict: Callable[[Any], Any] = getattr(asked, "predict", self.ask)
        self.predict_proba: Callable[[Any], Any] = getattr(asked, "predict_proba", self.ask)


def unclear_rows(chances: Floats) -> npt.NDArray[np.intp]:
    """Return the rows whose two best probabilities may be tied by rounding, or hold a NaN."""
    if chances.shape[1] < 2:
        return np.empty(0, np.intp)
    if chances.size <= FEW:
        rows = [place for place, row in enumerate(chances.tolist()) if not _is_clear(row)]
        return np.array(rows, np.intp)
    near = chances.max(axis=1, keepdims=True) - CLEAR_MARGIN
    # One is the best itself; of a row with a NaN there is none.
    return np.flatnonzero((chances >= near).sum(axis=1) != 1)


def _is_clear(row: list[float]) -> bool:
    """Return the same of one row; for a few numbers lists are faster than arrays."""
    *_, second, best = sorted(row)
    return best - second > CLEAR_MARGIN and not isnan(sum(row))


def _expect(holds: bool) -> None:
    if not holds:
        raise ModelFailed("The model's answer does not have the form that its manifest tells.")
