"""Some rows of a record batch as a record batch of their own, cut from its buffers.

Writers make a batch of a million rows. Sent whole to every worker that computes a part of it, it
would be copied as often as it has parts; so the parts are cut here, for columns whose buffers say
by themselves where a row stands: numbers, booleans, texts, and indices of dictionaries. Nothing is
built anew: the new metadata are the old ones with other numbers in them.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Literal

from service.codecs.flatbuffers import Malformed, Table

Buffer = bytes | memoryview
Kind = Literal["null", "bits", "texts"]
Layout = tuple[tuple[Kind, int], ...]
"""A column each: what its buffers are, and the bits of a value or of an offset."""
ALIGNED_ROWS = 8
"""A cut must be at a multiple of this: a bit a row says which values are null."""

# Fields of Schema, Field, Int, FloatingPoint, DictionaryEncoding, Message and RecordBatch.
ENDIANNESS, FIELDS = 0, 1
TYPE_TYPE, TYPE, DICTIONARY = 2, 3, 4
BIT_WIDTH = PRECISION = 0
INDEX_TYPE = 1
HEADER, BODY_LENGTH = 2, 3
LENGTH, NODES, BUFFERS = 0, 1, 2
# Kinds of types.
NULL, INT, FLOAT, BINARY, UTF8, BOOL, LARGE_BINARY, LARGE_UTF8 = 1, 2, 3, 4, 5, 6, 19, 20
FLOAT_BITS = (16, 32, 64)
_KINDS: dict[int, tuple[Kind, int]] = {
    NULL: ("null", 0), BOOL: ("bits", 1), UTF8: ("texts", 32), BINARY: ("texts", 32),
    LARGE_UTF8: ("texts", 64), LARGE_BINARY: ("texts", 64),
}  # fmt: skip
_PAIR = struct.Struct("<qq")
_LONG = struct.Struct("<q")


def layout_of(schema: Table) -> Layout | None:
    """Return the layout of a schema's columns; None if one of them is of another kind.

    Raises:
        Malformed: the schema cannot be read, or its numbers are big-endian.
    """
    if schema.number(ENDIANNESS, "h"):
        raise Malformed("its numbers are big-endian")
    layout = []
    for field in schema.tables(FIELDS):
        kind, about = field.number(TYPE_TYPE, "B"), field.table(TYPE)
        encoding = field.table(DICTIONARY)
        if encoding is not None:
            kind, about = INT, encoding.table(INDEX_TYPE)
        if kind == INT:
            layout.append(("bits", 32 if about is None else about.number(BIT_WIDTH, "i")))
        elif kind == FLOAT and about is not None:
            precision = about.number(PRECISION, "h")
            if not 0 <= precision < len(FLOAT_BITS):
                raise Malformed("a float of an unknown precision")
            layout.append(("bits", FLOAT_BITS[precision]))
        elif kind in _KINDS:
            layout.append(_KINDS[kind])
        else:
            return None
    if not all(bits in {0, 1, 8, 16, 32, 64} for _, bits in layout):
        raise Malformed("an integer of an unknown width")
    return tuple(layout)  # type: ignore[arg-type]


class Slicer:
    """Cuts one record batch.

    Args:
        layout: the layout of its columns.
        metadata: its message's.
        body: its message's.

    Raises:
        Malformed: metadata and layout do not belong together.
    """

    def __init__(self, layout: Layout, metadata: bytes, body: Buffer) -> None:
        self._layout = layout
        self._metadata = metadata
        self._body = memoryview(body)
        message = Table.root(metadata)
        records = message.table(HEADER)
        lengths = None if records is None else records.place(LENGTH)
        body_length = message.place(BODY_LENGTH)
        if records is None or lengths is None or body_length is None:
            raise Malformed("a record batch without rows, or without a body")
        self._places = lengths, body_length
        self.rows = records.number(LENGTH, "q")
        self._nodes, self._nodes_at = records.longs(NODES), records.vector(NODES, 16).start
        self._buffers, self._buffers_at = records.longs(BUFFERS), records.vector(BUFFERS, 16).start
        wanted = sum({"null": 0, "bits": 2, "texts": 3}[kind] for kind, _ in layout)
        if len(self._nodes) != len(layout) or len(self._buffers) != wanted:
            raise Malformed("a record batch that does not fit the schema")
        if any(length != self.rows for length, _ in self._nodes):
            raise Malformed("a record batch whose columns have different lengths")

    def rows_of(self, start: int, stop: int) -> list[Buffer]:
        """Return metadata and body of a batch of some of the rows, the body in pieces.

        Args:
            start: the first of them; a multiple of `ALIGNED_ROWS`.
            stop: the one behind the last.

        Raises:
            Malformed: a buffer is shorter than its rows need.
        """
        metadata = bytearray(self._metadata)
        parts: list[Buffer] = []
        size = 0
        for i, (part, nulls) in enumerate(self._columns(start, stop)):
            _PAIR.pack_into(metadata, self._nodes_at + i * _PAIR.size, stop - start, nulls)
            for place, buffer in part:
                _PAIR.pack_into(metadata, self._buffers_at + place * 16, size, len(buffer))
                padding = -len(buffer) % 8
                parts += (buffer, bytes(padding)) if padding else (buffer,)
                size += len(buffer) + padding
        if size > len(self._body) + 8 * len(self._buffers):
            raise Malformed("buffers that overlap")
        for place, value in zip(self._places, (stop - start, size), strict=True):
            _LONG.pack_into(metadata, place, value)
        return [bytes(metadata), *parts]

    def _columns(self, start: int, stop: int) -> Iterator[tuple[Sequence[tuple[int, Buffer]], int]]:
        """Yield each column's buffers, by their number, and how many of the rows are null."""
        number = 0
        for (kind, bits), node in zip(self._layout, self._nodes, strict=True):
            if kind == "null":
                yield (), stop - start
                continue
            valid, nulls = self._valid(number, node[1], start, stop)
            if kind == "bits":
                values = self._cut(number + 1, start * bits // 8, (stop * bits + 7) // 8)
                yield ((number, valid), (number + 1, values)), nulls
                number += 2
                continue
            offsets, texts = self._texts(number + 1, bits // 8, start, stop)
            yield ((number, valid), (number + 1, offsets), (number + 2, texts)), nulls
            number += 3

    def _valid(self, number: int, nulls: int, start: int, stop: int) -> tuple[memoryview, int]:
        if not nulls or not self._buffers[number][1]:
            return self._body[:0], 0
        bits = self._cut(number, start // 8, (stop + 7) // 8)
        mask = (1 << (stop - start)) - 1
        return bits, stop - start - (int.from_bytes(bits, "little") & mask).bit_count()

    def _texts(self, number: int, width: int, start: int, stop: int) -> tuple[bytes, memoryview]:
        offsets = self._cut(number, start * width, (stop + 1) * width)
        first = int.from_bytes(offsets[:width], "little")
        last = int.from_bytes(offsets[-width:], "little")
        # All offsets as one number, less the first one everywhere: a loop would be far slower.
        ones = int.from_bytes((b"\x01" + bytes(width - 1)) * (stop + 1 - start), "little")
        moved = int.from_bytes(offsets, "little") - first * ones
        if moved < 0 or last < first:
            raise Malformed("the offsets of a text column go back")
        return moved.to_bytes(len(offsets), "little"), self._cut(number + 1, first, last)

    def _cut(self, number: int, start: int, stop: int) -> memoryview:
        begin, length = self._buffers[number]
        if begin < 0 or stop > length or begin + length > len(self._body):
            raise Malformed("a buffer is shorter than its rows need")
        return self._body[begin + start : begin + stop]
