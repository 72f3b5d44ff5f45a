"""Checked rows, batch after batch, in bounded memory."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pandas as pd

from models.errors import BadData
from models.extract.contract import Contract
from models.extract.extracted import Extracted, RowCounts
from models.extract.frames import empty_frame, rebatched
from models.extract.mark import Watermark, watermark
from models.extract.opened import Opened, open_source
from models.extract.progress import Progress, silent
from models.extract.rejected import SideFile, judge, side_path
from models.places import Places
from models.schema import Cell
from models.spec import Specification
from models.spec.sources import CsvSource, SqlSource

_WHOLE_ROWS: Final = 100_000


class Batches:
    """The rows of a source that keep the contract; iterate as often as needed.

    Each pass checks every row anew and writes the same side file again. When a pass ends, the
    share of rejected rows is judged; what it has read is then in `counts`, `mark` and
    `rejected_file`.

    Args:
        spec: source and columns.
        places: data root and working folder.
        batch_rows: the rows of each frame; the last one has fewer.
        progress: told after every chunk.
        opened: the source, if it is open already.

    Raises:
        BadData: at once if the source is not there or not allowed, or lacks columns; while
            iterating if it cannot be read; at the end if too many rows break the contract.
    """

    def __init__(
        self,
        spec: Specification,
        places: Places,
        batch_rows: int,
        progress: Progress = silent,
        opened: Opened | None = None,
    ) -> None:
        self._spec = spec
        self._places = places
        self._batch_rows = batch_rows
        self._progress = progress
        self._start = watermark(spec, places) if opened is None else Watermark()
        self._opened = opened or open_source(spec, places, self._start.start)
        self._side_path = side_path(places.work)
        self.counts = RowCounts(0, 0)
        self.rejected_file: Path | None = None
        self.mark: Cell = self._start.start
        self.unmarked_rows = 0

    @property
    def source(self) -> str:
        """Where the rows come from, for a person; never a password."""
        return self._opened.name

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Yield the rows of one pass, each frame with the same columns and types."""
        return rebatched(self._frames(), self._batch_rows)

    def empty(self) -> pd.DataFrame:
        """Return a frame of no rows, typed as the others."""
        return empty_frame(self._spec.columns)

    def extracted(self, frame: pd.DataFrame) -> Extracted:
        """Return what the last pass has found, with a frame of its rows."""
        return Extracted(
            frame, self.counts, self.rejected_file, self.source, self.mark, self.unmarked_rows
        )

    def _frames(self) -> Iterator[pd.DataFrame]:
        water = self._fresh_watermark()
        contract = Contract(self._spec.columns, self._missing_words(), self._places.data, water)
        side_file = SideFile(self._side_path)
        taken = read = 0
        try:
            for chunk in self._opened.chunks():
                checked = contract.check(chunk)
                side_file.write(chunk.file, checked.rejections)
                taken += len(checked.frame)
                read += len(chunk.numbers) + len(chunk.broken)
                self._progress(self._opened.reading(read))
                yield checked.frame
        finally:
            contract.close()
            side_file.close()
            self._note(taken, side_file.reasons, water)
            self.rejected_file = side_file.written
        limit = self._spec.source.max_rejected_share
        judge(self.counts, limit, self.rejected_file, self.source)

    def _note(self, taken: int, reasons: Mapping[str, int], water: Watermark) -> None:
        self.counts = RowCounts(taken + sum(reasons.values()), taken, dict(reasons))
        self.mark = water.highest
        self.unmarked_rows = water.unmarked

    def _fresh_watermark(self) -> Watermark:
        source, start = self._spec.source, self._start
        if isinstance(source, SqlSource) and source.asks_for_mark:
            # The database has left the old rows out, and sorts by rules of its own.
            fresh = Watermark(start.column)
            fresh.highest = start.start
            return fresh
        return start.fresh()

    def _missing_words(self) -> tuple[str, ...]:
        source = self._spec.source
        return source.missing if isinstance(source, CsvSource) else ()


def batches(
    spec: Specification, places: Places, batch_rows: int, progress: Progress = silent
) -> Batches:
    """Open a source for reading in bounded memory.

    Raises:
        BadData: as `Batches`.
    """
    return Batches(spec, places, batch_rows, progress)


def extract(spec: Specification, places: Places, progress: Progress = silent) -> Extracted:
    """Read all rows of a source that keep the contract.

    With a high-water mark these are the rows above the one that was committed last; there may be
    none.

    Raises:
        BadData: the source is not there, not allowed, empty, lacks columns or cannot be read, or
            too many rows break the contract.
    """
    reader = Batches(spec, places, _WHOLE_ROWS, progress)
    frames = list(reader)
    if not frames and spec.source.mark is None:
        raise BadData(f"{reader.source} has no rows")
    frame = pd.concat(frames, ignore_index=True) if frames else reader.empty()
    return reader.extracted(frame)
