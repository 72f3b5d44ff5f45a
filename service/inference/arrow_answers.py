"""Predictions as Arrow: a schema, a record batch, and the end of the stream, together or apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from models.schema import Label, OutputSchema
from service.codecs.csv_answers import column_names
from service.inference.arrow_arrays import of_bools, of_numbers, of_texts
from service.inference.predictor import Prediction

WARNINGS = "warnings"


class ArrowAnswers:
    """Writes the answers of one model.

    Args:
        output: what the model promises to answer.
        flagged: whether there is a column for what is told of the rows.
    """

    def __init__(self, output: OutputSchema, flagged: bool) -> None:
        self._output = output
        self._flagged = flagged
        width = output.width or 1
        by_output = output.classes_by_output or (output.classes,) * width
        self._types = [_type_of(output, classes) for classes in by_output]
        labels = output.classes or ()
        self._labels = [_as_array(labels, kind) for kind in self._types] if labels else None

    def batch(
        self, prediction: Prediction, warnings: Sequence[str | None] | None
    ) -> pa.RecordBatch:
        """Return predictions, probabilities if there are any, and warnings, as columns."""
        columns = self._predictions(prediction)
        chances = prediction.probabilities
        if chances is not None:
            columns += [of_numbers(one) for one in chances.T]
        names = column_names(self._output, chances is not None)
        if self._flagged:
            names.append(WARNINGS)
            columns.append(of_texts(warnings or [None] * len(columns[0])))
        return pa.RecordBatch.from_arrays(columns, names)

    def _predictions(self, prediction: Prediction) -> list[pa.Array]:
        answers = prediction.labels if prediction.values is None else prediction.values
        if answers is None:
            raise ValueError("a prediction of nothing")
        each = [answers] if answers.ndim == 1 else list(answers.T)
        if self._labels is not None:
            return [
                labels.take(of_numbers(places))
                for labels, places in zip(self._labels, each, strict=True)
            ]
        return [of_numbers(one).cast(kind) for one, kind in zip(each, self._types, strict=True)]


def as_stream(batch: pa.RecordBatch) -> bytes:
    """Return a whole stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def as_message(batch: pa.RecordBatch, *, is_first: bool) -> bytes:
    """Return a stream's next message; before the first one stands the schema."""
    message = bytes(batch.serialize())
    return bytes(batch.schema.serialize()) + message if is_first else message


def _type_of(output: OutputSchema, classes: Sequence[Label] | None) -> pa.DataType:
    if classes is None:
        if output.dtype.startswith("float"):
            return pa.float64()
        return pa.bool_() if output.dtype == "bool" else pa.int64()
    kinds = {type(one) for one in classes}
    types: dict[type, pa.DataType] = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    return types.get(kinds.pop(), pa.string()) if len(kinds) == 1 else pa.string()


def _as_array(labels: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return labels as an array; those of other outputs, which are of other types, as null."""
    if pa.types.is_string(kind):
        return of_texts([str(label) for label in labels])
    python: type = {pa.bool_(): bool, pa.int64(): int, pa.float64(): float}[kind]
    valid = [type(label) is python for label in labels]
    values = [label if fits else python() for label, fits in zip(labels, valid, strict=True)]
    if python is bool:
        return of_bools(values, valid)
    return of_numbers(np.array(values, np.int64 if python is int else np.float64), valid)
