"""JSON lines: an object a line."""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import numpy as np
import orjson

from models.extract.chunk import Broken, Chunk
from models.extract.objects import column
from models.rows import Array

_BLOCK_BYTES: Final = 2**20
_LONGEST_BYTES: Final = 16 * 2**20
_CHUNK_ROWS: Final = 20_000
_SHOWN_CHARS: Final = 10_000
_BOM: Final = b"\xef\xbb\xbf"


class JsonLines:
    """One file of JSON lines.

    Args:
        path: the file.
        name: the file as people know it.
        wanted: the keys that become columns; a row without one has a missing value there.
    """

    def __init__(self, path: Path, name: str, wanted: tuple[str, ...]) -> None:
        self.path = path
        self.name = name
        self.read_bytes = 0
        self.seen: set[str] = set()
        self._wanted = wanted

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows, in order; blank lines are none."""
        rows: list[dict[str, Any]] = []
        numbers: list[int] = []
        broken: list[Broken] = []
        for number, line in enumerate(self.lines(), start=1):
            row = _parsed(number, line)
            if isinstance(row, Broken):
                broken.append(row)
            else:
                rows.append(row)
                numbers.append(number)
            if len(rows) + len(broken) == _CHUNK_ROWS:
                yield self._chunk(rows, numbers, broken)
                rows, numbers, broken = [], [], []
        if rows or broken:
            yield self._chunk(rows, numbers, broken)

    def _chunk(self, rows: list[dict[str, Any]], numbers: list[int], broken: list[Broken]) -> Chunk:
        for row in rows:
            if row.keys() - self.seen:
                self.seen |= row.keys()

        def originals(places: Array) -> list[dict[str, Any]]:
            return [rows[place] for place in places]

        columns = {key: column([row.get(key) for row in rows]) for key in self._wanted}
        counted = np.asarray(numbers, dtype=np.int64)
        return Chunk(columns, counted, self.name, originals, tuple(broken))

    def lines(self) -> Iterator[bytes]:
        """Yield lines that are not blank; one that is too long is cut, and is then no JSON."""
        rest = b""
        with ExitStack() as opened:
            raw = opened.enter_context(self.path.open("rb"))
            packed = self.path.suffix == ".gz"
            stream = cast("BinaryIO", gzip.GzipFile(fileobj=raw) if packed else raw)
            first = True
            while block := stream.read(_BLOCK_BYTES):
                self.read_bytes = raw.tell()
                if first:
                    block, first = block.removeprefix(_BOM), False
                *lines, rest = (rest[:_LONGEST_BYTES] + block).split(b"\n")
                yield from (line for line in lines if line.strip())
        if rest.strip():
            yield rest


def _parsed(number: int, line: bytes) -> dict[str, Any] | Broken:
    reason = "is not an object"
    try:
        row = orjson.loads(line)
        if isinstance(row, dict):
            return row
    except orjson.JSONDecodeError as error:
        reason = f"is not JSON: {error.msg}"
    return Broken(number, line.decode(errors="backslashreplace").strip()[:_SHOWN_CHARS], reason)
