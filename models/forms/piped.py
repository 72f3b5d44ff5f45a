"""A form of an entry, steps and the answers at their end."""

from collections.abc import Sequence
from typing import Any

from models.forms.checks import Array
from models.forms.entry import Step
from models.forms.form import Name, Takes


class Piped:
    """Passes X through the steps and asks the last.

    Args:
        name: which way of computing it is.
        takes: what it is handed.
        steps: the entry, and what follows it.
        last: has `predict` and perhaps `predict_proba`; or None, and the steps transform.
    """

    def __init__(self, name: Name, takes: Takes, steps: Sequence[Step], last: Any) -> None:
        self.name = name
        self.takes = takes
        self._steps = tuple(steps)
        if last is None:
            self.transform = self._passed
            return
        self._labels = last.predict
        self.predict = self._predicted
        if hasattr(last, "predict_proba"):
            self._chances = last.predict_proba
            self.predict_proba = self._shared

    def _passed(self, X: Any) -> Array:
        for step in self._steps:
            X = step(X)
        return X  # type: ignore[no-any-return]

    def _predicted(self, X: Any) -> Array:
        for step in self._steps:
            X = step(X)
        return self._labels(X)  # type: ignore[no-any-return]

    def _shared(self, X: Any) -> Array:
        for step in self._steps:
            X = step(X)
        return self._chances(X)  # type: ignore[no-any-return]
