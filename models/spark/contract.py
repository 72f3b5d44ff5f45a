"""The contract of the columns in Spark SQL: the same rules and sentences as models.extract."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Final

import pyspark.sql.functions as F
from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Window

from models.errors import BadData, BadSpecification
from models.extract.cells import EXACT
from models.extract.contract import Rejection
from models.extract.extracted import RowCounts
from models.extract.mark import watermark
from models.extract.rejected import SideFile, judge, side_path
from models.extract.rules import unfit_words
from models.places import Places
from models.schema import Cell
from models.spark.cells import Typed, typed
from models.spark.frames import quoted
from models.spark.source import BROKEN, source_words
from models.spec import Specification
from models.spec.columns import ColumnContract
from models.spec.sources import CsvSource

REASON: Final = "_reason"
PLACE: Final = "_place"
RAW: Final = "_raw"

KEPT_REJECTED_ROWS: Final = 100_000
"""Rejected rows that are written aside; all are counted."""


@dataclass(frozen=True)
class Checked:
    """Typed rows with the reason against each, in a cache of the cluster.

    Args:
        rows: the specification's columns by their types, and `REASON`: null if there is none.
        counts: what was read and taken, and why the rest was not.
    """

    rows: DataFrame
    counts: RowCounts

    @property
    def taken(self) -> DataFrame:
        """The rows that keep the contract, with the specification's columns only."""
        return self.rows.where(F.col(REASON).isNull()).drop(REASON, PLACE, RAW)

    def close(self) -> None:
        """Give the cluster's memory back."""
        self.rows.unpersist()


def check(raw: DataFrame, spec: Specification, places: Places) -> Checked:
    """Type every column and find each row's first reason against it; this reads the source.

    Rows up to the high-water mark of an earlier run are not counted at all.

    Raises:
        BadData: a declared column is not there.
        BadSpecification: a type cannot be read by Spark.
    """
    rows = _above_mark(_reasoned(raw, spec), spec, places)
    rows = rows.persist(StorageLevel.MEMORY_AND_DISK)
    found = rows.groupBy(REASON).count().collect()
    by_reason = {row[REASON]: int(row["count"]) for row in found}
    taken = by_reason.pop(None, 0)
    counts = RowCounts(taken + sum(by_reason.values()), taken, dict(sorted(by_reason.items())))
    return Checked(rows, counts)


def write_rejected(checked: Checked, spec: Specification, places: Places) -> Path | None:
    """Write rejected rows aside, in the order of the source, and stop if they are too many.

    Raises:
        BadData: the source has no rows, or more than its `max_rejected_share` were rejected.
    """
    source, counts = source_words(spec.source), checked.counts
    side = SideFile(side_path(places.work))
    if counts.rejected:
        bad = checked.rows.where(F.col(REASON).isNotNull()).orderBy(PLACE)
        for row in bad.limit(KEPT_REJECTED_ROWS).select(PLACE, REASON, RAW).toLocalIterator():
            side.write(source, [Rejection(row[PLACE], row[REASON], _original(row[RAW]))])
        side.close()
    judge(counts, spec.source.max_rejected_share, side.written, source)
    if not counts.taken:
        raise BadData(f"{source} has no rows" + ("" if not counts.rejected else " to take"))
    return side.written


def _original(raw: str) -> dict[str, Any] | str:
    cells = json.loads(raw)
    broken = cells.pop(BROKEN, None)
    return cells if broken is None else str(broken)


def highest_mark(checked: Checked, spec: Specification) -> Cell:
    """Return the highest value of the marked column among the taken rows; None without a mark."""
    if spec.source.mark is None:
        return None
    row = checked.taken.agg(F.max(quoted(spec.source.mark.column))).first()
    return None if row is None else row[0]


def _above_mark(rows: DataFrame, spec: Specification, places: Places) -> DataFrame:
    start = watermark(spec, places).start
    if spec.source.mark is None or start is None:
        return rows
    value = quoted(spec.source.mark.column)
    return rows.where(value.isNull() | (value > start))


