"""Offline scoring against joblib on the whole table: what comes in, what goes out."""

import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.integration.scoring import Scoring, agree, frame, summary, told
from tests.integration.touchy import KILLING, SICK, register_all

pytestmark = pytest.mark.integration

ROWS = 2500
PART = 400


def write(rows: pd.DataFrame, path: Path) -> Path:
    """Write rows as a file's name says."""
    if path.suffix == ".parquet":
        rows.to_parquet(path, index=False, row_group_size=1000)
    elif ".csv" in path.name:
        rows.to_csv(path, index=False)
    elif path.suffix == ".jsonl":
        rows.to_json(path, orient="records", lines=True, double_precision=15)
    else:
        table = pa.Table.from_pandas(rows, preserve_index=False)
        make = pa.ipc.new_stream if path.suffix == ".arrows" else pa.ipc.new_file
        with make(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=700)
    return path


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        found: pd.DataFrame = pq.read_table(path).to_pandas()
        return found
    if ".csv" in path.name:
        return pd.read_csv(path)
    arrow: pd.DataFrame = pa.ipc.open_file(str(path)).read_all().to_pandas()
    return arrow


def check(found: pd.DataFrame, rows: pd.DataFrame, wanted: Any) -> None:
    """Check order, kept columns and predictions."""
    assert [int(one) for one in found["id"]] == list(range(len(rows)))
    notes = [None if pd.isna(one) else one for one in found["note"]]
    assert notes == [None if pd.isna(one) else one for one in rows["note"]]
    assert list(found.columns[: len(rows.columns)]) == list(rows.columns)
    assert agree(found["prediction"], wanted)


@pytest.mark.parametrize(
    ("model", "given", "out"),
    [
        ("iris", "a.parquet", "o.parquet"),
        ("students", "a.csv.gz", "o.csv"),
        ("iris", "a.arrow", "o.csv.gz"),
        ("students", "a.arrows", "o.arrow"),
        ("students", "a.jsonl", "o.parquet"),
    ],
)
def test_all_forms(trained: Path, tmp_path: Path, model: str, given: str, out: str) -> None:
    rows = frame(trained, model, ROWS, seed=1)
    path = write(rows, tmp_path / given)
    if given == "a.jsonl":  # what was written is what is predicted
        text = pd.read_json(path, orient="records", lines=True, precise_float=True)
        rows = text.astype(rows.dtypes)
    run = Scoring(trained, path, "--model", model, "--out", tmp_path / out, "--part-rows", PART,
                  "--json")  # fmt: skip
    said = summary(run.end())
    assert (said["rows"], said["parts"], said["failed_rows"]) == (ROWS, 7, 0)
    assert (said["model"], said["version"]) == (model, 1)
    check(read(tmp_path / out), rows, told(trained, model, rows)[0])
    assert set(os.listdir(tmp_path)) == {path.name, out}


def test_probabilities_and_kept_columns(trained: Path, tmp_path: Path) -> None:
    rows = frame(trained, "iris", 300, seed=2)
    path, out = write(rows, tmp_path / "a.parquet"), tmp_path / "o.parquet"
    run = Scoring(trained, path, "--model", "iris", "--out", out, "--probabilities", "--keep",
                  "note,id")  # fmt: skip
    code, printed, _ = run.end()
    assert code == 0
    assert printed.startswith("Scored 300 rows with iris 1 in ")
    found = read(out)
    labels, chances = told(trained, "iris", rows)
    names = [f"probability_{name}" for name in joblib.load(
        trained / "iris" / "1" / "model.joblib").classes_]  # fmt: skip
    assert list(found.columns) == ["note", "id", "prediction", *names]
    assert agree(found["prediction"], labels)
    assert agree(found[names].to_numpy(), chances)


def test_warnings_stand_beside_what_they_are_of(trained: Path, tmp_path: Path) -> None:
    rows = frame(trained, "students", 50, seed=3, nulls=0)
    rows.loc[[7, 31], "guardian"] = "stranger"
    path, out = write(rows, tmp_path / "a.csv"), tmp_path / "o.parquet"
    run = Scoring(trained, path, "--model", "students", "--out", out, "--part-rows", 20, "--keep",
                  "")  # fmt: skip
    assert run.end()[0] == 0
    found = read(out)
    assert list(found.columns) == ["prediction", "warnings"]
    assert [i for i, one in enumerate(found["warnings"]) if pd.notna(one)] == [7, 31]
    assert "guardian: no category" in found["warnings"][7]


