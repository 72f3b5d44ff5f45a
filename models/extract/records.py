"""Delimited text record by record: slower than Arrow, and not thrown by any line."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from models.spec.sources import CsvSource

MOST_CHARS: Final = 2**20
"""No record is longer: a quote that nobody closes would otherwise take the rest of the file."""


@dataclass(frozen=True)
class Record:
    """A record: its cells, or why it has none, with its text."""

    cells: list[str]
    reason: str = ""
    text: str = ""


def records(text: Iterable[str], source: CsvSource, width: int | None = None) -> Iterator[Record]:
    """Yield every record; blank lines are none.

    Of a record that is broken only the first line is given up, and reading goes on with the next:
    what follows an open quote are mostly good lines.

    Args:
        text: lines with their ends.
        source: delimiter, quote and encoding.
        width: how many cells a record must have; None takes any number.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MOST_CHARS))
    lines = _Lines(text)
    reader = _reader(lines, source)
    while True:
        lines.begin()
        reason = ""
        cells: list[str] = []
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _TooLong:
            reason = f"has more than {MOST_CHARS:,} characters"
        except csv.Error as error:
            reason = f"has a broken quote: {error}"
        if not reason and not cells:
            continue
        reason = reason or _reason(cells, width, lines.taken, source)
        if not reason:
            yield Record(cells)
            continue
        yield Record([], reason, lines.give_up_first())
        reader = _reader(lines, source)


class _TooLong(csv.Error):
    """A record has more than MOST_CHARS characters."""


class _Lines:
    """Lines that can be given back."""

    def __init__(self, text: Iterable[str]) -> None:
        self.taken: list[str] = []
        self._text = iter(text)
        self._again: deque[str] = deque()
        self._held_chars = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._text)
        self.taken.append(line)
        self._held_chars += len(line)
        if self._held_chars > MOST_CHARS:
            raise _TooLong
        return line

    def begin(self) -> None:
        self.taken.clear()
        self._held_chars = 0

    def give_up_first(self) -> str:
        first, *rest = self.taken
        self._again.extendleft(reversed(rest))
        return first.rstrip("\r\n")[:MOST_CHARS]


def _reader(lines: Iterator[str], source: CsvSource) -> "Iterator[list[str]]":
    return csv.reader(lines, delimiter=source.delimiter, quotechar=source.quote, strict=True)


def _reason(cells: list[str], width: int | None, taken: list[str], source: CsvSource) -> str:
    if width is not None and len(cells) != width:
        return f"has {len(cells)} cells instead of {width}"
    if not taken[0].isascii() or len(taken) > 1:
        return "" if all(map(_is_clean, taken)) else f"is not {source.encoding}"
    return ""


def _is_clean(line: str) -> bool:
    """Return whether a line has no byte that its encoding does not know."""
    if line.isascii():
        return True
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True
