"""The contract in Spark SQL says what models.extract says, row by row."""

import json
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from models.errors import BadData, BadSpecification
from models.extract import extract
from models.places import Places
from models.spark.contract import check, highest_mark, write_rejected
from models.spark.frames import collected
from models.spark.source import raw_rows
from models.spec import Specification
from models.spec.sources import SparkSource

COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"type": "integer", "unique": True},
    "age": {"type": "integer", "nullable": True, "min": 0, "max": 120},
    "score": {"type": "number", "source": "the score"},
    "town": {"type": "text", "pattern": "[A-ZÄÖÜ][a-zäöü]+"},
    "grade": {"type": "text", "nullable": True, "values": ["a", "b", "NA"]},
    "on": {"type": "boolean"},
    "day": {"type": "date"},
}
LINES = """id;age;the score;town;grade;on;day
1;30;1.5;Ulm;a;true;2020-02-29
2; 41 ;-2e3;Köln;b;no;2021-01-31T10:20:30+02
3;;.5;Bonn;;1;2021-01-31T10:20:30.25Z
4;12.0;7;"Ulm";NA;F;2021-01-31 10:20
1;30;1.5;Ulm;a;true;2020-02-29
5;12.5;7;Ulm;a;true;2020-02-29
6;-1;7;Ulm;a;true;2020-02-29
7;130;7;Ulm;a;true;2020-02-29
8;1;inf;Ulm;a;true;2020-02-29
9;1;1d;Ulm;a;true;2020-02-29
10;1;;Ulm;a;true;2020-02-29
11;1;2;ulm;a;true;2020-02-29
12;1;2;Ulm;c;true;2020-02-29
13;1;2;Ulm;a;maybe;2020-02-29
14;1;2;Ulm;a;true;2021-02-29
15;1;2;Ulm;a;true;29.02.2020
x;1;2;Ulm;a;true;2020-02-29
99999999999999999999;1;2;Ulm;a;true;2020-02-29
16;9007199254740993;2;Ulm;a;true;2020-02-29
17;1;1e400;Ulm;a;true;2020-02-29T25:00
"""

DAYS = ["2020-01-01", "2020-01-02T03:04:05.5", "2020-01-03", None]


def specified(source: dict[str, Any], columns: dict[str, Any] = COLUMNS) -> Specification:
    return Specification.model_validate(
        {
            "model": {"name": "m", "task": "regression"},
            "source": {"max_rejected_share": 0.9, **source},
            "columns": columns,
            "target": {"column": "score"},
            "features": [{"kind": "numeric", "columns": ["age"]}],
            "fit": {"estimator": {"name": "Ridge"}},
        }
    )


