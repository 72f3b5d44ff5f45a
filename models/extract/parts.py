"""Taken rows as Parquet files with the declared types."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from models.extract.files import replacing
from models.spec.columns import ColumnContract


def write_parquet(
    path: Path, frames: Iterable[pd.DataFrame], contracts: Mapping[str, ColumnContract]
) -> int:
    """Write frames to one file, which appears when it is complete; return its rows."""
    schema = arrow_schema(contracts)
    rows = 0
    with replacing(path) as draft, pq.ParquetWriter(draft, schema) as writer:
        for frame in frames:
            writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))
            rows += len(frame)
    return rows


def arrow_schema(contracts: Mapping[str, ColumnContract]) -> pa.Schema:
    """Return the types of the columns in a file; the same whatever the rows hold."""
    return pa.schema([pa.field(name, _arrow_type(rule)) for name, rule in contracts.items()])


def _arrow_type(rule: ColumnContract) -> pa.DataType:
    if rule.type == "integer":
        return pa.float64() if rule.nullable else pa.int64()
    return {"number": pa.float64(), "boolean": pa.bool_()}.get(rule.type, pa.string())
