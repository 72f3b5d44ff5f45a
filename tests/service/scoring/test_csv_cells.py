"""Typed cells of CSV mean what the service reads in CSV."""

import math
from typing import Any

import pyarrow as pa
import pytest

from models.schema import Column, TabularSchema
from service.codecs.csv_rows import CsvRows
from service.errors import Unfit
from service.scoring.csv_cells import typed

CELLS = [
    None, "", "1", "-7", "+7", " 7", "7 ", "007", "3.0", "3.5", "1e5", "0x1F", "0X1f", "1_000",
    "nan", "NaN", "inf", "-Infinity", "9223372036854775807", "9223372036854775808",
    "0.1", ".5", "5.", "1,5", "٣", "1e400", "4.9e-324", "true", "TRUE", "False", "0", "yes", "t",
    "NA", "null", "None", "GP", "two words", 'quo"te', "line\nend", "2.2250738585072011e-308",
    "0.30000000000000004", "123456789012345678901234567890", "1d", "1f", "--1", "- 1",
]  # fmt: skip


def schema(dtype: Any, nullable: bool) -> TabularSchema:
    column = Column(name="c", dtype=dtype, frame_dtype=dtype, nullable=nullable)
    return TabularSchema(container="frame", columns=(column,))


def service_reads(cell: str | None, of: TabularSchema) -> Any:
    text = '"' + (cell or "").replace('"', '""') + '"\n'
    return CsvRows(of, 9).read(b'"c"\n' + text.encode())[0][0]


@pytest.mark.parametrize("nullable", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8", "bool", "string"])
def test_what_is_typed_is_what_the_service_reads(dtype: str, nullable: bool) -> None:
    of = schema(dtype, nullable)
    told = 0
    for cell in CELLS:
        table = typed(pa.table({"c": pa.array([cell], pa.string())}), of)
        if table is None:
            continue
        (value,) = table.column("c").to_pylist()
        try:
            wanted = service_reads(cell, of)
        except Unfit:
            # Null where none is taken: a worker refuses that.
            assert value is None
            assert not nullable
            continue
        told += 1
        assert value == wanted or (math.isnan(value) and math.isnan(wanted)), cell
    assert told >= 4


def test_one_doubt_leaves_all_as_it_is() -> None:
    of = schema("int64", nullable=False)
    assert typed(pa.table({"c": ["1", "2"]}), of) is not None
    assert typed(pa.table({"c": ["1", " 2"]}), of) is None
