"""Cells of any of Spark's types become values of the declared type: models.extract.cells in SQL."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import pyspark.sql.functions as F
from pyspark.sql import Column
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegralType,
    StringType,
    TimestampNTZType,
    TimestampType,
)

from models.extract.cells import EXACT
from models.extract.texts import FALSE_WORDS, TRUE_WORDS, form_pattern
from models.spec.columns import TIME, ColumnType

_WHOLE: Final = r"\A[+-]?\d+(\.0*)?\z"
_NUMBER: Final = r"\A[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\z"
_ISO: Final = (
    r"\A\d{4}-\d{2}-\d{2}"
    r"([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?\z"
)
_SPACE: Final = r"\A\s+|\s+\z"
_ZONE_OF_HOURS: Final = r"([+-]\d{2}):?(\d{2})?\z"


_GROUP_NAME: Final = re.compile(r"\(\?P<\w>")
_DIRECTIVE: Final = re.compile("%[YmdHMS]")


@dataclass(frozen=True)
class Typed:
    """A column by its type, as expressions.

    Args:
        value: bigint, double, boolean or string; null where missing or unfit.
        missing: where nothing stood.
        unfit: where something stood that the type does not have.
    """

    value: Column
    missing: Column
    unfit: Column


def typed(
    cell: Column,
    kind: DataType,
    wanted: ColumnType,
    words: Sequence[str],
    *,
    form: str = "",
    decimal: str = ".",
) -> Typed:
    """Read a cell as the type that was declared.

    Args:
        cell: the column as it came.
        kind: its type.
        wanted: the declared type.
        words: texts that stand for a missing value.
        form: how texts write a date, if not in ISO 8601.
        decimal: what stands before the decimals of a number that is a text.
    """
    absent = cell.isNull()
    if isinstance(kind, DoubleType | FloatType):
        absent |= F.isnan(cell)
    if isinstance(kind, StringType):
        if wanted != "text":
            cell = F.regexp_replace(cell, _SPACE, "")
        if words:
            absent |= cell.isin(list(words))
        if form:
            cell = _iso_dates(cell, form)
        if decimal == ",":
            cell = F.when(~cell.contains("."), F.replace(cell, F.lit(","), F.lit(".")))
        value = _FROM_TEXT[wanted](cell)
    else:
        value = _from_type(cell, kind, wanted)
    absent = F.coalesce(absent, F.lit(True))
    value = F.when(~absent, value)
    return Typed(value, absent, ~absent & value.isNull())


def _integers(text: Column) -> Column:
    digits = F.regexp_replace(text, r"\.0*\z", "")
    return F.when(text.rlike(_WHOLE), digits.try_cast("bigint"))


def _numbers(text: Column) -> Column:
    return _finite(F.when(text.rlike(_NUMBER), text.try_cast("double")))


def _booleans(text: Column) -> Column:
    lowered = F.lower(text)
    return F.when(lowered.isin(list(TRUE_WORDS)), True).when(lowered.isin(list(FALSE_WORDS)), False)


def _iso_dates(text: Column, form: str) -> Column:
    pattern = _GROUP_NAME.sub("(", rf"\A{form_pattern(form)}\z")
    order = _DIRECTIVE.findall(form)

    def part(directive: str, width: int = 2) -> Column:
        return F.lpad(F.regexp_extract(text, pattern, order.index(directive) + 1), width, "0")

    day = F.concat_ws("-", part("%Y", 4), part("%m"), part("%d"))
    times = [part(one) for one in TIME if one in order]
    written = F.concat(day, F.lit("T"), F.concat_ws(":", *times)) if times else day
    return F.when(text.rlike(pattern), written)


def _dates(text: Column) -> Column:
    # Spark knows +02:00 and not +02 or +0200.
    minutes = F.regexp_extract(text, _ZONE_OF_HOURS, 2)
    hours = F.regexp_extract(text, _ZONE_OF_HOURS, 1)
    zone = F.concat(hours, F.lit(":"), F.when(minutes == "", "00").otherwise(minutes))
    day_only = F.length(text) == 10
    stem = F.regexp_replace(text, _ZONE_OF_HOURS, "")
    readable = F.when(day_only | (hours == ""), text).otherwise(F.concat(stem, zone))
    known = F.when(day_only, text.try_cast("date").isNotNull()).otherwise(
        readable.try_cast("timestamp").isNotNull()
    )
    return F.when(text.rlike(_ISO) & known, text)


_FROM_TEXT: Final[dict[ColumnType, Callable[[Column], Column]]] = {
    "integer": _integers,
    "number": _numbers,
    "boolean": _booleans,
    "date": _dates,
    "text": lambda text: text,
}


def _finite(value: Column) -> Column:
    return F.when(F.abs(value) < float("inf"), value)


def _from_type(cell: Column, kind: DataType, wanted: ColumnType) -> Column:
    if wanted in ("integer", "number", "boolean"):
        return _from_number(cell, kind, wanted)
    if isinstance(kind, DateType):
        return F.date_format(cell, "yyyy-MM-dd")
    if isinstance(kind, TimestampType | TimestampNTZType):
        zone = "'Z'" if isinstance(kind, TimestampType) else ""
        written = F.date_format(cell, f"yyyy-MM-dd'T'HH:mm:ss.SSSSSS{zone}")
        return F.regexp_replace(written, r"\.0+(Z?)\z", "$1")
    plain = isinstance(kind, IntegralType | DoubleType | FloatType | DecimalType | BooleanType)
    if wanted == "text" and plain:
        return cell.cast("string")
    return F.lit(None).cast("string")


def _from_number(cell: Column, kind: DataType, wanted: ColumnType) -> Column:
    nothing = F.lit(None)
    if isinstance(kind, BooleanType):
        return cell if wanted == "boolean" else nothing.cast(_SQL[wanted])
    if isinstance(kind, IntegralType):
        if wanted != "boolean":
            return cell.cast(_SQL[wanted])
    elif not isinstance(kind, DoubleType | FloatType | DecimalType):
        return nothing.cast(_SQL[wanted])
    number = _finite(cell.cast("double"))
    if wanted == "number":
        return number
    if wanted == "boolean":
        return F.when(number == 1.0, True).when(number == 0.0, False)
    whole = (F.floor(number) == number) & (F.abs(number) <= float(EXACT))
    return F.when(whole, number.cast("bigint"))


_SQL: Final = {"integer": "bigint", "number": "double", "boolean": "boolean"}
