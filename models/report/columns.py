"""The raw columns as the report looks at them: what kind each is, and what it is called."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from models.evidence import Evidence
from models.report.drawing import short
from models.report.judged import Floats
from models.report.numbers import percent

FEW_VALUES: Final = 8
"""A whole number with so few values is drawn as categories."""
FAR: Final = 10
"""Of a normal distribution the largest of a million lies four times the box's width away."""

Kind = Literal["number", "date", "category", "nothing"]


@dataclass(frozen=True)
class RawColumn:
    """One column of the known rows.

    Args:
        name: as in the specification.
        kind: number, date, category; or nothing to be drawn.
        texts: the values as texts, None where one is missing; numbered from 0.
        axis: its name with its unit.
        numbers: of a number or a date (days since 1970-01-01), NaN where one is missing; else
            empty.
        why_not: for "nothing", in words.
    """

    name: str
    kind: Kind
    texts: "pd.Series[Any]"
    axis: str
    numbers: Floats = field(default_factory=lambda: np.empty(0))
    why_not: str = ""

    @property
    def far_spread(self) -> bool:
        """Whether some numbers lie so far above most that a plain axis shows nothing but them."""
        present = self.numbers[np.isfinite(self.numbers)]
        if self.kind != "number" or not len(present) or present.min() <= 0:
            return False
        low, middle, high = np.quantile(present, [0.25, 0.5, 0.75])
        return bool(present.max() - middle > FAR * (high - low) > 0)

    @property
    def missing_words(self) -> str:
        """A sentence on missing values, with a blank before it; empty if there are none."""
        share = float(self.texts.isna().mean())
        return f" Missing in {percent(share)} of the rows." if share else ""


def raw_columns(evidence: Evidence, names: Sequence[str]) -> list[RawColumn]:
    """Return columns of the known rows, without those that the rows do not have."""
    return [raw_column(evidence, name) for name in names if name in evidence.known.columns]


def raw_column(evidence: Evidence, name: str) -> RawColumn:
    """Return one column of the known rows."""
    contract = evidence.specification.columns[name]
    axis = f"{name} [{contract.unit}]" if contract.unit else name
    values = evidence.known[name].reset_index(drop=True)
    texts = _texts(values)
    distinct = texts.nunique(dropna=True)
    if contract.type == "picture":
        return RawColumn(name, "nothing", texts, axis, why_not="it is a picture")
    if distinct < 2:
        why = f"always {short(texts.dropna().iloc[0])}" if distinct else "always missing"
        return RawColumn(name, "nothing", texts, axis, why_not=why)
    if contract.type == "date":
        return RawColumn(name, "date", texts, axis, _days(values))
    numeric = contract.type in {"integer", "number"}
    if numeric and not (contract.type == "integer" and distinct <= FEW_VALUES):
        return RawColumn(name, "number", texts, axis, _floats(values))
    if not numeric and distinct > max(50, 0.5 * texts.notna().sum()):
        return RawColumn(name, "nothing", texts, axis, why_not=f"{distinct:,} different texts")
    return RawColumn(name, "category", texts, axis)


def in_order(texts: "pd.Series[Any]", most: int) -> list[str]:
    """Return the most frequent texts: numbers ascending, others by frequency."""
    counts = texts.value_counts()
    names = sorted(map(str, counts.index), key=lambda name: (-int(counts[name]), name))[:most]
    try:
        return sorted(names, key=float)
    except ValueError:
        return names


def _floats(values: "pd.Series[Any]") -> Floats:
    numbers = pd.to_numeric(values, errors="coerce")
    return numbers.to_numpy(np.float64, na_value=np.nan)


def _days(values: "pd.Series[Any]") -> Floats:
    moments = pd.to_datetime(values, errors="coerce", format="ISO8601", utc=True)
    days = (moments - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(days=1)
    return np.asarray(days, dtype=np.float64)


def _texts(values: "pd.Series[Any]") -> "pd.Series[Any]":
    present = values.notna()
    whole = pd.api.types.is_float_dtype(values.dtype) and bool((values[present] % 1 == 0).all())
    words = [str(int(one)) if whole else str(one) for one in values[present]]
    return pd.Series(words, index=values.index[present], dtype=object).reindex(values.index)