def test_several_files_and_their_kinds_of_columns(trained: Path, tmp_path: Path) -> None:
    rows = frame(trained, "iris", 900, seed=4)
    folder = tmp_path / "days"
    folder.mkdir()
    rows[:250].astype({"petal_width": "float32"}).to_parquet(folder / "a.parquet", index=False)
    rows[250:300].drop(columns="note").to_parquet(folder / "b.parquet", index=False)
    rows[300:].assign(note=rows["note"].astype("category")).to_parquet(
        folder / "c.parquet", index=False
    )
    (folder / "_SUCCESS").write_text("")
    rows["petal_width"] = rows["petal_width"].where(
        rows["id"] >= 250, rows["petal_width"].astype("float32").astype(float)
    )
    rows.loc[250:299, "note"] = None
    out = tmp_path / "o.parquet"
    run = Scoring(trained, folder / "*.parquet", "--model", "iris", "--out", out, "--part-rows",
                  PART, "--json")  # fmt: skip
    assert summary(run.end())["parts"] == 4
    check(read(out), rows, told(trained, "iris", rows)[0])


def test_standard_input(trained: Path, tmp_path: Path) -> None:
    rows, out = frame(trained, "students", 900, seed=5), tmp_path / "o.parquet"
    data = rows.to_csv(index=False, sep=";").encode()
    run = Scoring(trained, "-", "--format", "csv", "--delimiter", ";", "--model", "students",
                  "--out", out, "--part-rows", PART, data=data)  # fmt: skip
    code, _, errors = run.end()
    assert code == 0, errors
    check(read(out), rows, told(trained, "students", rows)[0])


def test_no_rows_make_an_empty_table(trained: Path, tmp_path: Path) -> None:
    rows = frame(trained, "iris", 3, seed=6)[:0]
    out = tmp_path / "o.parquet"
    run = Scoring(trained, write(rows, tmp_path / "a.csv"), "--model", "iris", "--out", out)
    assert run.end()[0] == 0
    table = pq.read_table(out)
    assert (table.num_rows, table.schema.field("prediction").type) == (0, pa.string())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a.csv", "--model", "digits"], 2, "digits takes pictures"),
        (["a.csv", "--model", "students"], 1, "columns are missing: 'age'"),
    ],
)
def test_what_cannot_be_done_is_said(
    trained: Path, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    write(frame(trained, "iris", 5, seed=7), tmp_path / "a.csv")
    arguments = [str(tmp_path / arguments[0]), *arguments[1:]]
    found, _, errors = Scoring(trained, *arguments, "--out", tmp_path / "o.csv").end()
    assert (found, errors.count("\n")) == (code, 1), errors
    assert words in errors
    assert os.listdir(tmp_path) == ["a.csv"]


@pytest.fixture(scope="module")
def touchy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with models that fail on some rows."""
    return register_all(tmp_path_factory.mktemp("touchy"))


def people(count: int) -> pd.DataFrame:
    ages = [18 + i % 50 for i in range(count)]
    towns = [("Bonn", "Ulm", "Kiel")[i % 3] for i in range(count)]
    return pd.DataFrame({"id": range(count), "age": ages, "town": towns, "note": "x"})


BAD = {5: SICK, 123: "old", 124: SICK, 399: None}


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_rows_that_fail_have_a_reason(touchy: Path, tmp_path: Path, name: str) -> None:
    rows = people(400)
    bad = {row: age for row, age in BAD.items() if name != "a.parquet" or age != "old"}
    spoiled = rows.copy()
    spoiled["age"] = pd.Series([bad.get(row, age) for row, age in enumerate(rows["age"])])
    if name == "a.parquet":
        spoiled = spoiled.astype({"age": "Int64"})
    path, out = write(spoiled, tmp_path / name), tmp_path / "o.parquet"
    ask: list[Any] = [touchy, path, "--model", "people", "--out", out, "--part-rows", 150, "--json"]
    if name == "a.csv":
        code, _, errors = Scoring(*ask).end()
        assert code == 1
        assert errors.startswith("Row 5: The model failed on this input.")
        assert not out.exists()
        # What is finished is kept, and rows may fail from now on.
    said = summary(Scoring(*ask, "--on-error", "null").end())
    assert (said["rows"], said["failed_rows"]) == (400, len(bad))
    found = read(out)
    good = [row for row in range(400) if row not in bad]
    assert agree(found["prediction"][good], told(touchy, "people", rows)[0][good])
    assert found["prediction"][list(bad)].isna().all()
    assert found["error"][good].isna().all()
    assert found["error"][5] == "The model failed on this input."
    assert found["error"][399].startswith("column age: ")
    if "old" in bad.values():
        assert found["error"][123].startswith("column age: ")


def test_a_row_that_kills_workers_is_found(touchy: Path, tmp_path: Path) -> None:
    rows = pd.DataFrame({"a": np.arange(1.0, 41.0), "b": 0.5})
    rows.loc[21, "a"] = KILLING
    path, out = write(rows, tmp_path / "a.parquet"), tmp_path / "o.parquet"
    run = Scoring(touchy, path, "--model", "logarithm", "--out", out, "--part-rows", 8,
                  "--on-error", "null", "--json")  # fmt: skip
    said = summary(run.end())
    assert (said["failed_rows"], said["retried_parts"] > 0) == (1, True)
    found = read(out)
    assert found["error"][21].startswith("This input ended two workers")
    good = [row for row in range(40) if row != 21]
    assert agree(found["prediction"][good], np.log(rows["a"][good]) + 0.5)
