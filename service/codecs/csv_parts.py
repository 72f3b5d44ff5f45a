"""A CSV body cut between records, without reading it: quotes are counted, at the speed of C.

A line ends a record if the quotes before it are even in number: those inside a quoted cell stand
there twice (RFC 4180). A body that does not keep to that is cut where no worker can read the
pieces: it is refused, never misread.
"""

import csv
import io

from service.errors import TooLarge

BOM = b"\xef\xbb\xbf"


class CsvCutter:
    """Takes the bytes of a body as they come, and gives whole records.

    Args:
        names: the model's columns; a first line of exactly these is a header.
        max_record_bytes: the longest record, header included.

    Attributes:
        header: the header's bytes, which stand before every part; b"" if there is none.
    """

    def __init__(self, names: frozenset[str], max_record_bytes: int) -> None:
        self._names = names
        self._max_record_bytes = max_record_bytes
        self._buffer = bytearray()
        self._seen = 0
        """Bytes at the beginning of the buffer that hold no end of a record."""
        self._seen_quotes = 0
        self._is_begun = False
        self._is_over = False
        self.header = b""

    def __len__(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes | memoryview) -> None:
        """Take what has come."""
        self._buffer += data

    def end(self) -> None:
        """Take notice that nothing more comes."""
        self._is_over = True

    def take(self, size_bytes: int) -> bytes:
        """Return whole records of about so many bytes, at least one; b"" if none is whole yet.

        Raises:
            TooLarge: a record is longer than the limit.
        """
        if not self._is_begun and not self._begin():
            return b""
        stop = self._last_end(min(size_bytes, len(self._buffer)))
        if not stop:
            stop = self._first_end(size_bytes)
        if not stop:
            return b""
        with memoryview(self._buffer) as view:  # a slice of a bytearray is one copy more
            records = bytes(view[:stop])
        del self._buffer[:stop]
        self._seen = self._seen_quotes = 0
        return records

    def _begin(self) -> bool:
        """Look whether the first record is a header; return whether it is there."""
        if len(self._buffer) < len(BOM) and not self._is_over:
            return False
        if self._buffer.startswith(BOM):
            del self._buffer[: len(BOM)]
        blank = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))
        del self._buffer[:blank]
        stop = self._first_end(0)
        if not stop:
            return False
        self._is_begun = True
        self._seen = self._seen_quotes = 0
        first = bytes(self._buffer[:stop])
        if _is_header(first, self._names):
            self.header = first if first.endswith(b"\n") else first + b"\n"
            del self._buffer[:stop]
        return True

    def _last_end(self, stop: int) -> int:
        """Return where the last record that is whole before `stop` ends; 0 if none does."""
        if self._is_over and stop == len(self._buffer):
            return stop
        end = self._buffer.rfind(b"\n", self._seen, stop) + 1
        if not end:
            return 0
        is_inside = (self._seen_quotes + self._buffer.count(b'"', self._seen, end)) % 2
        while end and is_inside:
            # Back to before the quote that opened this cell, each time counting what was passed.
            quote = self._buffer.rfind(b'"', self._seen, end)
            if quote < 0:
                return 0
            before = self._buffer.rfind(b"\n", self._seen, quote) + 1
            is_inside = (1 + self._buffer.count(b'"', before, end)) % 2 if before else 1
            end = before
        return end

    def _first_end(self, start: int) -> int:
        """Return where the first record ends that reaches `start`; 0 if its end is not there."""
        while True:
            end = self._buffer.find(b"\n", max(self._seen, start)) + 1
            until = end or len(self._buffer)
            self._seen_quotes += self._buffer.count(b'"', self._seen, until)
            self._seen = until
            if end and self._seen_quotes % 2 == 0:
                return end
            if not end:
                break
        if len(self._buffer) > self._max_record_bytes + start:
            raise TooLarge(
                f"A record of the CSV body has more than {self._max_record_bytes} bytes; is a "
                "quote left open?",
                code="record_too_large",
            )
        return len(self._buffer) if self._is_over else 0


def _is_header(line: bytes, names: frozenset[str]) -> bool:
    try:
        cells = next(csv.reader(io.StringIO(line.decode(), newline=""), strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return False  # the worker finds the words
    return len(cells) == len(names) and set(cells) == names
