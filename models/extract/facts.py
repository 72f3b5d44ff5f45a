"""What a column holds, and the narrowest type that all of it has."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from models.extract.cells import typed
from models.schema import Cell
from models.spec.columns import ColumnType

USUAL_MISSING: Final = ("", "NA", "NaN", "null")
MISSING_WORDS: Final = (*USUAL_MISSING, "?", "N/A", "n/a", "nan", "NULL", "None", "<NA>")

_MOST_VALUES: Final = 1000


@dataclass(frozen=True)
class ColumnFacts:
    """What a column holds, in a sample of the rows.

    Args:
        name: its name.
        type: the narrowest type that all its values have.
        rows: of the sample.
        missing: rows without a value.
        counts: value → rows, most frequent first; at most a thousand values.
        distinct: how many different values there are.
        low: the lowest number.
        high: the highest number.
        words: how many words a text has, on average.
        missing_words: the words that stand for a missing value.
        is_counter: whether the numbers go up by one from row to row.
    """

    name: str
    type: ColumnType
    rows: int
    missing: int
    counts: dict[Cell, int]
    distinct: int
    low: float | None
    high: float | None
    words: float
    missing_words: tuple[str, ...]
    is_counter: bool


def facts_of(name: str, cells: pa.Array) -> ColumnFacts:
    """Return what a column holds."""
    wanted, words = _type(cells)
    read = typed(cells, wanted, words)
    there = read.values.drop_null()
    counted = Counter(there.to_pylist())
    numeric = wanted in ("integer", "number") and len(there) > 0
    bounds = pc.min_max(there).as_py() if numeric else {"min": None, "max": None}
    steps = np.diff(there.to_numpy(zero_copy_only=False)) if wanted == "integer" else np.zeros(0)
    texts = list(counted)[:_MOST_VALUES] if wanted == "text" else []
    return ColumnFacts(
        name=name,
        type=wanted,
        rows=len(cells),
        missing=len(cells) - len(there),
        counts=dict(counted.most_common(_MOST_VALUES)),
        distinct=len(counted),
        low=bounds["min"],
        high=bounds["max"],
        words=float(np.mean([len(str(text).split()) for text in texts])) if texts else 0.0,
        missing_words=words,
        is_counter=len(steps) > 1 and bool((steps == 1).all()),
    )


def _type(cells: pa.Array) -> tuple[ColumnType, tuple[str, ...]]:
    """Return the narrowest type of a column, and its words for a missing value."""
    if not kinds.is_string(cells.type):
        return _declared(cells.type), ()
    used = pc.unique(pc.utf8_trim_whitespace(cells)).to_pylist()
    for words in (USUAL_MISSING, MISSING_WORDS):
        values = [text for text in used if text is not None and text not in words]
        found = tuple(word for word in words if word in used)
        if not values:
            return "text", found
        wanted = _narrowest(values)
        if wanted != "text":
            return wanted, found
    return "text", tuple(word for word in USUAL_MISSING if word in used)


def _narrowest(values: Sequence[str]) -> ColumnType:
    texts = pa.array(values)
    if {text.lower() for text in values} <= {"true", "false"}:
        return "boolean"
    # 007 is a code, not seven.
    coded = pc.any(pc.match_substring_regex(texts, r"^[+-]?0\d")).as_py()
    if not coded and not typed(texts, "number").unfit.any():
        pointed = pc.any(pc.match_substring_regex(texts, r"[.eE]")).as_py()
        return "number" if pointed or typed(texts, "integer").unfit.any() else "integer"
    return "text" if typed(texts, "date").unfit.any() else "date"


def _declared(kind: pa.DataType) -> ColumnType:
    if kinds.is_boolean(kind):
        return "boolean"
    if kinds.is_integer(kind):
        return "integer"
    if kinds.is_floating(kind) or kinds.is_decimal(kind):
        return "number"
    return "date" if kinds.is_date(kind) or kinds.is_timestamp(kind) else "text"
