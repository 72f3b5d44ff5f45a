"""Predictions as a client sees them: labels in place of their indices, booleans as such."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from models.schema import Label, OutputSchema
from service.inference.predictor import Prediction

Array = npt.NDArray[Any]
KINDS: dict[type, Any] = {bool: np.bool_, int: np.int64, float: np.float64}
"""Labels that an array can hold as they are; others are objects of Python."""


class Shown:
    """Shows the predictions of one model.

    Args:
        output: what it promises to answer.
    """

    def __init__(self, output: OutputSchema) -> None:
        self._classes = _as_array(output.classes or ())
        self._is_bool = output.kind == "values" and output.dtype == "bool"

    def for_json(self, outcome: Prediction) -> Array | list[Any]:
        """Return labels or values as orjson writes them at once, a row a row."""
        shown = self._array(outcome)
        return shown.tolist() if shown.dtype.hasobject else np.ascontiguousarray(shown)

    def listed(self, outcome: Prediction) -> list[Any]:
        """Return labels or values as JSON knows them, in lists."""
        return self._array(outcome).tolist()  # type: ignore[no-any-return]

    def _array(self, outcome: Prediction) -> Array:
        if outcome.values is None:
            labels: Array = self._classes[np.asarray(outcome.labels)]
            return labels
        return outcome.values.astype(bool) if self._is_bool else outcome.values


def _as_array(labels: Sequence[Label]) -> Array:
    kinds = {type(label) for label in labels}
    kind = KINDS.get(kinds.pop(), object) if len(kinds) == 1 else object
    try:
        array = np.empty(len(labels), kind)
        array[:] = labels
    except OverflowError:  # a whole number that only Python can hold
        return np.array(labels, object)
    return array
