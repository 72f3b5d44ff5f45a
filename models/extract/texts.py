"""What a text must look like to be a whole number, a number, a truth value or a day.

Whole columns go through Arrow's kernels; where these refuse a column, or take more than is meant
(hexadecimal digits, "inf"), each value is read by the rule of its type.
"""

import math
import re
from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from models.rows import Array
from models.spec.columns import TIME

TRUE_WORDS: Final = ("true", "t", "yes", "y", "1")
FALSE_WORDS: Final = ("false", "f", "no", "n", "0")

_WHOLE: Final = re.compile(r"[+-]?\d+(\.0*)?", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LARGEST: Final = 2**63
_PARTS: Final = {"%Y": r"(?P<Y>\d{4})"} | {
    f"%{letter}": rf"(?P<{letter}>\d{{1,2}})" for letter in "mdHMS"
}
_ISO: Final = (
    r"^\d{4}-\d{2}-\d{2}"
    r"([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$"
)


def integers(texts: pa.Array) -> pa.Array:
    """Return int64, null where a text is not a whole number; "12.0" is one."""
    if not pc.any(pc.match_substring(texts, "x", ignore_case=True)).as_py():
        try:
            return pc.cast(texts, pa.int64())
        except pa.ArrowInvalid:
            pass
    return _one_by_one(texts, _integer, pa.int64())


def numbers(texts: pa.Array) -> pa.Array:
    """Return float64, null where a text is not a finite number."""
    try:
        values = pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        return _one_by_one(texts, _number, pa.float64())
    return finite(values)


def finite(values: pa.Array) -> pa.Array:
    """Return the floats with null for what is infinite or no number."""
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))


def booleans(texts: pa.Array) -> pa.Array:
    """Return bool, null where a text is none of the words for true and false."""
    lowered = pc.utf8_lower(texts)
    true = pc.is_in(lowered, pa.array(TRUE_WORDS))
    false = pc.is_in(lowered, pa.array(FALSE_WORDS))
    return pc.if_else(pc.or_(true, false), true, pa.scalar(None, pa.bool_()))


def dates(texts: pa.Array) -> pa.Array:
    """Return the texts, null where one is not a day or time of the calendar in ISO 8601."""
    shaped = pc.fill_null(pc.match_substring_regex(texts, _ISO), False)
    kept = pc.if_else(shaped, texts, pa.scalar(None, texts.type))
    # One nanosecond would make pandas count all in nanoseconds, which end in 2262.
    coarse = pc.replace_substring_regex(kept, r"(\.\d{6})\d+", r"\1")
    known = pd.to_datetime(coarse.to_pandas(), format="ISO8601", errors="coerce", utc=True)
    return pc.if_else(pa.array(known.notna().to_numpy()), kept, pa.scalar(None, texts.type))


def iso_dates(texts: pa.Array, form: str) -> pa.Array:
    """Return dates of another form in ISO 8601, null where a text has not that form.

    Whether the calendar has such a day is for `dates` to say.

    Args:
        texts: strings.
        form: as in a column's `format`.
    """
    found = pc.extract_regex(texts, f"^{form_pattern(form)}$")

    def part(directive: str, width: int = 2) -> pa.Array:
        return pc.utf8_lpad(pc.struct_field(found, directive[1]), width, "0")

    day = pc.binary_join_element_wise(part("%Y", 4), part("%m"), part("%d"), "-")
    times = [part(one) for one in TIME if one in form]
    if not times:
        return day
    return pc.binary_join_element_wise(day, pc.binary_join_element_wise(*times, ":"), "T")


def form_pattern(form: str) -> str:
    """Return the regular expression of a date's form, a group for each part, named by its letter.

    Named as Arrow and Python name groups; without the names it is one of Java's, too.
    """
    parts = re.split(r"(%[YmdHMS])", form)
    return "".join(_PARTS.get(part, re.escape(part)) for part in parts)


def with_points(texts: pa.Array) -> pa.Array:
    """Return numbers with decimal commas as ones with points, null where there is a point."""
    pointed = pc.replace_substring(texts, ",", ".")
    return pc.if_else(pc.match_substring(texts, "."), pa.scalar(None, texts.type), pointed)


def mask(values: pa.Array) -> Array:
    """Return an Arrow column of truth values as a numpy array; null is false."""
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), dtype=bool)


def _one_by_one(
    texts: pa.Array, read: Callable[[str], int | float | None], dtype: pa.DataType
) -> pa.Array:
    values = (None if text is None else read(text) for text in texts.to_pylist())
    return pa.array(values, dtype, size=len(texts))


def _integer(text: str) -> int | None:
    if not _WHOLE.fullmatch(text):
        return None
    digits = text.partition(".")[0]
    # Twenty digits are too many already, and int() of a million digits takes seconds.
    value = int(digits) if len(digits.lstrip("+-").lstrip("0")) < 20 else _LARGEST
    return value if -_LARGEST <= value < _LARGEST else None


def _number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None
