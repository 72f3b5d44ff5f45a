"""JSON lines and Parquet: the same contract as for texts."""

import datetime as dt
import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.errors import BadData
from models.extract import batches, extract
from models.extract.json_lines import JsonLines
from models.extract.progress import Reading
from models.places import Places
from models.spec import Specification
from tests.models.extract.conftest import specify

COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"type": "integer"},
    "word": {"type": "text", "nullable": True},
    "y": {"type": "number"},
}


def spec_of(kind: str, path: str, **columns: dict[str, Any]) -> Specification:
    source = {"kind": kind, "path": path, "max_rejected_share": 0.95}
    return specify(source, {**columns, **COLUMNS} if columns else COLUMNS)


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz"])
def test_json_lines_good_and_broken(places: Places, name: str) -> None:
    lines = [
        b'\xef\xbb\xbf{"id": 1, "word": "a", "y": 1.5, "more": [1]}',
        b"",
        b'{"id": 2, "word": null, "y": 2}',
        b'{"id": 3, "word": "c"',
        b"[1, 2]",
        b'{"id": "4", "y": "4.5"}',
        b'{"id": 5.5, "y": 1}',
        b'{"id": true, "y": 1}',
        b'{"id": 7, "word": ["x"], "y": 1}',
        b'{"id": 8, "word": "\xff", "y": 1}',
        b'{"id": 9, "y": 1e400}',
        b'{"id": 99999999999999999999, "y": 1}',
        b'{"id": 10, "word": "\\ud800", "y": 1}',
        b'{"id": 11, "word": 12, "y": -0.0}',
    ]
    content = b"\n".join(lines)
    packed = gzip.compress(content) if name.endswith(".gz") else content
    (places.data / name).write_bytes(packed)
    done = extract(spec_of("jsonl", name), places)
    assert done.frame["id"].tolist() == [1, 2, 4, 11]
    assert done.frame["word"].fillna("-").tolist() == ["a", "-", "-", "12"]
    assert done.frame["y"].tolist() == [1.5, 2.0, 4.5, 0.0]
    assert done.rejected_file is not None
    aside = [json.loads(line) for line in done.rejected_file.read_text().splitlines()]
    assert [(entry["row"], entry["reason"].split(":")[0]) for entry in aside] == [
        (3, "is not JSON"),
        (4, "is not an object"),
        (6, "id is not a whole number"),
        (7, "id is not a whole number"),
        (8, "word is not a text"),
        (9, "is not JSON"),
        (10, "is not JSON"),
        (11, "id is not a whole number"),
        (12, "is not JSON"),
    ]
    assert aside[0]["text"] == '{"id": 3, "word": "c"'
    assert aside[4]["cells"] == {"id": 7, "word": ["x"], "y": 1}


def test_a_key_that_no_object_has_is_named(places: Places) -> None:
    (places.data / "t.jsonl").write_text('{"id": 1, "Word": "a", "y": 1}\n')
    with pytest.raises(BadData) as caught:
        extract(spec_of("jsonl", "t.jsonl"), places)
    assert "has no column 'word'; it has: Word, id, y; did you mean 'Word'?" in str(caught.value)


def test_lines_over_many_blocks(tmp_path: Path) -> None:
    rows = [{"id": i, "word": "é" * (i % 90)} for i in range(30_000)]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (tmp_path / "t.jsonl").write_text(text, encoding="utf-8")
    reader = JsonLines(tmp_path / "t.jsonl", "t", ("id", "word"))
    found: list[dict[str, Any]] = []
    for chunk in reader.chunks():
        assert chunk.broken == ()
        found += chunk.originals(np.arange(len(chunk.numbers)))
    assert found == rows
    assert reader.read_bytes == (tmp_path / "t.jsonl").stat().st_size


def test_parquet_of_many_row_groups_and_files(places: Places) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "word": np.asarray(["a", "b", None])[rng.integers(0, 3, 50_000)],
            "y": rng.normal(size=50_000),
            "id": np.arange(50_000),
            "other": "never read",
        }
    )
    (places.data / "parts").mkdir()
    for place in range(2):
        half = frame.iloc[place * 25_000 : (place + 1) * 25_000]
        half.to_parquet(places.data / "parts" / f"{place}.parquet", row_group_size=3000)
    (places.data / "parts" / "_SUCCESS").write_text("")
    for path in ("parts", "parts/*.parquet"):
        done = extract(spec_of("parquet", path), places)
        expected = frame[["id", "word", "y"]].astype({"word": "str"})
        pd.testing.assert_frame_equal(done.frame, expected)
    reader = batches(spec_of("parquet", "parts"), places, 7000)
    assert [len(batch) for batch in reader] == [7000] * 7 + [1000]


def test_parquet_rows_that_break_the_contract(places: Places) -> None:
    table = pa.table(
        {
            "day": pa.array([dt.date(2024, 1, 1), None, dt.date(2024, 1, 2)]),
            "id": pa.array([1, 2, 3], pa.int32()),
            "word": pa.array(["a", "b", "a"]).dictionary_encode(),
            "y": pa.array([1.0, 2.0, float("nan")]),
        }
    )
    pq.write_table(table, places.data / "t.parquet")
    done = extract(spec_of("parquet", "t.parquet", day={"type": "date"}), places)
    assert done.frame.iloc[0].tolist() == ["2024-01-01", 1, "a", 1.0]
    assert done.counts.reasons == {"day is missing": 1, "y is missing": 1}
    assert done.rejected_file is not None
    last = json.loads(done.rejected_file.read_text().splitlines()[-1])
    assert last["cells"] == {"day": "2024-01-02", "id": 3, "word": "a", "y": "nan"}
    assert last["row"] == 3


def test_what_is_no_parquet_is_said(places: Places) -> None:
    (places.data / "t.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(BadData, match=r"t\.parquet is not a Parquet file"):
        extract(spec_of("parquet", "t.parquet"), places)
    pd.DataFrame({"id": [1], "y": [1.0]}).to_parquet(places.data / "t.parquet")
    with pytest.raises(BadData, match="no column 'word'; it has: id, y"):
        extract(spec_of("parquet", "t.parquet"), places)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "sql"])
def test_a_first_batch_needs_only_the_first_rows(places: Places, kind: str) -> None:
    rows = 200_000
    frame = pd.DataFrame({"id": np.arange(rows), "word": "w" * 30, "y": 1.0})
    if kind == "csv":
        frame.to_csv(places.data / "t", index=False)
    elif kind == "jsonl":
        frame.to_json(places.data / "t", orient="records", lines=True)
    elif kind == "parquet":
        frame.to_parquet(places.data / "t")
    else:
        with closing(sqlite3.connect(places.data / "t")) as base:
            frame.to_sql("t", base, index=False)
    query = {"kind": "sql", "url": "sqlite:///t", "query": "SELECT * FROM t"}
    spec = specify(query, COLUMNS) if kind == "sql" else spec_of(kind, "t")
    told: list[Reading] = []
    reader = batches(spec, places, 1000, told.append)
    passing = iter(reader)
    pd.testing.assert_frame_equal(next(passing), frame.iloc[:1000].astype({"word": "str"}))
    assert told[-1].rows < rows / 3
    assert sum(map(len, passing)) == rows - 1000
    assert told[-1].rows == rows
