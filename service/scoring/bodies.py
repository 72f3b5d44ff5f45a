"""Rows to the body of a part, as a worker takes it; a worker's piece to a table."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.csv

from models.schema import TabularSchema
from service.errors import FrameError
from service.inference.messages import Media
from service.inference.parts import Form, PartHead, decode_piece, encode_part
from service.scoring.csv_cells import typed
from service.scoring.parts import Rows
from service.scoring.refusal import ScoringError


def body_of(rows: Rows, schema: TabularSchema) -> bytes:
    """Return the body by which workers are asked for Arrow, its schema included.

    Args:
        rows: what to predict.
        schema: the model's columns.
    """
    media, sent = rows.media, rows.sent
    plain = typed(sent, schema) if media is Media.CSV else None
    if plain is not None:
        media, sent = Media.ARROW, plain
    return encode_part(PartHead(media, Form.ARROW, is_piece=True), _ENCODERS[media](sent))


def json_body(text: bytes) -> bytes:
    """Return the body of a request in JSON that is answered by Arrow."""
    return encode_part(PartHead(Media.JSON, Form.ARROW, is_piece=True), text)


def table_of(piece: bytes) -> pa.Table:
    """Return what a worker answered.

    Raises:
        ScoringError: it is no answer.
    """
    try:
        data = decode_piece(piece).data
        # Its memory is the system's, which gives it back.
        return pa.ipc.open_stream(data).read_all()
    except (FrameError, pa.ArrowException) as error:
        raise ScoringError("A worker's answer cannot be read.") from error


def _as_arrow(sent: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, sent.schema) as writer:
        writer.write_table(sent)
    return bytes(sink.getvalue())


def _as_csv(sent: pa.Table) -> bytes:
    """Return CSV; what is missing is an empty cell in quotes: an empty line would be no row."""
    filled: dict[str, Any] = {name: sent.column(name).fill_null("") for name in sent.column_names}
    sink = io.BytesIO()
    pa.csv.write_csv(pa.table(filled), sink)
    return sink.getvalue()


def _as_json(sent: pa.Table) -> bytes:
    return b'{"instances":[%s]}' % b",".join(sent.column(0).to_pylist())


_ENCODERS = {Media.ARROW: _as_arrow, Media.CSV: _as_csv, Media.JSON: _as_json}
