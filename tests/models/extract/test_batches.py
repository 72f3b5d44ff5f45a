"""Rows taken and rows rejected, by extract and in batches: the same rules, files and types."""

import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.errors import BadData
from models.extract import batches, extract
from models.extract.progress import Reading
from models.places import Places
from models.spec import Specification
from tests.models.extract.conftest import specify

CsvSpec = Callable[..., Specification]


def kept_aside(file: Path | None) -> list[dict[str, Any]]:
    assert file is not None
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_every_broken_rule_is_a_reason(places: Places) -> None:
    columns: dict[str, dict[str, Any]] = {
        "age": {"type": "integer", "min": 10, "max": 30},
        "school": {"type": "text", "values": ["GP", "MS"]},
        "code": {"type": "text", "pattern": "[A-Z]{2}\\d", "unique": True, "source": "Code"},
        "seen": {"type": "date", "nullable": True},
        "paid": {"type": "boolean"},
        "photo": {"type": "picture", "nullable": True},
        "y": {"type": "number", "values": [1, 2.5]},
    }
    (places.data / "a.png").write_bytes(b"png")
    outside = places.data.parent / "b.png"
    outside.write_bytes(b"png")
    good = "11,GP,AB1,2024-01-01,yes,a.png,1"
    lines = {
        good: None,
        "9,GP,AB2,,yes,,1": "age is below 10",
        "31,GP,AB2,,yes,,1": "age is above 30",
        "x,GP,AB2,,yes,,1": "age is not a whole number",
        ",GP,AB2,,yes,,1": "age is missing",
        "12,XX,AB2,,yes,,1": "school is none of GP, MS",
        "12,GP,AB2x,,yes,,1": "code does not match [A-Z]{2}\\d",
        "12,GP,AB1,,yes,,1": "code repeats an earlier row's",
        "12,GP,AB2,01.02.2024,yes,,1": "seen is not a day or time in ISO 8601",
        "12,GP,AB2,,maybe,,1": "paid is neither true nor false",
        "12,GP,AB2,,no,../b.png,1": "photo names no file under the data root",
        "12,GP,AB2,,no,,2": "y is none of 1, 2.5",
        "12,GP,AB2,,no,,inf": "y is not a finite number",
        "9,XX,AB1": "has 3 cells instead of 7",
        "30,MS,AB2,,no,,2.5": None,
    }
    header = "age,school,Code,seen,paid,photo,y"
    (places.data / "t.csv").write_text("\n".join([header, *lines]))
    spec = specify({"kind": "csv", "path": "t.csv", "max_rejected_share": 0.9}, columns)
    done = extract(spec, places)
    reasons = {reason: 1 for reason in lines.values() if reason}
    assert done.counts.reasons == reasons
    assert (done.counts.read, done.counts.taken, done.counts.rejected) == (15, 2, 13)
    aside = kept_aside(done.rejected_file)
    assert [entry["row"] for entry in aside] == list(range(2, 15))
    assert [entry["reason"] for entry in aside] == list(reasons)
    assert {entry["file"] for entry in aside} == {"t.csv"}
    assert aside[-1]["text"] == "9,XX,AB1"
    for entry, line in zip(aside[:-1], list(lines)[1:], strict=False):
        assert ",".join(entry["cells"].values()) == line
    assert done.frame.astype(object).where(done.frame.notna(), None).to_numpy().tolist() == [
        [11, "GP", "AB1", "2024-01-01", True, "a.png", 1.0],
        [30, "MS", "AB2", None, False, None, 2.5],
    ]


