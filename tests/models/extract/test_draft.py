"""Drafts are specifications that are read, and that train."""

import gzip
import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from models.errors import BadData
from models.extract import extract
from models.extract.draft import draft
from models.places import Places
from models.spec import Specification, read_specification
from models.transform import pipeline
from tests.models.extract.student_table import ORDER, write_students


def trained(text: str, folder: Path) -> tuple[Specification, float]:
    """Read a draft, take its rows, fit its features; return it and the score on other rows."""
    (folder / "drafted.toml").write_text(text, encoding="utf-8")
    spec = read_specification(folder / "drafted.toml")
    frame = extract(spec, Places(folder, folder / "work")).frame
    linear = LogisticRegression(max_iter=1000) if spec.model.task == "classification" else Ridge()
    assert type(linear).__name__ == spec.fit.estimator.name
    X, y = frame[spec.feature_columns()], frame[spec.target.column]
    middle = len(frame) * 3 // 4
    fitted = pipeline(spec, linear).fit(X.iloc[:middle], y.iloc[:middle])
    return spec, float(fitted.score(X.iloc[middle:], y.iloc[middle:]))


def kinds(spec: Specification) -> dict[str, str]:
    return {name: rule.kind for rule in spec.features for name in rule.columns}


@pytest.fixture
def shop(tmp_path: Path) -> pd.DataFrame:
    """Return orders with everything that tables have: gaps, codes, days, texts, a counter."""
    rng = np.random.default_rng(5)
    rows = 600
    amount = rng.gamma(2, 20, rows).round(2)
    town = rng.choice([f"Town {i}" for i in range(40)], rows)
    churned = (amount + rng.normal(0, 8, rows) < 35) ^ (rng.random(rows) < 0.05)
    frame = pd.DataFrame(
        {
            "row": np.arange(1, rows + 1),
            "customer": [f"C{number:05d}" for number in rng.permutation(rows)],
            "amount in €": np.where(rng.random(rows) < 0.1, np.nan, amount),
            "items": rng.integers(1, 9, rows),
            "zip": [f"0{number}" for number in rng.integers(1000, 1020, rows)],
            "town": town,
            "since": pd.date_range("2020-01-01", periods=rows, freq="D").strftime("%Y-%m-%d"),
            "member": rng.choice(["true", "false"], rows),
            "note": rng.choice(
                ["came back because it was broken", "very happy with it all, thanks"], rows
            ),
            "nothing": None,
            "always": "x",
            "churned": np.where(churned, "yes", "no"),
        }
    )
    frame.to_csv(tmp_path / "My Orders.csv", index=False, na_rep="?")
    return frame


def test_the_student_table(tmp_path: Path) -> None:
    frame = write_students(tmp_path / "student-mat.csv")
    text = draft(tmp_path / "student-mat.csv", "G3", "students")
    spec, score = trained(text, tmp_path)
    assert spec.model.name == "students"
    assert spec.model.task == "regression"
    assert spec.source.kind == "csv"
    assert spec.source.delimiter == ";"
    assert list(spec.columns) == ORDER
    assert not any(rule.nullable for rule in spec.columns.values())
    assert spec.columns["school"].values == ("GP", "MS")
    assert {spec.columns[name].type for name in ("age", "G1", "G3")} == {"integer"}
    assert kinds(spec)["Mjob"] == "onehot"
    assert kinds(spec)["G2"] == "numeric"
    assert spec.columns["age"].max is None
    assert "# min = 15, max = 22 in these rows" in text
    assert score > 0.6
    done = extract(spec, Places(tmp_path, tmp_path / "work"))
    pd.testing.assert_frame_equal(done.frame, frame, check_dtype=False)


