"""A batch's result to one answer a request."""

from collections.abc import Sequence
from typing import Any

import orjson

from models.schema import OutputSchema
from service.batching.entry import Answer, Entry, Timing
from service.errors import FrameError, ServiceError, from_wire
from service.inference.messages import BatchResult, Status


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
    width = result.classes
    chances = memoryview(result.probabilities).cast("d").tolist() if width else []
    predict_s = result.predict_ns / 1e9
    answers: list[Answer | ServiceError] = []
    start = 0
    for entry, got in zip(entries, result.entries, strict=True):
        if got.status is Status.ERROR:
            answers.append(_error(got.blob))
            continue
        timing = Timing(
            entry.sent_at - entry.enqueued_at, predict_s, now - entry.sent_at - predict_s
        )
        if (got.status is Status.TEXT) != (entry.payload.cells is None):
            raise FrameError("an answer of another kind than the request")
        if got.status is Status.TEXT:
            answers.append(Answer((), None, got.blob, got.rows, timing))
            continue
        if got.rows != entry.payload.rows:
            raise FrameError("a request got another number of rows than it had")
        stop = start + got.rows
        rows = None
        if width and entry.probabilities:
            rows = [chances[i * width : i * width + width] for i in range(start, stop)]
        answers.append(Answer(predictions[start:stop], rows, None, got.rows, timing))
        start = stop
    return answers


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
