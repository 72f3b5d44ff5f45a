"""Frames between the API process and a worker: typed buffers, never pickle.

A frame is a preamble (magic, kind, bytes that follow) and a body. Numbers are in the machine's
own byte order: both ends run on one machine. A decoder takes any bytes and raises nothing but
`FrameError`; whoever sends something else than a frame counts as dead.

PREDICT   head, an entry table, then either the joined cells of all entries (numbers, lengths,
          text: see `service.codecs.cells`) or, a body an entry, requests as the client sent them
RESULT    head, an entry table, then the arrays of all entries that have rows (labels as int32
          indices of the classes, values as float64 or int64, probabilities as float64; a row has
          `width` labels or values), then a blob each for entries answered by a text or an error
PING, PONG, READY   no body
IMPORTS   asked without a body; answered with the names of the modules that the worker imported
          since it was forked, a line each
DIFFERS   from a worker: a model's number, and JSON that says how a form's answers differed
FALL_BACK to a worker: the number of a model that scikit-learn alone shall compute from now on
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import repeat
from math import ceil
from typing import NamedTuple

from service.codecs.cells import Cells
from service.errors import FrameError

MAGIC = 0x4350
MAX_BODY_BYTES = (1 << 31) - 1
MAX_SEARCH_CS = (1 << 16) - 1

PREAMBLE = struct.Struct("=HBxI")
_PREDICT_HEAD = struct.Struct("=IHHIIIB3x")
_PREDICT_ENTRY = struct.Struct("=IIBBH")
_RESULT_HEAD = struct.Struct("=IHHHHIQQ")
_RESULT_ENTRY = struct.Struct("=IIB3x")
_MODEL = struct.Struct("=I")


class Kind(IntEnum):
    """What a frame is."""

    PREDICT = 1
    RESULT = 2
    PING = 3
    PONG = 4
    READY = 5
    IMPORTS = 6
    DIFFERS = 7
    FALL_BACK = 8


class Media(IntEnum):
    """What the bytes of a body are."""

    CELLS = 0
    JSON = 1
    IMAGE = 2
    CSV = 3
    NPY = 4
    ARROW = 5
    PART = 6
    """A head and a body of one of the others: see `service.inference.parts`."""


class Status(IntEnum):
    """How an entry ended in the worker."""

    ROWS = 0
    TEXT = 1
    ERROR = 2


_KINDS = {kind.value: kind for kind in Kind}
_MEDIA = {media.value: media for media in Media}
_STATUSES = {status.value: status for status in Status}
_new = tuple.__new__
_ROWS = Status.ROWS.value
_CELLS = Media.CELLS.value


class PredictEntry(NamedTuple):
    """One request of a batch as the worker sees it."""

    rows: int
    media: Media
    probabilities: bool
    body: memoryview
    search_s: float = 0.0
    """How long the rows on which the model fails may be looked for; 0.0: one fails all."""


@dataclass(slots=True)
class PredictBatch:
    """A batch as the worker sees it: cells of all entries joined, or a body an entry."""

    batch: int
    model: int
    rows: int
    numbers: memoryview
    lengths: memoryview
    text: memoryview
    entries: list[PredictEntry]


class ResultEntry(NamedTuple):
    """One answer of a batch; `blob` is empty for `Status.ROWS`."""

    rows: int
    status: Status
    blob: bytes


@dataclass(slots=True)
class BatchResult:
    """A batch's answers, in the order of its entries."""

    batch: int
    entries: list[ResultEntry]
    labels: bytes | memoryview = b""
    values: bytes | memoryview = b""
    width: int = 0
    """Columns of `labels` or `values`; 0 if a row has one that is no list."""
    probabilities: bytes | memoryview = b""
    classes: int = 0
    """Columns of `probabilities`."""
    predict_ns: int = 0
    other_ns: int = 0
    """Reading the input and writing the output in the worker."""


def frame(kind: Kind, *parts: bytes) -> list[bytes]:
    """Return preamble and parts of a frame, ready for `writelines` or `sendmsg`."""
    return [PREAMBLE.pack(MAGIC, kind, sum(map(len, parts))), *parts]


def read_preamble(data: bytes | bytearray | memoryview) -> tuple[Kind, int]:
    """Return kind and body length of the frame that begins with these 8 bytes.

    Raises:
        FrameError: they begin no frame.
    """
    try:
        magic, kind, body_bytes = PREAMBLE.unpack_from(data)
        if magic != MAGIC or body_bytes > MAX_BODY_BYTES:
            raise FrameError("no frame begins here")
        return _KINDS[kind], body_bytes
    except (struct.error, KeyError) as error:
        raise FrameError("no frame begins here") from error


def encode_cells(
    batch: int, model: int, cells: Sequence[Cells], probabilities: Sequence[bool]
) -> list[bytes]:
    """Return the PREDICT frame of requests that were parsed already."""
    numbers = b"".join([one.numbers for one in cells])
    lengths = b"".join([one.lengths for one in cells])
    text = b"".join([one.text for one in cells])
    head = _PREDICT_HEAD.pack(
        batch, model, len(cells), len(numbers), len(lengths), len(text), Media.CELLS
    )
    pack = _PREDICT_ENTRY.pack
    table = b"".join(
        [pack(one.rows, 0, _CELLS, wanted, 0) for one, wanted in zip(cells, probabilities)]  # noqa: B905
    )
    return frame(Kind.PREDICT, head, table, numbers, lengths, text)