def test_a_table_with_everything(tmp_path: Path, shop: pd.DataFrame) -> None:
    text = draft(tmp_path / "My Orders.csv", "churned")
    spec, score = trained(text, tmp_path)
    assert (spec.model.name, spec.model.task) == ("my_orders", "classification")
    assert spec.split.stratified
    assert kinds(spec) == {
        "amount in €": "numeric",
        "items": "numeric",
        "zip": "onehot",
        "town": "response",
        "since": "date",
        "member": "boolean",
        "note": "text",
    }
    assert spec.columns["amount in €"].nullable
    assert spec.columns["zip"].type == "text"
    for words in (
        '# "row" is left out: it counts the rows.',
        '# "customer" is left out: nearly every row has another value.',
        '# "nothing" is left out: it has no two different values.',
        '# "always" is left out: it has no two different values.',
    ):
        assert words in text
    assert spec.columns["churned"].values == ("no", "yes")
    assert score > max((shop["churned"] == "yes").mean(), 0.7)


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.parquet", "t.csv.gz"])
def test_other_kinds_of_files(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=300), "b": rng.choice(["u", "v"], 300)})
    frame["y"] = 3 * frame["a"] + (frame["b"] == "u")
    if name.endswith("parquet"):
        frame.to_parquet(tmp_path / name)
    elif "jsonl" in name:
        content = frame.to_json(orient="records", lines=True, double_precision=15).encode()
        packed = gzip.compress(content) if name.endswith("gz") else content
        (tmp_path / name).write_bytes(packed)
    else:
        frame.to_csv(tmp_path / name, index=False)
    spec, score = trained(draft(tmp_path / name, "y"), tmp_path)
    assert spec.model.name == "t"
    assert kinds(spec) == {"a": "numeric", "b": "onehot"}
    assert score > 0.99


