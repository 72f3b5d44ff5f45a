"""How a file's text is written, and a sample of its rows."""

import codecs
import csv
import gzip
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, cast

import orjson
import pyarrow as pa

from models.errors import BadData
from models.extract.cells import typed
from models.extract.chunk import Chunk
from models.extract.delimited import Delimited
from models.extract.json_lines import JsonLines
from models.extract.parquet import Parquet
from models.spec.sources import CsvSource

SAMPLE_ROWS: Final = 100_000

_HEAD_BYTES: Final = 2**18
_HEAD_LINES: Final = 100
_KEY_LINES: Final = 1000
_DELIMITERS: Final = ",;\t|"


def sniff_csv(path: Path) -> CsvSource:
    """Return how delimited text is written, judged by its first lines.

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
    header = len(set(first)) == len(first) and not any(map(_is_numeric, first))
    return CsvSource(
        kind="csv", path=path.name, delimiter=delimiter, encoding=encoding, header=header
    )


def sample_csv(path: Path, source: CsvSource) -> dict[str, pa.Array]:
    """Return the first rows of delimited text, as texts.

    Columns without a name are called column_1, column_2 and so on.
    """
    names: tuple[str, ...] = ()
    if not source.header:
        named = source.model_copy(update={"header": True})
        width = len(Delimited(path, path.name, named, ()).columns())
        names = tuple(f"column_{place}" for place in range(1, width + 1))
    return _joined(Delimited(path, path.name, source, names).chunks())


def sample_parquet(path: Path) -> dict[str, pa.Array]:
    """Return the first rows of a Parquet file."""
    names = tuple(Parquet(path, path.name, ()).columns())
    return _joined(Parquet(path, path.name, names).chunks())


def sample_json_lines(path: Path) -> dict[str, pa.Array]:
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


def _joined(chunks: Iterable[Chunk]) -> dict[str, pa.Array]:
    parts: dict[str, list[pa.Array]] = {}
    rows = 0
    for chunk in chunks:
        for name, cells in chunk.columns.items():
            parts.setdefault(name, []).append(cells)
        rows += len(chunk.numbers)
        if rows >= SAMPLE_ROWS:
            break
    return {name: _one(arrays) for name, arrays in parts.items()}


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