def _reasoned(raw: DataFrame, spec: Specification) -> DataFrame:
    read = {name: _read(raw, name, one, spec) for name, one in spec.columns.items()}
    breaches = [
        F.when(holds, F.lit(reason))
        for name, one in spec.columns.items()
        for reason, holds in _breaches(name, one, read[name])
    ]
    if BROKEN in raw.columns:
        breaches.insert(0, F.when(F.col(BROKEN).isNotNull(), F.lit("is no row of the file's form")))
    row = F.to_json(F.struct(*map(quoted, raw.columns)), {"ignoreNullFields": "false"})
    rows = raw.select(
        *(typed.value.alias(name) for name, typed in read.items()),
        F.coalesce(*breaches, F.lit(None).cast("string")).alias(REASON),
        F.monotonically_increasing_id().alias(PLACE),
        row.alias(RAW),
    )
    rows = rows.withColumn(RAW, F.when(F.col(REASON).isNotNull(), F.col(RAW)))
    unique = [name for name, one in spec.columns.items() if one.unique]
    return reduce(_without_repeats, unique, rows)


def _read(raw: DataFrame, name: str, contract: ColumnContract, spec: Specification) -> Typed:
    source = contract.source or name
    if contract.type == "picture":
        raise BadSpecification(
            f'columns.{name}: pictures are not read by engine = "spark"; use engine = "batches"'
        )
    fields = {field.name: field.dataType for field in raw.schema.fields}
    if source not in fields:
        there = ", ".join(key for key in fields if key != BROKEN)
        raise BadData(f"the source has no column {source!r}; it has: {there}")
    words = spec.source.missing if isinstance(spec.source, CsvSource) else ()
    own = set(map(str, contract.values or ()))
    return typed(
        quoted(source),
        fields[source],
        contract.type,
        [word for word in words if word not in own],
        form=contract.format,
        decimal=contract.decimal,
    )


def _breaches(name: str, contract: ColumnContract, column: Typed) -> Iterator[tuple[str, Column]]:
    value = column.value
    if not contract.nullable:
        yield f"{name} is missing", column.missing
    yield f"{name} {unfit_words(contract)}", column.unfit
    if contract.type == "integer" and contract.nullable:
        large = (value > EXACT) | (value < -EXACT)
        yield f"{name} is too large to be exact in a column with missing values", large
    if contract.min is not None:
        yield f"{name} is below {contract.min:g}", value.cast("double") < contract.min
    if contract.max is not None:
        yield f"{name} is above {contract.max:g}", value.cast("double") > contract.max
    if contract.values is not None:
        words = ", ".join(map(str, contract.values))
        yield f"{name} is none of {words}", ~value.isin(list(contract.values))
    if contract.pattern is not None:
        shaped = value.rlike(rf"\A(?:{contract.pattern})\z")
        yield f"{name} does not match {contract.pattern}", ~shaped


def _without_repeats(rows: DataFrame, name: str) -> DataFrame:
    """Reject rows whose value an earlier row had that is taken; missing values do not repeat."""
    value = quoted(name)
    counts = F.col(REASON).isNull() & value.isNotNull()
    window = Window.partitionBy(value, counts).orderBy(PLACE)
    repeats = counts & (F.row_number().over(window) > 1)
    reason = F.when(repeats, F.lit(f"{name} repeats an earlier row's")).otherwise(F.col(REASON))
    marked = rows.withColumn("_repeats", repeats)
    # The raw cells of a row that only now turns out bad are its values.
    raw = F.when(repeats, F.to_json(F.struct(*map(quoted, _values(rows)))))
    return (
        marked.withColumn(RAW, F.coalesce(raw, F.col(RAW)))
        .withColumn(REASON, reason)
        .drop("_repeats")
    )


def _values(rows: DataFrame) -> list[str]:
    return [name for name in rows.columns if name not in (REASON, PLACE, RAW)]
