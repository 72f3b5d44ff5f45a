"""How a file's text is written, and a sample of its rows."""

import codecs
import csv
import gzip
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from models.errors import BadData
from models.extract.cells import typed
from models.extract.chunk import Chunk
from models.extract.delimited import Delimited
from models.extract.headers import require_columns
from models.extract.json_lines import JsonLines
from models.extract.parquet import Parquet
from models.extract.texts import mask
from models.rows import Array
from models.spec.sources import CsvSource

SAMPLE_ROWS: Final = 100_000

_HEAD_BYTES: Final = 2**18
_HEAD_LINES: Final = 100
_KEY_LINES: Final = 1000
_DELIMITERS: Final = ",;\t|"


@dataclass(frozen=True)
class Sample:
    """The first rows of a file.

    Args:
        columns: name → cells.
        strange_rows: rows that have other cells than the columns, or their names once more.
    """

    columns: dict[str, pa.Array]
    strange_rows: int


def sniff_csv(path: Path, target: str) -> CsvSource:
    """Return how delimited text is written, judged by its first lines.

    Args:
        path: the file.
        target: a column; a first line that has it is one of names.

    Raises:
        BadData: it is empty, or no text.
    """
    with path.open("rb") as raw:
        unpacked = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        head = cast("BinaryIO", unpacked).read(_HEAD_BYTES)
    encoding = _encoding(head)
    text = head.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")
    lines = [line for line in text.splitlines()[:_HEAD_LINES] if line.strip()]
    if not lines or "\0" in lines[0]:
        raise BadData(f"{path.name} is empty, or no text")
    delimiter = max(_DELIMITERS, key=lambda sign: _consistency(lines, sign))
    first = next(csv.reader(lines, delimiter=delimiter))
    unlike = len(set(first)) == len(first) and not any(map(_is_numeric, first))
    header = target in first or unlike
    return CsvSource(
        kind="csv", path=path.name, delimiter=delimiter, encoding=encoding, header=header
    )


def sample_csv(path: Path, source: CsvSource) -> Sample:
    """Return the first rows of delimited text, as texts.

    Columns without a name are called column_1, column_2 and so on.

    Raises:
        BadData: two columns have the same name.
    """
    names: tuple[str, ...] = ()
    if not source.header:
        named = source.model_copy(update={"header": True})
        width = len(Delimited(path, path.name, named, ()).columns())
        names = tuple(f"column_{place}" for place in range(1, width + 1))
    file = Delimited(path, path.name, source, names)
    require_columns(file.columns(), file.columns(), path.name)
    return _joined(file.chunks())


def sample_parquet(path: Path) -> Sample:
    """Return the first rows of a Parquet file."""
    names = tuple(Parquet(path, path.name, ()).columns())
    return _joined(Parquet(path, path.name, names).chunks())


def sample_json_lines(path: Path) -> Sample:
    """Return the first rows of JSON lines; the first thousand say which keys there are."""
    keys: dict[str, None] = {}
    for line in islice(JsonLines(path, path.name, ()).lines(), _KEY_LINES):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        keys |= dict.fromkeys(row) if isinstance(row, dict) else {}
    reader = JsonLines(path, path.name, tuple(keys))
    return _joined(reader.chunks())


def _joined(chunks: Iterable[Chunk]) -> Sample:
    parts: dict[str, list[pa.Array]] = {}
    rows = broken = 0
    for chunk in chunks:
        for name, cells in chunk.columns.items():
            parts.setdefault(name, []).append(cells)
        rows += len(chunk.numbers)
        broken += len(chunk.broken)
        if rows >= SAMPLE_ROWS:
            break
    columns = {name: _one(arrays) for name, arrays in parts.items()}
    repeated = _names_again(columns)
    kept = pa.array(~repeated)
    return Sample(
        {name: cells.filter(kept) for name, cells in columns.items()}, broken + int(repeated.sum())
    )


def _names_again(columns: Mapping[str, pa.Array]) -> Array:
    """Return which rows are the line of names once more, as where files were put together."""
    again = np.ones(len(next(iter(columns.values()), ())), dtype=bool)
    for name, cells in columns.items():
        if not pa.types.is_string(cells.type):
            return np.zeros(len(again), dtype=bool)
        again &= mask(pc.equal(cells, name))
    return again


def _one(arrays: Sequence[pa.Array]) -> pa.Array:
    if len({cells.type for cells in arrays}) > 1:
        arrays = [typed(cells, "text").values for cells in arrays]
    return pa.concat_arrays(arrays)


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        # The last letter may be cut.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _consistency(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    """Return how many lines have the commonest number of cells, above one, and that number."""
    widths = Counter(len(cells) for cells in csv.reader(lines, delimiter=delimiter) if cells)
    width, count = widths.most_common(1)[0]
    return (count / len(lines) if width > 1 else 0.0, width)


def _is_numeric(text: str) -> bool:
    return not typed(pa.array([text.strip() or "x"]), "number").unfit.any()
