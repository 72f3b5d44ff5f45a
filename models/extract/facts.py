"""What a column holds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from models.extract.cells import typed
from models.extract.reading import Reading, narrowest
from models.schema import Cell
from models.spec.columns import ColumnType

USUAL_MISSING: Final = ("", "NA", "NaN", "null")
MISSING_WORDS: Final = (*USUAL_MISSING, "?", "N/A", "n/a", "nan", "NULL", "None", "<NA>")

MOST_UNFIT: Final = 0.02
"""So many of a column's rows may be wrong before its type is thought to be another one."""

_MOST_VALUES: Final = 1000


@dataclass(frozen=True)
class ColumnFacts:
    """What a column holds, in a sample of the rows.

    Args:
        name: its name.
        reading: the narrowest type that all its values have, or nearly all.
        rows: of the sample.
        missing: rows without a value.
        unfit: rows with something that the type does not have.
        unfit_example: one of these.
        counts: value → rows, most frequent first; at most a thousand values.
        distinct: how many different values there are.
        low: the lowest number.
        high: the highest number.
        words: how many words a text has, on average.
        missing_words: the words that stand for a missing value.
        is_counter: whether the numbers go up by one from row to row.
    """

    name: str
    reading: Reading
    rows: int
    missing: int
    unfit: int
    unfit_example: str
    counts: dict[Cell, int]
    distinct: int
    low: float | None
    high: float | None
    words: float
    missing_words: tuple[str, ...]
    is_counter: bool

    @property
    def has_no_type(self) -> bool:
        """Whether too many values have no type at all, as lists and objects have none."""
        return self.unfit > MOST_UNFIT * self.rows

    @property
    def type(self) -> ColumnType:
        """The type that the reading has."""
        return self.reading.type


def facts_of(name: str, cells: pa.Array, *, has_words: bool) -> ColumnFacts:
    """Return what a column holds.

    Args:
        name: its name.
        cells: of the sample.
        has_words: whether a text may stand for a missing value; JSON and Parquet have null for it.
    """
    reading, words = _reading(cells, (USUAL_MISSING, MISSING_WORDS) if has_words else ((),))
    wanted = reading.type
    read = typed(cells, wanted, words, form=reading.form, decimal=reading.decimal)
    there = read.values.drop_null()
    counted = Counter(there.to_pylist())
    numeric = wanted in ("integer", "number") and len(there) > 0
    bounds = pc.min_max(there).as_py() if numeric else {"min": None, "max": None}
    steps = np.diff(there.to_numpy(zero_copy_only=False)) if wanted == "integer" else np.zeros(0)
    texts = list(counted)[:_MOST_VALUES] if wanted == "text" else []
    return ColumnFacts(
        name=name,
        reading=reading,
        rows=len(cells),
        missing=int(read.missing.sum()),
        unfit=int(read.unfit.sum()),
        unfit_example=str(cells[int(read.unfit.argmax())]) if read.unfit.any() else "",
        counts=dict(counted.most_common(_MOST_VALUES)),
        distinct=len(counted),
        low=bounds["min"],
        high=bounds["max"],
        words=float(np.mean([len(str(text).split()) for text in texts])) if texts else 0.0,
        missing_words=words,
        is_counter=len(steps) > 1 and bool((steps == 1).all()),
    )


def _reading(cells: pa.Array, lists: Sequence[tuple[str, ...]]) -> tuple[Reading, tuple[str, ...]]:
    """Return how a column is best read, and its words for a missing value, of one of the lists."""
    if not kinds.is_string(cells.type):
        return Reading(_declared(cells.type)), ()
    trimmed = pc.value_counts(pc.utf8_trim_whitespace(cells))
    used = {one["values"].as_py(): one["counts"].as_py() for one in trimmed}
    used.pop(None, None)
    for share in (0.0, MOST_UNFIT):
        for words in lists:
            rows = {text: count for text, count in used.items() if text not in words}
            found = tuple(word for word in words if word in used)
            if not rows:
                return Reading("text"), found
            reading = narrowest(rows, share)
            if reading.type != "text":
                return reading, found
    return Reading("text"), tuple(word for word in lists[0] if word in used)


def _declared(kind: pa.DataType) -> ColumnType:
    if kinds.is_boolean(kind):
        return "boolean"
    if kinds.is_integer(kind):
        return "integer"
    if kinds.is_floating(kind) or kinds.is_decimal(kind):
        return "number"
    return "date" if kinds.is_date(kind) or kinds.is_timestamp(kind) else "text"
