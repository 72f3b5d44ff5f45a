"""Bodies that a worker reads whole and answers in any form: tables, and parts of streams."""

from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any, NamedTuple

import numpy as np
import orjson

from models.manifest import Manifest
from models.schema import TabularSchema
from models.tables import Matrix
from service.codecs.answers import AnswerEncoder
from service.codecs.array_text import array_text
from service.codecs.cells import CellPacker, Row
from service.codecs.csv_answers import encode_csv
from service.codecs.flags import Flags, RowWarning, Warnings, in_lines, the_first
from service.codecs.json_rows import Form as JsonForm
from service.codecs.json_rows import JsonRows
from service.codecs.table_rows import TableRows
from service.errors import (
    FrameError,
    Internal,
    ServiceError,
    UnsupportedMedia,
    to_wire,
    too_many_rows,
)
from service.inference.arrow_answers import WARNINGS, ArrowAnswers, as_message, as_stream
from service.inference.arrow_tables import ArrowTables
from service.inference.inputs import InputBuilder, as_batch, null_for
from service.inference.messages import BatchResult, Media, PredictBatch, ResultEntry, Status
from service.inference.parts import Form, PartHead, Piece, decode_part, encode_piece
from service.inference.plain_tables import Floats, PlainTables
from service.inference.predictor import Prediction, Predictor
from service.inference.shown import Shown

MANY_ROWS = (1 << 31) - 1
"""A part's rows are limited by its bytes."""


class Table(NamedTuple):
    """A body that was read."""

    X: Matrix
    rows: int
    warnings: list[RowWarning]
    form: JsonForm = "instances"


class PartModel:
    """Answers parts; whatever is wrong with one is its answer.

    Args:
        manifest: the version's manifest.
        json_rows: reads JSON.
        plain: reads JSON of plain numbers quickly; None if the model takes others.
        predictor: computes.
        read_pictures: returns the form of a request and its pictures.
        max_rows: the most rows in a request that is no stream.
    """

    def __init__(
        self,
        manifest: Manifest,
        json_rows: JsonRows,
        plain: PlainTables | None,
        predictor: Predictor,
        read_pictures: Callable[[Media, bytes], tuple[JsonForm, Matrix]],
        max_rows: int,
    ) -> None:
        self._output = manifest.output
        self._predictor = predictor
        self._shown = Shown(manifest.output)
        self._read_pictures = read_pictures
        self._max_rows = max_rows
        self._encoder = AnswerEncoder(manifest)
        self._flags: Flags | None = None
        self._tables: _Tables | None = None
        if isinstance(manifest.input, TabularSchema):
            self._flags = Flags(manifest.input) or None
            self._tables = _Tables(json_rows, plain, manifest.input, self._flags)
        self._arrow = ArrowAnswers(manifest.output, self._flags is not None)

    def answer(self, batch: PredictBatch) -> BatchResult:
        """Answer a part, which is alone in its batch.

        Raises:
            FrameError: it is none.
        """
        started = perf_counter_ns()
        (entry,) = batch.entries
        head, body = decode_part(entry.body)
        predict_ns = 0
        try:
            table = self._read(head, body)
            if not head.is_piece and table.rows > self._max_rows:
                raise too_many_rows(self._max_rows)  # noqa: TRY301
            begun = perf_counter_ns()
            spans = [(0, table.rows)]
            (outcome,) = self._predictor.predict_spans(table.X, spans, entry.probabilities)
            predict_ns = perf_counter_ns() - begun
            if isinstance(outcome, ServiceError):
                raise outcome  # noqa: TRY301
            if not entry.probabilities:
                outcome.probabilities = None
            answer = ResultEntry(table.rows, Status.TEXT, self._write(head, table, outcome))
        except FrameError:
            raise
        except ServiceError as error:
            answer = ResultEntry(0, Status.ERROR, orjson.dumps(to_wire(error)))
        except Exception:
            # A defect of ours must not end the worker.
            wire = to_wire(Internal("The request could not be read."))
            answer = ResultEntry(0, Status.ERROR, orjson.dumps(wire))
        other_ns = perf_counter_ns() - started - predict_ns
        return BatchResult(batch.batch, [answer], predict_ns=predict_ns, other_ns=other_ns)

    def _read(self, head: PartHead, body: memoryview) -> Table:
        if self._tables is not None:
            return self._tables.read(head, body)
        if head.media not in {Media.JSON, Media.IMAGE}:
            raise UnsupportedMedia("A model of pictures takes no tables.")
        form, pictures = self._read_pictures(head.media, bytes(body))
        return Table(pictures, len(pictures), [], form)

    def _write(self, head: PartHead, table: Table, outcome: Prediction) -> bytes:
        if head.form is Form.ARROW:
            lines = in_lines(table.warnings, table.rows) if self._flags is not None else None
            batch = self._arrow.batch(outcome, lines)
            if not head.is_piece:
                return as_stream(batch)
            return encode_piece(Piece(as_message(batch, is_first=head.is_first), [], 0))
        chances = outcome.probabilities
        if head.form is Form.CSV:
            listed = self._shown.listed(outcome)
            text = self._csv(listed, chances, table, header=head.is_first)
            return encode_piece(Piece(text, [], 0)) if head.is_piece else text
        told = the_first(table.warnings) if table.warnings else None
        predictions = self._shown.for_json(outcome)
        if head.is_piece:
            first, left_out = told or Warnings([], 0)
            likely = b"" if chances is None else _elements(np.ascontiguousarray(chances))
            return encode_piece(
                Piece(_elements(predictions), [one._asdict() for one in first], left_out, likely)
            )
        if chances is not None:
            chances = np.ascontiguousarray(chances)
        return self._encoder.encode(table.form, predictions, chances, told)

    def _csv(
        self, predictions: Sequence[Any], chances: Any, table: Table, *, header: bool
    ) -> bytes:
        listed = None if chances is None else chances.tolist()
        more = None
        if self._flags is not None:
            more = {WARNINGS: [line or "" for line in in_lines(table.warnings, table.rows)]}
        return encode_csv(self._output, predictions, listed, header=header, more=more)


