"""A batch's result to one answer a request."""

from collections.abc import Sequence
from typing import Any, cast

import orjson

from models.schema import OutputSchema
from service.batching.answer import Answer, Computed
from service.batching.entry import Entry
from service.errors import FrameError, ServiceError, from_wire
from service.inference.messages import BatchResult, Status

TEXT, ERROR = Status.TEXT, Status.ERROR
"""Looked up once: Python 3.11 takes half a microsecond to find a member in its enumeration."""


def split_result(
    result: BatchResult, entries: Sequence[Entry], output: OutputSchema, now: float
) -> list[Answer | ServiceError]:
    """Cut the arrays of a batch at its requests' borders.

    Args:
        result: what the worker answered.
        entries: the requests of the batch, in its order.
        output: what the model promises to answer.
        now: monotonic seconds.

    Raises:
        FrameError: the result has not as many answers as the batch had requests, not as many rows
            as a request had, or not as many outputs as the model has: never may an answer reach
            the wrong client.
    """
    if len(result.entries) != len(entries):
        raise FrameError("a result for another batch")
    predictions = _predictions(result, output)
    has_chances = result.classes > 0
    predict_s = result.predict_ns / 1e9
    other_s = now - entries[0].sent_at - predict_s if entries else 0.0  # all left together
    computed = Computed(predictions, _chances(result), predict_s, other_s)
    answers: list[Answer | ServiceError] = []
    start = 0
    for entry, (count, status, blob) in zip(entries, result.entries, strict=True):
        if status is ERROR:
            answers.append(_error(blob))
            continue
        payload, queue_s = entry.payload, entry.sent_at - entry.enqueued_at
        if (status is TEXT) != (payload.cells is None):
            raise FrameError("an answer of another kind than the request")
        if status is TEXT:
            answers.append(Answer(computed, 0, count, queue_s, text=blob))
            continue
        if count != payload.rows:
            raise FrameError("a request got another number of rows than it had")
        wanted = entry.probabilities and has_chances
        answers.append(Answer(computed, start, count, queue_s, chances=wanted))
        start += count
    return answers


def _chances(result: BatchResult) -> list[list[float]]:
    width = result.classes
    if not width or not result.probabilities:
        return []
    flat = memoryview(result.probabilities)
    table = flat.cast("B").cast("d", (flat.nbytes // 8 // width, width))
    return cast("list[list[float]]", table.tolist())


def _error(blob: bytes) -> ServiceError:
    try:
        return from_wire(orjson.loads(blob))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise FrameError("an error that is none") from error


def _predictions(result: BatchResult, output: OutputSchema) -> list[Any]:
    if (result.labels or result.values) and result.width != (output.width or 0):
        raise FrameError("answers of another width than the model's")
    if result.labels:
        classes = output.classes or ()
        try:
            labels = [classes[i] for i in memoryview(result.labels).cast("I").tolist()]
        except IndexError as error:
            raise FrameError("a label that the model does not have") from error
        return _in_rows(labels, result.width)
    raw = memoryview(result.values)
    floats = output.dtype.startswith("float")
    values: list[Any] = raw.cast("d").tolist() if floats else raw.cast("q").tolist()
    if output.dtype == "bool":
        values = list(map(bool, values))
    return _in_rows(values, result.width)


def _in_rows(flat: list[Any], width: int) -> list[Any]:
    """Cut a flat list into rows of `width`; 0 leaves it flat."""
    return [flat[i : i + width] for i in range(0, len(flat), width)] if width else flat
