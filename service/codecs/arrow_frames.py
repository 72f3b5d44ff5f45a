"""An Arrow IPC stream cut into its messages, without Arrow: the API process never imports it.

    schema  dictionary…  record batch  (dictionary…)  record batch  …  end

A message is a marker, the length of its metadata, the metadata (a flatbuffer) and a body. The
schema, the dictionaries so far and one record batch are a stream of their own, which a worker
reads. https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from service.codecs.arrow_slices import Buffer, Layout, layout_of
from service.codecs.flatbuffers import Malformed, Table
from service.errors import TooLarge, Unreadable

MARKER = b"\xff\xff\xff\xff"
END = MARKER + bytes(4)
PREFIX = struct.Struct("<4si")
_LONG = struct.Struct("<q")
MAX_METADATA_BYTES = 4 << 20
"""A schema of ten thousand columns is half as large."""
FREE_ROWS = 8192
"""So many may take no room at all, as nulls do; all others take a bit at least."""
# Fields of Message, RecordBatch and DictionaryBatch, and kinds of messages.
HEADER_TYPE, HEADER, BODY_LENGTH = 1, 2, 3
LENGTH, BUFFERS, COMPRESSION = 0, 2, 3
DICTIONARY_ID, DICTIONARY_DATA, IS_DELTA = 0, 1, 2
SCHEMA, DICTIONARY, RECORDS = 1, 2, 3


class Batch(NamedTuple):
    """A record batch, with all that it takes to read it alone."""

    rows: int
    head: bytes
    """The messages of the schema and of the dictionaries."""
    metadata: bytes
    body: Buffer
    layout: Layout | None
    """How its rows can be cut; None if they cannot."""

    def message(self) -> list[Buffer]:
        """Return the batch as it came, in pieces."""
        return message_of(self.metadata, self.body)


class ArrowCutter:
    """Takes the bytes of a stream as they come, and gives its record batches.

    Args:
        max_message_bytes: the largest body of a message, as it is and decompressed; all
            dictionaries together are no larger, either.
    """

    def __init__(self, max_message_bytes: int) -> None:
        self._max_message_bytes = max_message_bytes
        self._buffer = bytearray()
        self._wanted = PREFIX.size
        self._schema = b""
        self._layout: Layout | None = None
        self._dictionaries: dict[int, list[bytes]] = {}
        self._head = b""
        self._is_over = False

    def feed(self, data: Buffer) -> Iterator[Batch]:
        """Yield the record batches that are whole now; those without rows are left out.

        Raises:
            Unreadable: this is no Arrow IPC stream.
            TooLarge: a message is larger than the limit.
        """
        self._buffer += data
        if self._is_over and self._buffer:
            raise Unreadable("There are bytes after the end of the Arrow stream.")
        while len(self._buffer) >= self._wanted and not self._is_over:
            batch = self._next()
            if batch is not None and batch.rows:
                yield batch

    def end(self) -> None:
        """Take notice that nothing more comes.

        Raises:
            Unreadable: the last message is cut off, or there was none.
        """
        if self._buffer or not self._schema:
            raise Unreadable("The Arrow stream is cut off.")

    def _next(self) -> Batch | None:
        """Take one message from the buffer if it is whole, or learn how much it needs."""
        marker, size = PREFIX.unpack_from(self._buffer)
        if marker != MARKER or not 0 <= size <= MAX_METADATA_BYTES:
            raise Unreadable("The body is not an Arrow IPC stream.")
        if size == 0:
            self._is_over = True
            del self._buffer[: PREFIX.size]
            if self._buffer:
                raise Unreadable("There are bytes after the end of the Arrow stream.")
            return None
        start = PREFIX.size + size
        self._wanted = start
        if len(self._buffer) < start:
            return None
        try:
            metadata = bytes(self._buffer[PREFIX.size : start])
            message = Table.root(metadata)
            body_bytes = message.number(BODY_LENGTH, "q")
            self._check_size(body_bytes)
            self._wanted = start + body_bytes
            if len(self._buffer) < self._wanted:
                return None
            body = self._taken_out(start, self._wanted)
            self._wanted = PREFIX.size
            return self._take(message, metadata, body)
        except Malformed as error:
            raise Unreadable(f"The Arrow stream cannot be read: {error}.") from None

    def _taken_out(self, start: int, stop: int) -> Buffer:
        """Return a span of the buffer, and keep what stands behind it.

        If most of the buffer is the span, it is handed over instead of copied.
        """
        if len(self._buffer) < 2 * (stop - start):
            taken = memoryview(self._buffer).toreadonly()[start:stop]
            self._buffer = self._buffer[stop:]
            return taken
        with memoryview(self._buffer) as view:  # a slice of a bytearray is one copy more
            copied = bytes(view[start:stop])
        del self._buffer[:stop]
        return copied

    def _take(self, message: Table, metadata: bytes, body: Buffer) -> Batch | None:
        kind, header = message.number(HEADER_TYPE, "B"), message.table(HEADER)
        if header is None or (kind == SCHEMA) is bool(self._schema):
            raise Malformed("its first message, and no other, is the schema")
        if kind == SCHEMA:
            self._schema = self._head = encapsulated(metadata, body)
            self._layout = layout_of(header)
            return None
        if kind == DICTIONARY:
            self._learn(header, metadata, body)
            return None
        if kind != RECORDS:
            raise Malformed(f"it has a message of kind {kind}")
        rows = header.number(LENGTH, "q")
        if not 0 <= rows < 1 << 31:
            raise Malformed(f"a record batch of {rows} rows")
        unpacked_bytes = self._check_packed(header, body)
        if rows > FREE_ROWS + 8 * (unpacked_bytes or len(body)):
            raise Malformed("a record batch of more rows than its body can hold")
        return Batch(rows, self._head, metadata, body, None if unpacked_bytes else self._layout)

    def _learn(self, header: Table, metadata: bytes, body: Buffer) -> None:
        data = header.table(DICTIONARY_DATA)
        if data is None:
            raise Malformed("a dictionary without values")
        self._check_packed(data, body)
        messages = self._dictionaries.setdefault(header.number(DICTIONARY_ID, "q"), [])
        if not header.number(IS_DELTA, "B"):
            messages.clear()
        messages.append(encapsulated(metadata, body))
        parts = [one for messages in self._dictionaries.values() for one in messages]
        self._check_size(sum(map(len, parts)))
        self._head = b"".join([self._schema, *parts])

    def _check_packed(self, records: Table, body: Buffer) -> int:
        """Return how many bytes compressed buffers become, which is limited, too; 0: none is."""
        if records.table(COMPRESSION) is None:
            return 0
        total = 1
        for start, length in records.longs(BUFFERS):
            if length >= _LONG.size and 0 <= start <= len(body) - length:
                unpacked = _LONG.unpack_from(body, start)[0]
                total += unpacked if unpacked >= 0 else length
                if unpacked < -1:
                    raise Malformed("a compressed buffer of a negative size")
        self._check_size(total)
        return total

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes < 0:
            raise Malformed("a message of a negative size")
        if size_bytes > self._max_message_bytes:
            raise TooLarge(
                f"A record batch or dictionary of the Arrow stream has {size_bytes} bytes; at "
                f"most {self._max_message_bytes} are taken. Write smaller batches: pyarrow's "
                "write_table has max_chunksize=.",
                code="batch_too_large",
            )


def message_of(metadata: Buffer, *body: Buffer) -> list[Buffer]:
    """Return a whole message in pieces, of which none is copied."""
    return [PREFIX.pack(MARKER, len(metadata)), metadata, *body]


def encapsulated(metadata: Buffer, *body: Buffer) -> bytes:
    """Return a whole message."""
    return b"".join(message_of(metadata, *body))