def both(
    spark: SparkSession, places: Places, spec: Specification
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return what Spark takes and refuses, once it is what the memory engine does."""
    theirs = extract(spec, places)
    checked = check(raw_rows(spark, spec, places), spec, places)
    file = write_rejected(checked, spec, places)
    ours = collected(checked.taken.orderBy("id"), spec.columns)
    pd.testing.assert_frame_equal(ours, theirs.frame.sort_values("id").reset_index(drop=True))
    assert dict(checked.counts.reasons) == dict(theirs.counts.reasons)
    assert checked.counts.read == theirs.counts.read
    assert file is not None
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert len(lines) == checked.counts.rejected
    assert {line["reason"] for line in lines} == set(checked.counts.reasons)
    checked.close()
    return ours, dict(checked.counts.reasons)


def test_delimited_text(spark: SparkSession, places: Places) -> None:
    (places.data / "rows.csv").write_text(LINES, "utf-8")
    spec = specified({"kind": "csv", "path": "rows.csv", "delimiter": ";"})
    frame, reasons = both(spark, places, spec)
    assert frame["id"].tolist() == [1, 2, 3, 4]
    assert reasons["score is not a finite number"] == 3
    assert reasons["id repeats an earlier row's"] == 1


def test_dates_and_numbers_as_people_write_them(spark: SparkSession, places: Places) -> None:
    text = """id;score;day;at
1;1,5;15.04.2004;4/15/2004 7:05
2;-3,25e2;1.2.2003;12/31/2003 23:59
3;1.5;1.2.2003;1/1/2003 0:00
4;1;31.02.2004;1/1/2003 0:00
5;1;2004-02-01;1/1/2003 0:00
6;1;1.2.2003;13/1/2003 0:00
7;1;1.2.2003;1/1/2003 24:00
"""
    (places.data / "rows.csv").write_text(text, "utf-8")
    columns = {
        "id": {"type": "integer"},
        "score": {"type": "number", "decimal": ","},
        "day": {"type": "date", "format": "%d.%m.%Y"},
        "at": {"type": "date", "format": "%m/%d/%Y %H:%M"},
        "age": {"type": "integer", "source": "id"},
    }
    spec = specified({"kind": "csv", "path": "rows.csv", "delimiter": ";"}, columns)
    frame, reasons = both(spark, places, spec)
    assert frame["day"].tolist() == ["2004-04-15", "2003-02-01"]
    assert frame["at"].tolist() == ["2004-04-15T07:05", "2003-12-31T23:59"]
    assert reasons == {
        "score is not a finite number with a decimal comma": 1,
        "day is not a date of the form %d.%m.%Y": 2,
        "at is not a date of the form %m/%d/%Y %H:%M": 2,
    }


def test_lines_that_are_no_rows(spark: SparkSession, places: Places) -> None:
    """Too few cells, too many, and a cell over two lines, which is a row."""
    text = 'id,score,town\n1,2,Ulm\n2,3\n3,4,Ulm,Ulm\n4,5,"Bad\nUrach"\n'
    (places.data / "rows.csv").write_text(text, "utf-8")
    columns = {
        "id": {"type": "integer"},
        "score": {"type": "number"},
        "town": {"type": "text", "nullable": True},
        "age": {"type": "integer", "nullable": True, "source": "id"},
    }
    spec = specified({"kind": "csv", "path": "rows.csv"}, columns)
    checked = check(raw_rows(spark, spec, places), spec, places)
    file = write_rejected(checked, spec, places)
    taken = collected(checked.taken.orderBy("id"), spec.columns)
    assert taken["id"].tolist() == [1, 4]
    assert taken["town"].tolist() == ["Ulm", "Bad\nUrach"]
    assert dict(checked.counts.reasons) == {"is no row of the file's form": 2}
    assert file is not None
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [line["text"] for line in lines] == ["2,3", "3,4,Ulm,Ulm"]
    checked.close()


def test_json_lines(spark: SparkSession, places: Places) -> None:
    table = [
        {"id": 1, "score": 1.5, "town": "Ulm"},
        {"id": 2, "score": "2.5", "town": "Köln"},
        {"id": 3, "score": None, "town": "Ulm"},
        {"id": "4", "score": 1, "town": "ulm"},
        {"id": 5, "score": 1},
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in table]
    (places.data / "rows.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    few = {name: COLUMNS[name] for name in ("id", "town")} | {"score": {"type": "number"}}
    columns = few | {"age": {"type": "integer", "nullable": True, "source": "id"}}
    frame, _ = both(spark, places, specified({"kind": "jsonl", "path": "*.jsonl"}, columns))
    assert frame["id"].tolist() == [1, 2]


def test_parquet_with_types_of_its_own(spark: SparkSession, places: Places) -> None:
    table = pd.DataFrame(
        {
            "id": [1, 2, 3, 4],
            "age": [1.0, 2.5, None, 130.0],
            "score": pd.array([1, 2, 3, 4], dtype="int32"),
            "on": [1, 0, 1, 2],
            "day": pd.Series(DAYS, dtype="datetime64[us]"),
        }
    )
    table.to_parquet(places.data / "rows.parquet")
    columns = {name: COLUMNS[name] for name in ("id", "age", "on", "day")}
    columns["score"] = {"type": "number"}
    frame, _ = both(spark, places, specified({"kind": "parquet", "path": "rows.parquet"}, columns))
    assert frame["id"].tolist() == [1, 3]


def test_rows_above_the_mark_only(spark: SparkSession, places: Places) -> None:
    (places.data / "rows.csv").write_text(LINES, "utf-8")
    source = {"kind": "csv", "path": "rows.csv", "delimiter": ";", "mark": {"column": "id"}}
    spec = specified(source)
    places.work.mkdir()
    (places.work / "mark.json").write_text('{"column": "id", "value": 2}')
    checked = check(raw_rows(spark, spec, places), spec, places)
    assert highest_mark(checked, spec) == 4
    assert checked.counts.taken == 2
    checked.close()


def test_too_many_bad_rows_stop_the_run(spark: SparkSession, places: Places) -> None:
    (places.data / "rows.csv").write_text(LINES, "utf-8")
    source = {"kind": "csv", "path": "rows.csv", "delimiter": ";", "max_rejected_share": 0.2}
    spec = specified(source)
    checked = check(raw_rows(spark, spec, places), spec, places)
    with pytest.raises(BadData, match="16 of 20 rows"):
        write_rejected(checked, spec, places)
    checked.close()


def test_a_table_and_a_query(spark: SparkSession, places: Places) -> None:
    few = {"id": {"type": "integer"}, "score": {"type": "number"}, "age": {"type": "integer"}}
    frame = pd.DataFrame({"id": [1, 2, 3], "score": [0.5, 1.5, 2.5], "age": [7, 8, 9]})
    spark.createDataFrame(pa.Table.from_pandas(frame)).createOrReplaceTempView("measured")

    def ids(source: dict[str, Any]) -> list[int]:
        spec = specified({"kind": "parquet", "path": "-"}, few)
        asked = spec.model_copy(update={"source": _spark_source(source)})
        return sorted(row.id for row in raw_rows(spark, asked, places).collect())

    assert ids({"table": "measured"}) == [1, 2, 3]
    assert ids({"table": "measured", "query": "SELECT * FROM source WHERE score > 1"}) == [2, 3]
    assert ids({"query": "SELECT * FROM measured WHERE age < 8"}) == [1]
    frame.to_parquet(places.data / "measured.parquet")
    assert ids({"path": "measured.parquet"}) == [1, 2, 3]
    with pytest.raises(BadSpecification, match="only SELECT"):
        ids({"query": "DROP TABLE measured"})
    with pytest.raises(BadSpecification, match="leaves the data root"):
        ids({"path": "../secret"})
    with pytest.raises(BadSpecification, match="file:// is not read"):
        ids({"path": "file:///etc/passwd", "format": "csv"})
    with pytest.raises(BadData, match="nowhere"):
        ids({"table": "nowhere"})


def _spark_source(parts: dict[str, Any]) -> Any:
    return SparkSource(kind="spark", **parts)
