"""The body of a stream, as it comes, to the parts that workers compute."""

from collections import deque
from typing import NamedTuple, Protocol

from service.codecs.arrow_frames import END, ArrowCutter, Batch, message_of
from service.codecs.arrow_slices import ALIGNED_ROWS, Buffer, Slicer
from service.codecs.csv_parts import CsvCutter
from service.codecs.flatbuffers import Malformed
from service.codecs.part_sizes import PartSizes
from service.errors import Unfit, Unreadable
from service.inference.messages import Media
from service.inference.parts import Form, PartHead, encode_part

WHOLE_RANGES = 4
"""A batch whose rows cannot be cut here is sent whole to so many workers: it is copied as often."""
MANY = 1.5
"""A batch of so many times the wanted rows is not worth a cut."""


class Part(NamedTuple):
    """A piece of a body that is computed at once."""

    body: bytes
    """With its head, as a worker takes it."""
    rows: int
    """How many it has, or probably has."""
    size_bytes: int
    """Its own bytes: what stands before every part is not counted."""
    lines: int = 0
    is_first: bool = False


class Parts(Protocol):
    """What cuts a body."""

    def feed(self, data: Buffer) -> None:
        """Take what has come."""

    def end(self) -> None:
        """Take notice that nothing more comes; raises a `ServiceError` if something is missing."""

    def next(self) -> Part | None:
        """Return the next part, or None: more must come first.

        Raises:
            ServiceError: the body cannot be read.
        """


class CsvParts:
    """Cuts CSV.

    Args:
        names: the model's columns.
        form: what the answer shall be.
        sizes: how large parts are.
        max_record_bytes: the longest record.
    """

    def __init__(
        self, names: frozenset[str], form: Form, sizes: PartSizes, max_record_bytes: int
    ) -> None:
        self._cutter = CsvCutter(names, max_record_bytes)
        self._form = form
        self._sizes = sizes
        self._is_over = False
        self._is_first = True

    def feed(self, data: Buffer) -> None:
        """Take what has come."""
        self._cutter.feed(data)

    def end(self) -> None:
        """Take notice that nothing more comes."""
        self._is_over = True
        self._cutter.end()

    def next(self) -> Part | None:
        """Return the next records; raises `TooLarge` if one is too long.

        Raises:
            Unfit: there is none at all.
        """
        while len(self._cutter) and (self._is_over or len(self._cutter) > self._sizes.size_bytes):
            records = self._cutter.take(self._sizes.size_bytes)
            if not records:
                break
            if records.strip(b"\r\n"):
                return self._part(records)
        if self._is_over and self._is_first:
            raise Unfit("There are no rows.")
        return None

    def _part(self, records: bytes) -> Part:
        is_first, self._is_first = self._is_first, False
        header = self._cutter.header
        is_bare = not header and not is_first
        head = PartHead(Media.CSV, self._form, True, is_first, is_bare)
        lines = records.count(b"\n")
        body = encode_part(head, header, records)
        return Part(body, max(lines, 1), len(records), lines, is_first)


class ArrowParts:
    """Cuts an Arrow stream: small record batches go together, a large one in several parts.

    Args:
        form: what the answer shall be.
        sizes: how large parts are.
        max_message_bytes: the largest record batch.
    """

    def __init__(self, form: Form, sizes: PartSizes, max_message_bytes: int) -> None:
        self._cutter = ArrowCutter(max_message_bytes)
        self._form = form
        self._sizes = sizes
        self._batches: deque[Batch] = deque()
        self._waiting_rows = 0
        self._waiting_bytes = 0
        self._slicer: Slicer | None = None
        self._taken = 0
        """Rows of the first batch that are in parts already."""
        self._is_over = False
        self._is_first = True

    def feed(self, data: Buffer) -> None:
        """Take what has come; raises as `ArrowCutter.feed`."""
        for batch in self._cutter.feed(data):
            if not self._sizes.row_bytes:
                self._sizes.expect(len(batch.body) / batch.rows)
            self._batches.append(batch)
            self._waiting_rows += batch.rows
            self._waiting_bytes += len(batch.body)

    def end(self) -> None:
        """Take notice that nothing more comes; raises as `ArrowCutter.end`."""
        self._cutter.end()
        self._is_over = True

    def next(self) -> Part | None:
        """Return the next rows.

        Raises:
            Unreadable: a record batch is not what its schema says.
            Unfit: there are no rows.
        """
        if not self._batches:
            if self._is_over and self._is_first:
                raise Unfit("There are no rows.")
            return None
        few = self._waiting_rows < self._sizes.rows
        if few and self._waiting_bytes < self._sizes.size_bytes and not self._is_over:
            return None
        first, wanted = self._batches[0], self._sizes.rows
        if self._taken or first.rows > MANY * wanted:
            return self._some_of(first, wanted)
        return self._together(wanted)

    def _together(self, wanted: int) -> Part:
        head, taken, rows, size = self._batches[0].head, list[Batch](), 0, 0
        while self._batches and self._batches[0].head is head:
            batch = self._batches[0]
            size += len(batch.body)
            if taken and (rows + batch.rows > wanted or size > self._sizes.size_bytes):
                break
            taken.append(self._batches.popleft())
            self._waiting_bytes -= len(batch.body)
            rows += batch.rows
        messages = [piece for batch in taken for piece in batch.message()]
        return self._part(taken[0], messages, rows)

    def _some_of(self, batch: Batch, wanted: int) -> Part:
        """Return some rows of a large batch, cut out of it if that can be."""
        start = self._taken
        if batch.layout is None:
            wanted = max(wanted, -(-batch.rows // WHOLE_RANGES))
        step = max(wanted // ALIGNED_ROWS, 1) * ALIGNED_ROWS
        stop = batch.rows if batch.rows < start + MANY * step else start + step
        try:
            if batch.layout is not None:
                if self._slicer is None:
                    self._slicer = Slicer(batch.layout, batch.metadata, batch.body)
                message = message_of(*self._slicer.rows_of(start, stop))
                part = self._part(batch, message, stop - start)
            else:
                part = self._part(batch, batch.message(), stop - start, (start, stop))
        except Malformed as error:
            raise Unreadable(f"The Arrow stream cannot be read: {error}.") from None
        self._taken = stop
        if stop == batch.rows:
            self._waiting_bytes -= len(self._batches.popleft().body)
            self._slicer, self._taken = None, 0
        return part

    def _part(
        self, batch: Batch, messages: list[Buffer], rows: int, span: tuple[int, int] = (0, 0)
    ) -> Part:
        is_first, self._is_first = self._is_first, False
        self._waiting_rows -= rows
        head = PartHead(Media.ARROW, self._form, True, is_first, False, *span)
        size = round(rows / batch.rows * len(batch.body)) if span[1] else sum(map(len, messages))
        body = encode_part(head, batch.head, *messages, END)
        return Part(body, rows, size, is_first=is_first)