def _elements(values: Any) -> bytes:
    """Return the elements of a list in JSON."""
    return array_text(values)[1:-1]


class _Tables:
    """Reads the tables of one model."""

    def __init__(
        self,
        json_rows: JsonRows,
        plain: PlainTables | None,
        schema: TabularSchema,
        flags: Flags | None,
    ) -> None:
        self._columns = schema.columns
        self._flags = flags
        self._parse_json = json_rows.parse
        self._plain = plain
        self._rows = TableRows(schema, MANY_ROWS)
        self._arrow = ArrowTables(schema, self._rows.check)
        self._pack = CellPacker(schema).pack
        self._inputs = InputBuilder(schema)

    def read(self, head: PartHead, body: memoryview) -> Table:
        """Return the rows of a body; raises a `ServiceError` that says what is wrong with it."""
        if head.media is Media.ARROW:
            return self._from_arrow(body, head)
        if head.media is Media.JSON:
            return self._from_json(bytes(body))
        if head.media is Media.CSV:
            return self._from_csv(bytes(body), bare=head.is_bare)
        if head.media is Media.NPY:
            return self._from_npy(bytes(body))
        raise UnsupportedMedia("A model of tables takes no pictures.")

    def _from_json(self, body: bytes) -> Table:
        if self._plain is not None and (numbers := self._plain.read(body)) is not None:
            return self._plain_table(numbers)
        form, rows, _ = self._parse_json(body)
        return self._from_rows(rows, form)

    def _from_csv(self, body: bytes, *, bare: bool) -> Table:
        if self._plain is not None:
            records = body if bare else self._rows.behind_header(body)
            numbers = None if records is None else self._plain.read_csv(records)
            if numbers is not None:
                return self._plain_table(numbers)
        return self._from_rows(self._rows.from_csv(body, bare=bare))

    def _from_npy(self, body: bytes) -> Table:
        if self._plain is not None and (numbers := self._plain.read_npy(body)) is not None:
            return self._plain_table(numbers)
        return self._from_rows(self._rows.from_npy(body))

    def _plain_table(self, numbers: Floats) -> Table:
        return Table(self._inputs.from_numbers(numbers), len(numbers), [])

    def _from_rows(self, rows: Sequence[Row], form: JsonForm = "instances") -> Table:
        X = self._inputs.build(as_batch(self._pack(rows)))
        found: list[RowWarning] = []
        if self._flags is not None:
            found = self._flags.find_all(lambda place: [row[place] for row in rows])
        return Table(X, len(rows), found, form)

    def _from_arrow(self, body: memoryview, head: PartHead) -> Table:
        count, cells, rows = self._arrow.read(body, head.start, head.stop)
        if cells is None:
            return self._from_rows(rows)
        X = self._inputs.from_columns(count, cells)
        found: list[RowWarning] = []
        if self._flags is not None:
            found = self._flags.find_all(lambda place: null_for(self._columns[place], cells[place]))
        return Table(X, count, found)
