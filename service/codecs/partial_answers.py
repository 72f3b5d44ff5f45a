"""Answers that lack some rows: null in their places, and a list that says why."""

from collections.abc import Sequence
from typing import Any

import orjson

from models.schema import OutputSchema
from service.codecs.answers import AnswerEncoder
from service.codecs.csv_answers import encode_csv
from service.codecs.flags import Warnings
from service.codecs.partial_rows import RowError, Sieved
from service.errors import DeadlineExceeded, ModelFailed

FAILED = "the model failed on this row"
NOT_FINITE = "the model answered a number that is not finite"
UNDECIDED = "no time was left to find out whether the model fails on this row"


class PartialAnswer:
    """The answer to one request, filled row by row.

    Args:
        sieved: the request's rows; what is wrong with some is told.
        probabilities: whether they are asked for.
    """

    def __init__(self, sieved: Sieved, *, probabilities: bool) -> None:
        self._sieved = sieved
        self._predictions: list[Any] = [None] * sieved.rows_given
        self._chances: list[Any] | None = [None] * sieved.rows_given if probabilities else None
        self._errors = list(sieved.errors)

    def put(self, row: int, prediction: Any, chances: Any) -> None:
        """Take a row's answer."""
        self._predictions[row] = prediction
        if self._chances is not None:
            self._chances[row] = chances

    def refuse(self, error: RowError) -> None:
        """Take what is wrong with a row."""
        self._errors.append(error)

    def fail(self, row: int, message: str) -> None:
        """Tell of a row on which the model failed, or may have."""
        word = DeadlineExceeded.code if message == UNDECIDED else ModelFailed.code
        self._errors.append(RowError(row, word, message, self._sieved.loc(row)))

    def text(self, encoder: AnswerEncoder, warnings: Warnings | None) -> bytes:
        """Return the answer's JSON; it has the key `errors` if there are any."""
        text = encoder.encode(self._sieved.form, self._predictions, self._chances, warnings)
        if not self._errors:
            return text
        told = [error.told() for error in sorted(self._errors)]
        return b'%s,"errors":%s}' % (text[:-1], orjson.dumps(told))


def partial_csv(output: OutputSchema, text: bytes) -> bytes:
    """Return an answer as CSV, whose last column is `error`: empty where there is a prediction.

    Args:
        output: what the model promises to answer.
        text: the answer's JSON.
    """
    said = orjson.loads(text)
    single = "prediction" in said
    predictions = [said["prediction"]] if single else said.get("predictions", said.get("outputs"))
    chances = said.get("probabilities")
    if chances is not None:
        nothing = [""] * len(output.classes or ())
        rows = [chances] if single else chances
        chances = [nothing if one is None else one for one in rows]
    empty: Sequence[str] | str = "" if output.width is None else [""] * output.width
    filled = [empty if one is None else one for one in predictions]
    errors = [""] * len(filled)
    for error in said.get("errors", ()):
        errors[error["row"]] = error["message"]
    return encode_csv(output, filled, chances, more={"error": errors})
