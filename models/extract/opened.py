"""A source, opened: chunks of raw rows, and how far the reading is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from models.errors import BadData
from models.extract.chunk import Chunk
from models.extract.delimited import Delimited
from models.extract.headers import require_columns, wanted_columns
from models.extract.json_lines import JsonLines
from models.extract.parquet import Parquet
from models.extract.paths import source_files, words
from models.extract.progress import Reading
from models.places import Places
from models.schema import Cell
from models.spec import Specification
from models.spec.sources import CsvSource, FileSource, JsonLinesSource, SqlSource


class Opened(Protocol):
    """Where raw rows come from."""

    @property
    def name(self) -> str:
        """For a person; never a password."""

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows, in order."""

    def reading(self, rows: int) -> Reading:
        """Return how far the reading is, `rows` rows into it."""


@dataclass
class Files:
    """Files of one kind, one after the other.

    Args:
        name: for a person.
        readers: one a file; all have the wanted columns.
        wanted: the columns, by their names in the files.
    """

    name: str
    readers: list[Delimited | JsonLines | Parquet]
    wanted: tuple[str, ...]
    _total_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self._total_bytes = sum(reader.path.stat().st_size for reader in self.readers)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows of all files.

        Raises:
            BadData: a file cannot be read, or no object of a JSON file has a wanted key.
        """
        for reader in self.readers:
            try:
                yield from reader.chunks()
            except (OSError, EOFError, UnicodeError) as error:
                why = getattr(error, "strerror", None) or error
                raise BadData(f"{reader.name} cannot be read: {why}") from error
        seen = [reader.seen for reader in self.readers if isinstance(reader, JsonLines)]
        if seen and (keys := set().union(*seen)):
            require_columns(sorted(keys), self.wanted, self.name)

    def reading(self, rows: int) -> Reading:
        """Return the bytes read, packed as they are."""
        done_bytes = sum(reader.read_bytes for reader in self.readers)
        return Reading(done_bytes, self._total_bytes, "bytes", rows)


def open_source(spec: Specification, places: Places, mark: Cell) -> Opened:
    """Open a specification's source.

    Args:
        spec: the specification.
        places: its data root.
        mark: the high-water mark, for a query that binds it.

    Raises:
        BadData: it is not there, not allowed, or has not the wanted columns.
    """
    if isinstance(spec.source, SqlSource):
        return _open_query(spec, spec.source, places, mark)
    if not isinstance(spec.source, FileSource):
        raise BadData('source.kind = "spark" is read by the Spark engine only')
    found = source_files(places.data, spec.source.path)
    return open_files(spec, [(file, words(places.data, file)) for file in found], spec.source.path)


def open_files(spec: Specification, found: list[tuple[Path, str]], name: str) -> Files:
    """Open files of a specification's kind, and look whether they have the wanted columns.

    Raises:
        BadData: one has not, or is not of the kind.
    """
    wanted = tuple(wanted_columns(spec))
    readers = [_reader(spec, path, words, wanted) for path, words in found]
    for reader in readers:
        if isinstance(reader, JsonLines):
            continue
        try:
            require_columns(reader.columns(), wanted, reader.name)
        except (OSError, EOFError, UnicodeError) as error:
            raise BadData(f"{reader.name} cannot be read: {error}") from error
    return Files(name, readers, wanted)


def _reader(
    spec: Specification, path: Path, name: str, wanted: tuple[str, ...]
) -> Delimited | JsonLines | Parquet:
    if isinstance(spec.source, CsvSource):
        return Delimited(path, name, spec.source, wanted)
    if isinstance(spec.source, JsonLinesSource):
        return JsonLines(path, name, wanted)
    return Parquet(path, name, wanted)


def _open_query(spec: Specification, source: SqlSource, places: Places, mark: Cell) -> Opened:
    try:
        from models.extract.database import Query  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise BadData('SQL sources need SQLAlchemy: pip install "percore[train]"') from error
    if spec.source.mark is not None and mark is None:
        # Below everything, so that the first run takes all rows.
        kind = spec.columns[spec.source.mark.column].type
        lowest: dict[str, Cell] = {"integer": -(2**63), "number": -1.7e308, "date": "0001-01-01"}
        mark = lowest.get(kind, "")
    return Query(source, places.data, tuple(wanted_columns(spec)), mark)
