"""Typed rows as pandas holds them everywhere else, on the driver and in executors."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyspark.sql.functions as F
from pyspark.sql import DataFrame

from models.held_out import held_out_mask
from models.rows import Array
from models.spec import Specification
from models.spec.columns import ColumnContract

PART: Final = "_part"
FITTED: Final = "fitted"
VALIDATION: Final = "validation"
HELD_OUT: Final = "held out"
ORDER: Final = "_order"
"""A row's place in an order that its content and the seed decide; bigint, evenly spread."""

_HELD_OUT: Final = "_held_out"
_PARTS: Final = 1_000_000

Batches = Iterator[pa.RecordBatch]


def as_frame(batch: pd.DataFrame, columns: Mapping[str, ColumnContract]) -> pd.DataFrame:
    """Return the declared columns with the dtypes of `Extracted.frame`."""
    return pd.DataFrame({name: _series(batch[name], one) for name, one in columns.items()})


def collected(rows: DataFrame, columns: Mapping[str, ColumnContract]) -> pd.DataFrame:
    """Bring typed rows to the driver; the caller has limited them."""
    # By Arrow alone: PySpark's own way to pandas is not for pandas 3 yet.
    return as_frame(rows.select(*map(quoted, columns)).toArrow().to_pandas(), columns)


def with_places(rows: DataFrame, spec: Specification) -> DataFrame:
    """Add each row's part, and an order that depends on nothing but rows and seed.

    The rows held out are those that the other engines hold out of the same table. Equal rows, and
    rows of one group, are in one part.
    """
    names = [spec.split.group] if spec.split.group else list(spec.columns)
    marks = _marker(dict(spec.columns), names, spec.split.held_out, spec.model.seed)
    fields = ", ".join(f"`{field.name}` {field.dataType.simpleString()}" for field in rows.schema)
    marked = in_executors(rows, marks, f"{fields}, `{_HELD_OUT}` boolean")
    order = F.xxhash64(F.lit(spec.model.seed), *map(quoted, spec.columns))
    drawn = F.xxhash64(F.lit("validation"), F.lit(spec.model.seed), *map(quoted, names))
    validation = F.pmod(drawn, F.lit(_PARTS)) < int(spec.split.validation * _PARTS)
    part = F.when(F.col(_HELD_OUT), HELD_OUT).when(validation, VALIDATION).otherwise(FITTED)
    return marked.withColumns({ORDER: order, PART: part}).drop(_HELD_OUT)


def in_executors(rows: DataFrame, work: Callable[[Batches], Batches], fields: str) -> DataFrame:
    """Let a function of Arrow batches work in the executors.

    Args:
        rows: what it gets.
        work: a function of the installed package, so that executors import it.
        fields: what it answers, as Spark writes a schema.
    """
    with warnings.catch_warnings():
        # Spark's side is Arrow alone; pandas is touched by nobody but us.
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        return rows.mapInArrow(work, fields)


def quoted(name: str) -> Any:
    """Return a column by its name, whatever signs are in it."""
    return F.col("`" + name.replace("`", "``") + "`")


def _marker(
    columns: Mapping[str, ColumnContract], names: list[str], share: float, seed: int
) -> Callable[[Batches], Batches]:
    def mark(batches: Batches) -> Batches:
        for batch in batches:
            frame = as_frame(batch.to_pandas(), columns)
            held = pa.array(held_out_mask(frame, names, share, seed))
            yield pa.RecordBatch.from_arrays(
                [*batch.columns, held], names=[*batch.schema.names, _HELD_OUT]
            )

    return mark


def _series(values: "pd.Series[Any]", contract: ColumnContract) -> "pd.Series[Any]":
    if contract.type == "integer":
        return values.astype(np.float64 if contract.nullable else np.int64)
    if contract.type == "number":
        return values.astype(np.float64)
    if contract.type == "boolean":
        if not contract.nullable:
            return values.astype(bool)
        whole = values.astype(object)
        return whole.where(whole.notna(), None)
    return values.astype("str")


def targets(frame: pd.DataFrame, spec: Specification) -> Array:
    """Return the targets as scikit-learn gets them: float64, or labels of their own type."""
    values = frame[spec.target.column]
    if spec.model.task == "regression":
        return np.asarray(values.to_numpy(dtype=np.float64))
    texts = spec.columns[spec.target.column].type in ("text", "date")
    return np.asarray(values.to_numpy(dtype=object) if texts else values.to_numpy())