@pytest.mark.parametrize("nullable", [False, True])
def test_types_of_frames_never_depend_on_the_rows(places: Places, nullable: bool) -> None:
    columns = {
        kind: {"type": kind, "nullable": nullable}
        for kind in ("integer", "text", "boolean", "date", "number")
    }
    lines = ["1,a,true,2024-01-01,1"] * 5 + [",,,,"] * 5
    (places.data / "t.csv").write_text("\n".join([",".join(columns), *lines]))
    spec = specify({"kind": "csv", "path": "t.csv", "max_rejected_share": 0.9}, columns)
    reader = batches(spec, places, 3)
    frames = list(reader)
    expected = {
        "integer": "float64" if nullable else "int64",
        "text": "str",
        "boolean": "object" if nullable else "bool",
        "date": "str",
        "number": "float64",
    }
    for frame in (*frames, reader.empty(), extract(spec, places).frame):
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == expected
    assert [len(frame) for frame in frames] == ([3, 3, 3, 1] if nullable else [3, 2])
    if nullable:
        last = frames[-1].iloc[0]
        assert last["boolean"] is None
        assert math.isnan(last["integer"])


def test_a_large_number_that_may_be_missing_must_stay_exact(places: Places) -> None:
    (places.data / "t.csv").write_text(f"n,y\n{2**53},1\n{2**53 + 1},1\n")
    spec = specify(
        {"kind": "csv", "path": "t.csv", "max_rejected_share": 0.9},
        {"n": {"type": "integer", "nullable": True}, "y": {"type": "number"}},
    )
    done = extract(spec, places)
    assert done.frame["n"].tolist() == [2.0**53]
    assert "too large to be exact" in next(iter(done.counts.reasons))


def test_batches_are_the_rows_of_extract(places: Places, csv_spec: CsvSpec) -> None:
    kinds = np.random.default_rng(1).integers(0, 9, 70_000).tolist()
    lines = [
        f"{i},{'' if kind == 1 else 'w'},{'x' if kind == 2 else i / 7}"
        + (",1" if kind == 3 else "")
        for i, kind in enumerate(kinds)
    ]
    (places.data / "rows.csv").write_text("\n".join(["id,word,y", *lines]))
    spec = csv_spec()
    whole = extract(spec, places)
    reader = batches(spec, places, 1000)
    for _ in range(2):
        frames = list(reader)
        assert {len(frame) for frame in frames[:-1]} == {1000}
        pd.testing.assert_frame_equal(pd.concat(frames, ignore_index=True), whole.frame)
        assert reader.counts == whole.counts
        assert kept_aside(reader.rejected_file) == kept_aside(whole.rejected_file)
    assert whole.frame["id"].tolist() == [
        i for i, kind in enumerate(kinds) if kind in (0, 4, 5, 6, 7, 8)
    ]
    assert whole.counts.reasons == {
        "word is missing": kinds.count(1),
        "y is not a finite number": kinds.count(2),
        "has 4 cells instead of 3": kinds.count(3),
    }


def test_a_run_stops_above_the_share_and_says_why(places: Places, csv_spec: CsvSpec) -> None:
    lines = ["1,a,1"] * 98 + ["1,,1", "x,a,1"]
    (places.data / "rows.csv").write_text("\n".join(["id,word,y", *lines]))
    assert extract(csv_spec(max_rejected_share=0.02), places).counts.rejected == 2
    with pytest.raises(BadData) as caught:
        extract(csv_spec(max_rejected_share=0.019), places)
    text = str(caught.value)
    assert "2 of 100 rows (2.00%) break the contract" in text
    assert "max_rejected_share is 1.90%" in text
    assert "word is missing (1 rows)" in text
    assert Path(text.rsplit(" ", 1)[-1]).is_file()
    reader = batches(csv_spec(max_rejected_share=0.0), places, 10)
    with pytest.raises(BadData, match="break the contract"):
        list(reader)
    assert reader.counts.rejected == 2


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("id,words,y", "no column 'word'; it has: id, words, y; did you mean 'words'?"),
        ("id;word;y", "no column 'id', 'word', 'y'; it has: id;word;y; is source.delimiter ';'?"),
        ("id,word,y,y", "has 2 columns 'y'; rename one of them"),
    ],
)
def test_columns_that_are_not_there_are_named(
    places: Places, csv_spec: CsvSpec, header: str, words: str
) -> None:
    (places.data / "rows.csv").write_text(f"{header}\n1,a,2\n")
    with pytest.raises(BadData) as caught:
        batches(csv_spec(), places, 10)
    assert words in str(caught.value)