def encode_bodies(
    batch: int, model: int, bodies: Sequence[tuple[Media, bytes, bool]], search_s: float = 0.0
) -> list[bytes]:
    """Return the PREDICT frame of requests that the worker shall parse.

    Args:
        batch: the batch's number.
        model: the model's number.
        bodies: of each request what it is, what the client sent, and whether it wants
            probabilities.
        search_s: how long the worker may look for the rows that fail; 0.0 not at all.
    """
    search_cs = min(ceil(search_s * 100), MAX_SEARCH_CS)
    head = _PREDICT_HEAD.pack(batch, model, len(bodies), 0, 0, 0, Media.JSON)
    table = b"".join(
        _PREDICT_ENTRY.pack(0, len(body), media, wanted, search_cs)
        for media, body, wanted in bodies
    )
    return frame(Kind.PREDICT, head, table, *(body for _, body, _ in bodies))


def decode_predict(body: memoryview) -> PredictBatch:
    """Read the body of a PREDICT frame.

    Raises:
        FrameError: it is none.
    """
    try:
        batch, model, count, *sizes, media = _PREDICT_HEAD.unpack_from(body)
        table_end = _PREDICT_HEAD.size + count * _PREDICT_ENTRY.size
        rows = list(_PREDICT_ENTRY.iter_unpack(body[_PREDICT_HEAD.size : table_end]))
        if len(rows) != count:
            raise FrameError("the entry table is cut off")
        cells_only = media == Media.CELLS
        body_sizes = [] if cells_only else [size for _, size, *_ in rows]
        numbers, lengths, text, *bodies = _cut(body, table_end, [*sizes, *body_sizes])
        nothing = body[:0]
        parts = repeat(nothing) if cells_only else iter(bodies)
        entries = [
            PredictEntry(n, _MEDIA[kind], bool(wanted), next(parts), search_cs / 100)
            for n, _, kind, wanted, search_cs in rows
        ]
        total = sum(entry.rows for entry in entries)
        return PredictBatch(batch, model, total, numbers, lengths, text, entries)
    except (struct.error, ValueError, KeyError) as error:
        raise FrameError("no PREDICT frame") from error


def encode_result(result: BatchResult) -> list[bytes]:
    """Return the RESULT frame."""
    head = _RESULT_HEAD.pack(
        result.batch,
        len(result.entries),
        result.width,
        result.classes,
        bool(result.labels),
        len(result.values),
        result.predict_ns,
        result.other_ns,
    )
    table = b"".join(
        [_RESULT_ENTRY.pack(one.rows, len(one.blob), one.status) for one in result.entries]
    )
    blobs = [one.blob for one in result.entries if one.blob]
    return frame(
        Kind.RESULT,
        head,
        table,
        bytes(result.labels),
        bytes(result.values),
        bytes(result.probabilities),
        *blobs,
    )


def decode_result(body: memoryview) -> BatchResult:
    """Read the body of a RESULT frame.

    Raises:
        FrameError: it is none.
    """
    try:
        batch, count, width, classes, labelled, values_bytes, predict_ns, other_ns = (
            _RESULT_HEAD.unpack_from(body)
        )
        table_end = _RESULT_HEAD.size + count * _RESULT_ENTRY.size
        table = list(_RESULT_ENTRY.iter_unpack(body[_RESULT_HEAD.size : table_end]))
        if len(table) != count:
            raise FrameError("the entry table is cut off")
        total = sum([rows for rows, _, status in table if status == _ROWS])
        blob_sizes = [size for _, size, _ in table if size]
        each = max(width, 1)
        sizes = [
            4 * total * each if labelled else 0,
            values_bytes,
            8 * total * classes,
            *blob_sizes,
        ]
        labels, values, probabilities, *blobs = _cut(body, table_end, sizes)
        if values_bytes != 8 * total * each * (not labelled):
            raise FrameError("the values do not fit the rows")
        blob = iter(blobs)
        entries = [
            # What a named tuple's own constructor does, but for the call.
            _new(ResultEntry, (rows, _STATUSES[status], bytes(next(blob)) if size else b""))
            for rows, size, status in table
        ]
    except (struct.error, ValueError, KeyError) as error:
        raise FrameError("no RESULT frame") from error
    return BatchResult(
        batch, entries, labels, values, width, probabilities, classes, predict_ns, other_ns
    )


def encode_differs(model: int, found: bytes) -> list[bytes]:
    """Return the DIFFERS frame of a model."""
    return frame(Kind.DIFFERS, _MODEL.pack(model), found)


def encode_fall_back(model: int) -> list[bytes]:
    """Return the FALL_BACK frame of a model."""
    return frame(Kind.FALL_BACK, _MODEL.pack(model))


def decode_model(body: memoryview) -> tuple[int, bytes]:
    """Return the model's number at the head of a body, and what follows it.

    Raises:
        FrameError: there is none.
    """
    if len(body) < _MODEL.size:
        raise FrameError("a frame about no model")
    return _MODEL.unpack_from(body)[0], bytes(body[_MODEL.size :])


def _cut(body: memoryview, start: int, sizes: Sequence[int]) -> list[memoryview]:
    """Cut what follows `start` into parts of these sizes, which must be all of it."""
    parts = []
    for size in sizes:
        parts.append(body[start : start + size])
        start += size
    if start != len(body):
        raise FrameError("the parts do not add up to the frame")
    return parts
