"""Frames of taken rows: the same types in every batch."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from models.rows import Array
from models.spec.columns import ColumnContract


def frame_of(
    contracts: Mapping[str, ColumnContract], values: Mapping[str, pa.Array], kept: Array
) -> pd.DataFrame:
    """Return the kept rows, typed as `Extracted` says."""
    chosen = values if kept.all() else {name: values[name].filter(kept) for name in contracts}
    return pd.DataFrame({name: _series(chosen[name], rule) for name, rule in contracts.items()})


def empty_frame(contracts: Mapping[str, ColumnContract]) -> pd.DataFrame:
    """Return no rows, typed as all others are."""
    arrow = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    values = {
        name: pa.nulls(0, arrow.get(rule.type, pa.string())) for name, rule in contracts.items()
    }
    return frame_of(contracts, values, np.zeros(0, dtype=bool))


def rebatched(frames: Iterable[pd.DataFrame], batch_rows: int) -> Iterator[pd.DataFrame]:
    """Yield the same rows in frames of exactly `batch_rows`, the last one excepted."""
    waiting: list[pd.DataFrame] = []
    waiting_rows = 0
    for frame in frames:
        waiting.append(frame)
        waiting_rows += len(frame)
        if waiting_rows < batch_rows:
            continue
        joined = pd.concat(waiting, ignore_index=True)
        whole_rows = waiting_rows - waiting_rows % batch_rows
        for begin in range(0, whole_rows, batch_rows):
            yield joined.iloc[begin : begin + batch_rows].reset_index(drop=True)
        # A copy: a slice would keep the whole frame in memory.
        waiting = [joined.iloc[whole_rows:].copy()]
        waiting_rows -= whole_rows
    if waiting_rows:
        yield pd.concat(waiting, ignore_index=True)


def _series(values: pa.Array, rule: ColumnContract) -> "pd.Series[Any]":
    if rule.type == "boolean":
        if not rule.nullable:
            return pd.Series(values.to_numpy(zero_copy_only=False), dtype="bool")
        found = np.empty(len(values), dtype=object)
        found[:] = values.to_pylist()
        return pd.Series(found, dtype=object)
    if rule.type == "integer" and not rule.nullable:
        return pd.Series(values.to_numpy(zero_copy_only=False), dtype="int64", copy=True)
    if rule.type in ("integer", "number"):
        reals = pc.cast(values, pa.float64(), safe=False)
        return pd.Series(reals.to_numpy(zero_copy_only=False), dtype="float64", copy=True)
    return pd.Series(values.to_pandas(), dtype="str")
