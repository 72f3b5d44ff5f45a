"""What comes back for a request: its rows of a batch's result, or a text that a worker wrote."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson


class Timing(NamedTuple):
    """Where the time of an answered request went, in seconds."""

    queue_s: float
    predict_s: float
    other_s: float
    """Reading and writing in the worker, and the way there and back."""


class Computed:
    """What a worker answered to a batch, the rows of all its requests one after the other.

    Args:
        predictions: a label or value a row, as JSON knows them; a list of them if a row has many.
        probabilities: a list of float64 a row; empty if nobody asked.
        predict_s: what the prediction took.
        other_s: what else came between the batch's leaving and its result.

    Attributes:
        texts: each row's prediction as JSON, and each row's probabilities without brackets; None
            until somebody needs them.
        told: what a protocol says of these times; it writes that once, and keeps it here.
    """

    __slots__ = ("other_s", "predict_s", "predictions", "probabilities", "texts", "told")

    def __init__(
        self,
        predictions: Sequence[Any],
        probabilities: Sequence[Sequence[float]],
        predict_s: float,
        other_s: float,
    ) -> None:
        self.predictions = predictions
        self.probabilities = probabilities
        self.predict_s = predict_s
        self.other_s = other_s
        self.texts: tuple[list[bytes], list[bytes]] | None = None
        self.told = b""

    def write(self) -> tuple[list[bytes], list[bytes]]:
        """Write `texts`, for the first request of the batch that is answered in JSON."""
        # Numbers have no brackets, so that one text of all rows may be cut at them.
        chances = orjson.dumps(self.probabilities)[2:-2].split(b"],[")
        predictions = orjson.dumps(self.predictions)[1:-1].split(b",")
        if len(predictions) != len(self.predictions):  # a text with a comma, or a row of many
            predictions = list(map(orjson.dumps, self.predictions))
        self.texts = predictions, chances
        return self.texts


class Answer:
    """One request's answer.

    Args:
        computed: what its batch was answered.
        start: its first row there.
        rows: how many it has.
        queue_s: how long it waited for a worker.
        chances: whether it asked for probabilities.
        text: its answer, if the worker has written it; then `computed` has no rows.
    """

    __slots__ = ("chances", "computed", "queue_s", "rows", "start", "text")

    def __init__(
        self,
        computed: Computed,
        start: int,
        rows: int,
        queue_s: float,
        *,
        chances: bool = False,
        text: bytes | None = None,
    ) -> None:
        self.computed = computed
        self.start = start
        self.rows = rows
        self.queue_s = queue_s
        self.chances = chances
        self.text = text

    @property
    def predictions(self) -> Sequence[Any]:
        """Return a label or value a row."""
        return self.computed.predictions[self.start : self.start + self.rows]

    @property
    def probabilities(self) -> Sequence[Sequence[float]] | None:
        """Return a list of probabilities a row, or None if they were not asked for."""
        if not self.chances:
            return None
        return self.computed.probabilities[self.start : self.start + self.rows]

    def texts(self) -> tuple[bytes, bytes | None]:
        """Return the same as JSON, the rows joined and without their outer brackets."""
        texts = self.computed.texts
        predictions, chances = self.computed.write() if texts is None else texts
        start = self.start
        if self.rows == 1:
            return predictions[start], chances[start] if self.chances else None
        stop = start + self.rows
        joined = b"],[".join(chances[start:stop]) if self.chances else None
        return b",".join(predictions[start:stop]), joined

    @property
    def timing(self) -> Timing:
        """Return where its time went."""
        return Timing(self.queue_s, self.computed.predict_s, self.computed.other_s)


def written(text: bytes, rows: int, timing: Timing) -> Answer:
    """Return an answer that is a text already.

    Args:
        text: what a worker has written.
        rows: how many rows it answers.
        timing: where the time went.
    """
    nothing = Computed((), (), timing.predict_s, timing.other_s)
    return Answer(nothing, 0, rows, timing.queue_s, text=text)
