"""Rows and images that a user brings."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from loadtest.artefact import Artefact
from loadtest.errors import ScenarioError
from loadtest.instances import read_images, read_rows
from loadtest.payload import draw_batches
from loadtest.prepare import prepare
from loadtest.scenario import Payload, Size
from tests.loadtest.shelf import column, put_classifier, put_regression

TABLE = pd.DataFrame(
    {"b": [2.5, None], "other": [0, 0], "a": [1, 3], "t": ["x", None], "yes": [True, False]}
)
ROWS = [[1, 2.5, "x", True], [3, None, None, False]]


@pytest.fixture
def artefact(tmp_path: Path) -> Artefact:
    plain = put_regression(tmp_path)
    columns = [column("a", "int64"), column("b"), column("t", "string"), column("yes", "bool")]
    return replace(plain, input={"kind": "tabular", "columns": columns})


def test_every_kind_of_file_gives_the_same_rows(artefact: Artefact, tmp_path: Path) -> None:
    TABLE.to_csv(tmp_path / "r.csv", index=False)
    TABLE.to_json(tmp_path / "r.json", orient="records")
    TABLE.to_json(tmp_path / "r.jsonl", orient="records", lines=True)
    TABLE.to_parquet(tmp_path / "r.parquet")
    for suffix in ("csv", "json", "jsonl", "parquet"):
        rows = read_rows(tmp_path / f"r.{suffix}", artefact)
        assert json.dumps(rows) == json.dumps(ROWS), suffix


def test_rows_without_names_have_the_models_order(artefact: Artefact, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps(ROWS), encoding="utf-8")
    assert read_rows(tmp_path / "r.json", artefact) == ROWS


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("r.csv", "a,b\n1,2\n", "row 1: the column 't' is missing"),
        ("r.csv", "a,b,t,yes\n1,soon,x,true\n", "'soon' is no float64, as b is"),
        ("r.csv", "a,b,t,yes\n1.5,1,x,true\n", "'1.5' is no int64, as a is"),
        ("r.csv", "a,b,t,yes\n1,1,x,perhaps\n", "'perhaps' is no bool"),
        ("r.csv", "a,b,t,yes\n", "has no rows"),
        ("r.json", "{}", "must be a list of rows"),
        ("r.json", "[[1]]", "row 1: 1 cells; the model has 4 columns"),
        ("r.json", "[7]", "row 1: neither a list nor an object"),
        ("r.jsonl", "{", "cannot be read"),
        ("r.parquet", "PAR0", "cannot be read"),
        ("r.xlsx", "", "is not .csv, .json, .jsonl or .parquet"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence(
    artefact: Artefact, tmp_path: Path, name: str, text: str, words: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        read_rows(tmp_path / name, artefact)
    assert words in str(caught.value)
    with pytest.raises(ScenarioError, match="No such file"):
        read_rows(tmp_path / "none.csv", artefact)


def test_images_are_read_by_name(artefact: Artefact, tmp_path: Path) -> None:
    pictures = replace(artefact, input={"kind": "image"})
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("b.PNG", "a.jpg", "notes.txt"):
        (folder / name).write_bytes(name.encode())
    decoded = [base64.b64decode(each["b64"]) for each in read_images(folder, pictures)]
    assert decoded == [b"a.jpg", b"b.PNG"]
    with pytest.raises(ScenarioError, match=r"give payload\.file"):
        read_images(folder, artefact)
    with pytest.raises(ScenarioError, match=r"give payload\.images"):
        read_rows(tmp_path / "r.csv", pictures)
    with pytest.raises(ScenarioError, match=r"has no \.png"):
        read_images(tmp_path, pictures)


def test_a_mix_has_distinct_bodies_of_each_size_and_shares_its_weight() -> None:
    sizes = [Size(rows=1, weight=3), Size(rows=5, weight=1)]
    batches = draw_batches([[1], [2]], sizes, distinct=4, seed=1)
    assert [len(batch.instances) for batch in batches] == [1] * 4 + [5] * 4
    assert sum(batch.weight for batch in batches[:4]) == pytest.approx(3)
    assert sum(batch.weight for batch in batches[4:]) == pytest.approx(1)


def test_rows_of_a_file_are_answered_by_the_model(tmp_path: Path) -> None:
    put_classifier(tmp_path / "store")
    (tmp_path / "r.csv").write_text("b,a\n-3,-3\n", encoding="utf-8")
    payload = Payload(model="m", file=tmp_path / "r.csv", distinct_requests=2)
    prepared = prepare(tmp_path / "store", payload, seed=1)
    rows: list[Any] = [batch.instances for batch in prepared.batches]
    assert rows == [[[-3.0, -3.0]], [[-3.0, -3.0]]]
    assert [answer.predictions for answer in prepared.answers] == [["down"], ["down"]]