def test_words_for_missing_values_and_categories(places: Places, csv_spec: CsvSpec) -> None:
    (places.data / "rows.csv").write_text("id,word,y\n1,NA,1\n2,-,1\n3,a,-\n")
    spec = csv_spec({"nullable": True, "values": ["NA", "a"]}, missing=["-", "NA"])
    done = extract(spec, places)
    assert done.frame["word"].fillna("missing").tolist() == ["NA", "missing"]
    assert done.counts.reasons == {"y is missing": 1}


def test_files_of_a_folder_and_of_a_pattern(places: Places, csv_spec: CsvSpec) -> None:
    folder = places.data / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.csv").write_text("id,word,y\n1,a,1\n")
    (folder / "b.csv.gz").write_bytes(gzip.compress(b"y,word,id\n2,b,2\n"))
    (folder / "deep" / "c.csv").write_text("id,word,y\n3,c,3\n")
    for name in (".d.csv", "e.csv.tmp", "f.csv.part", "_g.csv"):
        (folder / name).write_text("garbage")
    for path, ids in (("in", [1, 2, 3]), ("in/*.csv*", [1, 2]), ("in/deep/c.csv", [3])):
        assert extract(csv_spec(path=path), places).frame["id"].tolist() == ids


def test_nothing_there(places: Places, csv_spec: CsvSpec) -> None:
    (places.data / "other.csv").write_text("")
    with pytest.raises(BadData, match=r"has no file 'rows\.csv'; it has: other\.csv"):
        extract(csv_spec(), places)
    (places.data / "rows.csv").write_text("id,word,y\n")
    with pytest.raises(BadData, match=r"rows\.csv has no rows"):
        extract(csv_spec(), places)
    with pytest.raises(BadData, match="is not a folder; name another one with --data"):
        extract(csv_spec(), Places(places.data / "none", places.work))


def test_a_link_out_of_the_data_root_is_refused(places: Places, csv_spec: CsvSpec) -> None:
    secret = places.data.parent / "secret.csv"
    secret.write_text("id,word,y\n1,a,1\n")
    (places.data / "rows.csv").symlink_to(secret)
    with pytest.raises(BadData, match=r"rows\.csv leads out of the data root"):
        extract(csv_spec(), places)
    (places.data / "folder").symlink_to(places.data.parent)
    with pytest.raises(BadData, match="leads out of the data root"):
        extract(csv_spec(path="folder/secret.csv"), places)
    (places.data / "rows.csv").unlink()
    (places.data / "inside.csv").write_text(secret.read_text())
    (places.data / "rows.csv").symlink_to(places.data / "inside.csv")
    assert len(extract(csv_spec(), places).frame) == 1


@pytest.mark.parametrize("cut", [1, 200])
def test_a_damaged_archive_is_said(places: Places, csv_spec: CsvSpec, cut: int) -> None:
    text = "id,word,y\n" + "".join(f"{i},a,1\n" for i in range(100_000))
    packed = gzip.compress(text.encode())
    (places.data / "rows.csv.gz").write_bytes(packed[: len(packed) // cut - 5])
    with pytest.raises(BadData, match=r"rows\.csv\.gz cannot be read"):
        extract(csv_spec(path="rows.csv.gz"), places)


def test_progress_counts_the_bytes_of_the_files(places: Places, csv_spec: CsvSpec) -> None:
    text = "id,word,y\n" + "".join(f"{i},{'a' * 50},1\n" for i in range(50_000))
    (places.data / "rows.csv").write_text(text)
    told: list[Reading] = []
    extract(csv_spec(), places, told.append)
    assert len(told) > 2
    assert {(reading.total, reading.unit) for reading in told} == {(len(text), "bytes")}
    assert (told[-1].done, told[-1].rows) == (len(text), 50_000)
    assert [reading.done for reading in told] == sorted(reading.done for reading in told)
