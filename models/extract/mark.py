"""The high-water mark: the next run begins above the highest value that this one has seen."""

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import BadData
from models.extract.files import write_atomically
from models.extract.texts import mask
from models.places import Places
from models.rows import Array
from models.schema import Cell
from models.spec import Specification

MARK_FILE: Final = "mark.json"


class StoredMark(BaseModel):
    """What `mark.json` holds.

    Args:
        column: the marked column.
        value: its highest value that was taken.
        unmarked_rows: rows before that had no readable value there; they are not rejected again.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    column: str
    value: int | float | str
    unmarked_rows: int = 0


class Watermark:
    """Leaves out the rows of earlier runs, and notes the highest value of this one.

    Args:
        column: the marked column; "" without one.
        start: rows up to this value were taken before; None at the first run.
        unmarked_before: rows without a readable value that were rejected before.
    """

    def __init__(self, column: str = "", start: Cell = None, unmarked_before: int = 0) -> None:
        self.column = column
        self.start = start
        self.highest = start
        self.unmarked = 0
        self._unmarked_before = unmarked_before

    def fresh(self) -> "Watermark":
        """Return the same for another pass."""
        return Watermark(self.column, self.start, self._unmarked_before)

    def old(self, values: pa.Array) -> Array:
        """Return which rows an earlier run has taken."""
        if self.start is None:
            return mask(pa.nulls(len(values), pa.bool_()))
        return mask(pc.less_equal(values, pa.scalar(self.start, values.type)))

    def see(self, taken: pa.Array) -> None:
        """Note the values of rows that are taken."""
        top = pc.max(taken).as_py()
        if top is not None and (self.highest is None or top > self.highest):
            self.highest = top

    def is_known_unmarked(self) -> bool:
        """Count a row without a readable value; return whether an earlier run has rejected it.

        Files grow at their end, so as many as were there before come first.
        """
        self.unmarked += 1
        return self.unmarked <= self._unmarked_before


def watermark(spec: Specification, places: Places) -> Watermark:
    """Return where the last committed run ended.

    Raises:
        BadData: `mark.json` cannot be read, or is of another column or type.
    """
    if spec.source.mark is None:
        return Watermark()
    column = spec.source.mark.column
    path = places.work / MARK_FILE
    stored = _stored(path)
    if stored is None:
        return Watermark(column)
    kinds = {"integer": int, "number": int | float}
    if stored.column != column or not isinstance(
        stored.value, kinds.get(spec.columns[column].type, str)
    ):
        raise BadData(
            f"{path} holds {stored.value!r} of the column {stored.column!r}, and the specification"
            f" marks {column!r}, {spec.columns[column].type}; delete the file to read everything"
        )
    return Watermark(column, stored.value, stored.unmarked_rows)


def commit_mark(spec: Specification, places: Places, mark: Cell, unmarked_rows: int = 0) -> None:
    """Write where the next run begins; call it once the rows are safe where they belong.

    Args:
        spec: the specification; without a mark in it nothing is written.
        places: their `work` gets mark.json.
        mark: the highest value that was taken, as `Extracted` and `Batches` have it.
        unmarked_rows: from the same; so many broken rows are not rejected again.
    """
    if spec.source.mark is None or mark is None:
        return
    stored = StoredMark(column=spec.source.mark.column, value=mark, unmarked_rows=unmarked_rows)
    write_atomically(places.work / MARK_FILE, stored.model_dump_json().encode() + b"\n")


def _stored(path: Path) -> StoredMark | None:
    try:
        return StoredMark.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise BadData(f"{path} is not a mark; delete it to read everything again") from error