def test_an_empty_text_is_a_value_where_there_is_null(tmp_path: Path) -> None:
    rows = [{"a": i % 7, "b": ["", "NA", "u", None][i % 4], "y": i / 3} for i in range(80)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    spec, _ = trained(draft(tmp_path / "t.jsonl", "y"), tmp_path)
    assert spec.columns["b"].values == ("", "NA", "u")
    assert spec.columns["b"].nullable
    done = extract(spec, Places(tmp_path, tmp_path / "work"))
    assert done.counts.rejected == 0


def test_lists_and_objects_are_left_out_of_the_contract(tmp_path: Path) -> None:
    rows = [{"a": i % 7, "tags": ["u"], "at": {"x": i}, "y": i / 3} for i in range(80)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    text = draft(tmp_path / "t.jsonl", "y")
    spec, _ = trained(text, tmp_path)
    assert list(spec.columns) == ["a", "y"]
    assert '"tags" is left out: 80 of its values are no text, number, date or truth' in text
    with pytest.raises(BadData, match="'tags' cannot be predicted: 80 of its values are no text"):
        draft(tmp_path / "t.jsonl", "tags")


def test_a_table_without_names(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(100, 3)).round(3)
    table[:, 2] = table[:, 0] - table[:, 1]
    np.savetxt(tmp_path / "t.tsv", table, delimiter="\t", fmt="%.6f")
    spec, score = trained(draft(tmp_path / "t.tsv", "column_3"), tmp_path)
    assert spec.source.kind == "csv"
    assert (spec.source.header, spec.source.delimiter) == (False, "\t")
    assert score > 0.99


def test_a_table_as_an_office_writes_it(tmp_path: Path) -> None:
    """Decimal commas, days first, files put together with their headers, wrong cells and rows."""
    rng = np.random.default_rng(2)
    lines = ["day;at;price;town;code;y"]
    for i in range(400):
        price, town = int(rng.integers(1, 90)) / 4, "UV"[i % 2]
        day = f"{i % 28 + 1}.{i % 12 + 1:02}.2024"
        at = f"{i % 12 + 1}/{i % 28 + 1}/2024 7:{i % 60:02}"
        cents = f"{price:.2f}".replace(".", ",")
        lines.append(f"{day};{at};{cents};{town};0{i % 7};{price * 2 + i % 2}")
    lines[100] = lines[0]
    lines[200] += ";too;many"
    cells = lines[300].split(";")
    lines[300] = ";".join([*cells[:2], "on request", *cells[3:]])
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    text = draft(tmp_path / "t.csv", "y")
    spec, score = trained(text, tmp_path)
    assert (spec.columns["day"].format, spec.columns["at"].format) == (
        "%d.%m.%Y",
        "%m/%d/%Y %H:%M",
    )
    assert (spec.columns["price"].decimal, spec.columns["y"].decimal) == (",", ".")
    assert (spec.columns["code"].type, spec.columns["town"].values) == ("text", ("U", "V"))
    assert '# 1 of 398 rows have something else, such as "on request": they will be set' in text
    assert 0.005 < spec.source.max_rejected_share < 0.05
    assert score > 0.99
    done = extract(spec, Places(tmp_path, tmp_path / "work"))
    assert done.counts.rejected == 3
    assert done.frame["day"].iloc[0] == "2024-01-01"


def test_days_that_may_be_months_are_told(tmp_path: Path) -> None:
    lines = ["day,y", *(f"{i % 12 + 1}/{i * 5 % 12 + 1}/2024,{i / 3}" for i in range(60))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    text = draft(tmp_path / "t.csv", "y")
    assert 'format = "%d/%m/%Y"  # it may as well be %m/%d/%Y: the values fit both' in text


def test_thousands_are_no_decimals(tmp_path: Path) -> None:
    lines = ["a;b;y", *(f"{i},{i * 7 % 1000:03};{i * 7 % 13};{i / 3}" for i in range(1, 60))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    assert tomllib.loads(draft(tmp_path / "t.csv", "y"))["columns"]["a"] == {"type": "text"}


def test_a_column_with_many_strange_cells_is_text(tmp_path: Path) -> None:
    lines = ["a,y", *(f"{i % 13}{'a' if i % 20 == 0 else ''},{i / 3}" for i in range(100))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    assert tomllib.loads(draft(tmp_path / "t.csv", "y"))["columns"]["a"]["type"] == "text"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_found(tmp_path: Path, encoding: str) -> None:
    lines = ["größe|straße|y", *(f"{i * 7 % 13}|{'äöü'[i % 3]}|{i}" for i in range(40))]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding=encoding)
    spec, _ = trained(draft(tmp_path / "t.csv", "y"), tmp_path)
    assert spec.columns["straße"].values == ("ä", "ö", "ü")


def test_rows_without_a_target_are_expected(tmp_path: Path) -> None:
    lines = ["a,b,y", *(f"{i * 7 % 13},{i % 5},{'' if i % 10 == 0 else i / 3}" for i in range(90))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    spec, _ = trained(draft(tmp_path / "t.csv", "y"), tmp_path)
    assert 0.1 < spec.source.max_rejected_share < 0.2
    assert not spec.columns["y"].nullable


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (lambda i: i % 3, "classification"),
        (lambda i: i, "regression"),
        (lambda i: i / 7, "regression"),
        (lambda i: "ab"[i % 2], "classification"),
    ],
)
def test_the_task_follows_the_target(
    tmp_path: Path, values: Callable[[int], object], task: str
) -> None:
    lines = ["a,y", *(f"{i * 7 % 13},{values(i)}" for i in range(60))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    assert tomllib.loads(draft(tmp_path / "t.csv", "y"))["model"]["task"] == task


def test_values_are_listed_only_if_all_rows_were_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["a,b,y", *(f"{i * 7 % 13},{'uv'[i % 2]},{i}" for i in range(60))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    assert "values" in draft(tmp_path / "t.csv", "y")
    monkeypatch.setattr("models.extract.draft.SAMPLE_ROWS", 60)
    assert "values" not in draft(tmp_path / "t.csv", "y")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty, or no text"),
        (b"\x89PNG\0\0\0", "is empty, or no text"),
        (b"a,b\n1,2\n3,4\n", "no column 'y'; it has: a, b"),
        (b"a,y\n1,2\n3,2\n", "'y' has 1 different values"),
        (b"a,y\n1,2\n1,3\n", "no column to learn 'y' from"),
        (b"a,a,y\n1,2,3\n1,3,4\n", "2 columns 'a'; rename one of them"),
    ],
)
def test_what_cannot_be_drafted(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(BadData) as caught:
        draft(tmp_path / "t.csv", "y")
    assert words in str(caught.value)
    with pytest.raises(BadData, match="there is no file"):
        draft(tmp_path / "none.csv", "y")


def test_hostile_names_are_quoted(tmp_path: Path) -> None:
    names = ['a"b', "c\\d", "e]f", "gh # i", "j=k", "y\n2"]
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 6)), columns=names)
    frame.to_csv(tmp_path / "t.csv", index=False)
    spec, _ = trained(draft(tmp_path / "t.csv", "y\n2"), tmp_path)
    assert list(spec.columns) == names
    assert json.dumps(names) == json.dumps(list(spec.columns))
