"""How the texts of a column are best read: the narrowest type that they have."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.extract.cells import typed
from models.extract.texts import mask
from models.rows import Array
from models.spec.columns import ColumnType

_DAYS: Final = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d")
_FORMS: Final = tuple(f"{day}{time}" for day in _DAYS for time in ("", " %H:%M", " %H:%M:%S"))


@dataclass(frozen=True)
class Reading:
    """How a column's texts are read.

    Args:
        type: the narrowest type that they have.
        form: how they write a date, if not in ISO 8601.
        decimal: what stands before their decimals.
        doubt: what the texts do not tell.
    """

    type: ColumnType
    form: str = ""
    decimal: str = "."
    doubt: str = ""


def narrowest(rows: Mapping[str, int], most_unfit: float) -> Reading:
    """Return the narrowest reading of texts.

    Args:
        rows: text → rows that have it, without what stands for a missing value.
        most_unfit: share of the rows that may be anything else.
    """
    texts = pa.array(list(rows), pa.string())
    column = _Column(texts, np.fromiter(rows.values(), np.int64), most_unfit)
    if column.all_but_few(mask(pc.is_in(pc.utf8_lower(texts), pa.array(["true", "false"])))):
        return Reading("boolean")
    # 007 is a code, not seven.
    coded = mask(pc.match_substring_regex(texts, r"^[+-]?0\d+$"))
    if column.few(coded):
        for decimal in (".", ","):
            number = column.number(decimal)
            if number is not None:
                return number
    if column.all_but_few(~typed(texts, "date").unfit):
        return Reading("date")
    forms = [form for form in _FORMS if column.has_form(form)]
    if len(forms) > 1:
        return Reading("date", forms[0], doubt=f"it may as well be {forms[1]}")
    return Reading("date", forms[0]) if forms else Reading("text")


@dataclass(frozen=True)
class _Column:
    texts: pa.Array
    counts: Array
    most_unfit: float

    def few(self, where: Array) -> bool:
        return bool(self.counts[where].sum() <= self.most_unfit * self.counts.sum())

    def all_but_few(self, where: Array) -> bool:
        return self.few(~where)

    def has_form(self, form: str) -> bool:
        return self.all_but_few(~typed(self.texts, "date", form=form).unfit)

    def number(self, decimal: str) -> Reading | None:
        """Return the reading as numbers, if they are any."""
        unfit = typed(self.texts, "number", decimal=decimal).unfit
        if not self.few(unfit):
            return None
        read = self.texts.filter(pa.array(~unfit))
        if (
            decimal == ","
            and not pc.any(pc.match_substring_regex(read, r",(\d|\d\d|\d{4,})$")).as_py()
        ):
            return None  # 1,234 is a thousand and more, where English is written
        whole = self.few(typed(self.texts, "integer", decimal=decimal).unfit)
        pointed = pc.any(pc.match_substring_regex(read, rf"[{decimal}eE]")).as_py()
        return Reading("integer" if whole and not pointed else "number", decimal=decimal)
