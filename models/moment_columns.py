"""Columns of days and times: from texts in ISO 8601, and back.

Pandas counts a whole column in the finest unit that one of its texts has, and nanoseconds end in
1677 and 2262: a single such text would make NaT of a neighbour in another century.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd

Moments: TypeAlias = pd.DatetimeIndex

SHORT_CHARS: Final = len("2026-11-29T12:00:00.123456")
_FINER: Final = re.compile(r"(\.\d{6})\d+")


def is_of_moments(values: "pd.Series[Any]") -> bool:
    """Return whether a column holds days or times, and not texts of them."""
    return values.dtype.kind == "M"


def as_texts(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a column of moments as texts in ISO 8601; NaT becomes None."""
    texts = [None if value is pd.NaT else value.isoformat() for value in values]
    return pd.Series(texts, values.index, dtype=object, name=values.name)


def read_moments(texts: "pd.Series[Any]") -> Moments:
    """Return texts as times in UTC; NaT for what is missing or no date in ISO 8601."""
    return _read([_to_microseconds(one) for one in texts.astype(object)]).as_unit("us")


def as_moments(texts: Iterable[Any], dtype: str) -> Moments:
    """Return texts as a column of a DataFrame that holds moments.

    Args:
        texts: in ISO 8601, or missing. One with an offset is counted in UTC, or in the column's
            zone if it has one; one without is taken as it stands, or as UTC if the column has one.
        dtype: the column's, such as "datetime64[us]" or "datetime64[us, Europe/Berlin]".
    """
    wanted: Any = pd.api.types.pandas_dtype(dtype)
    zone = getattr(wanted, "tz", None)
    unit: Any = np.datetime_data(wanted)[0] if zone is None else wanted.unit
    read = _read(list(texts) if unit == "ns" else [_to_microseconds(one) for one in texts])
    return read.tz_convert(zone).as_unit(unit)


def _read(texts: Sequence[Any]) -> Moments:
    column = pd.Series(texts, dtype=object)
    return pd.DatetimeIndex(pd.to_datetime(column, format="ISO8601", utc=True, errors="coerce"))


def _to_microseconds(text: object) -> object:
    if isinstance(text, str) and len(text) > SHORT_CHARS:
        return _FINER.sub(r"\1", text)
    return text
