"""Unknown, missing and out-of-range values under each policy, in a real service."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from models.store import Store
from tests.integration.json_schema import problems
from tests.processes.replica import ROOT, Replica, running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ROWS = 200
TOLERANCE = 1e-12
LARGE = " " * (1 << 15)
RULES = {
    "defaults": [],
    "accepting": ["*:unknown=accept", "size:unknown=reject"],
    "flagging": ["*:unknown=flag", "size:unknown=reject", "*:out_of_range=flag",
                 "age:missing=flag", "wage:missing=flag"],
    "rejecting": ["*:unknown=reject", "*:missing=reject", "*:out_of_range=reject"],
}  # fmt: skip
USUAL = {
    "job": "cook", "town": "Bonn", "grade": "low", "size": "M", "group": "x",
    "age": 40.0, "wage": 2000.0, "years": 7,
}  # fmt: skip
ODD: dict[str, tuple[str, Any, str]] = {
    "one-hot": ("job", "astronaut", "unknown"),
    "target mean": ("town", "Atlantis", "unknown"),
    "ordinal": ("grade", "absurd", "unknown"),
    "pandas category": ("group", "z", "unknown"),
    "strict": ("size", "XXL", "strict"),
    "imputed": ("age", None, "missing"),
    "imputed too": ("wage", None, "missing"),
    "never missing": ("years", None, "strict"),
    "below": ("age", -3.0, "out_of_range"),
    "above": ("years", 1000, "out_of_range"),
}
KINDS = {
    "unknown": "unknown_category", "missing": "missing_value", "out_of_range": "out_of_range",
}  # fmt: skip
CHOICES: dict[str, dict[str, str]] = {
    "defaults": {"unknown": "flag", "missing": "accept", "out_of_range": "accept"},
    "accepting": {"unknown": "accept", "missing": "accept", "out_of_range": "accept"},
    "flagging": {"unknown": "flag", "missing": "flag", "out_of_range": "flag"},
    "rejecting": {"unknown": "reject", "missing": "reject", "out_of_range": "reject"},
    "former": {"unknown": "reject", "missing": "accept", "out_of_range": "accept"},
}
DATATYPES = {"age": "FP64", "wage": "FP64", "years": "INT64"}


def training_rows() -> pd.DataFrame:
    dice = np.random.default_rng(5)
    holes = dice.random((2, ROWS)) < 0.2
    return pd.DataFrame(
        {
            "job": pd.Series(dice.choice(["cook", "nurse", "smith"], ROWS), dtype="str"),
            "town": pd.Series(dice.choice(["Bonn", "Köln", "Trier"], ROWS), dtype="str"),
            "grade": pd.Series(dice.choice(["high", "low", "mid"], ROWS), dtype="str"),
            "size": pd.Series(dice.choice(["L", "M", "S"], ROWS), dtype="str"),
            "group": pd.Categorical(dice.choice(["x", "y"], ROWS), ["x", "y"]),
            "age": np.where(holes[0], np.nan, dice.uniform(18, 65, ROWS)),
            "wage": np.where(holes[1], np.nan, dice.uniform(900, 4000, ROWS)),
            "years": dice.integers(0, 40, ROWS),
        }
    )


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return training_rows()


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> Any:
    dice = np.random.default_rng(6)
    columns = ColumnTransformer(
        [
            ("job", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["job", "group"]),
            ("town", TargetEncoder(cv=StratifiedKFold(2)), ["town"]),
            ("grade", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
             ["grade"]),
            ("size", OrdinalEncoder(), ["size"]),
            ("holes", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "wage"]),
            ("years", StandardScaler(), ["years"]),
        ]
    )  # fmt: skip
    labels = dice.choice(np.array(["no", "perhaps", "yes"]), ROWS)
    return Pipeline([("x", columns), ("y", LogisticRegression(max_iter=500))]).fit(frame, labels)


@pytest.fixture(scope="module")
def shelf(model: Any, frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the model, its sample, and a store with it under each set of rules."""
    folder = tmp_path_factory.mktemp("policies")
    joblib.dump(model, folder / "m.joblib")
    frame.to_parquet(folder / "rows.parquet")
    for name, rules in RULES.items():
        done = register(folder, name, *rules)
        assert done.returncode == 0, done.stderr
    write_former(folder / "store")
    return folder


def register(folder: Path, name: str, *rules: str) -> "subprocess.CompletedProcess[str]":
    words = [word for rule in rules for word in ("--policy", rule)]
    command = [
        sys.executable, "-m", "models", "register", str(folder / "m.joblib"), "--name", name,
        "--sample", str(folder / "rows.parquet"), "--store", str(folder / "store"), *words,
    ]  # fmt: skip
    env = os.environ | {"COLUMNS": "500", "NO_COLOR": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False
    )


def write_former(store: Path) -> None:
    """Put a version beside the others whose manifest has no word of policies and quantiles."""
    shutil.copytree(store / "defaults", store / "former")
    path = store / "former" / "1" / "manifest.json"
    manifest = json.loads(path.read_text()) | {"name": "former"}
    for column in manifest["input"]["columns"]:
        del column["policy"], column["quantiles"]
    path.write_text(json.dumps(manifest))


@pytest.fixture(scope="module")
def replica(shelf: Path) -> Iterator[Replica]:
    with running(shelf / "store", shelf, "--workers", "1") as started:
        yield started


@pytest.fixture(scope="module")
def document(replica: Replica) -> dict[str, Any]:
    status, page = replica.ask("GET", "/openapi.json")
    assert status == 200
    assert isinstance(page, dict)
    return page


def as_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the rows as somebody would who has the model in a notebook."""
    frame = pd.DataFrame(rows).astype({"age": float, "wage": float, "years": "int64"})
    texts = frame.astype(dict.fromkeys(("job", "town", "grade", "size"), "str"))
    return texts.astype({"group": pd.CategoricalDtype(["x", "y", "z"])})


def ask(replica: Replica, name: str, rows: list[dict[str, Any]], padding: str) -> tuple[int, Any]:
    connection = replica.connect()
    body = padding + json.dumps({"instances": rows})
    try:
        connection.request("POST", f"/v1/models/{name}:predict?probabilities=true", body.encode())
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def assert_equal(answer: dict[str, Any], model: Any, rows: list[dict[str, Any]]) -> None:
    X = as_frame(rows)
    assert answer["predictions"] == model.predict(X).tolist()
    got, expected = np.array(answer["probabilities"]), model.predict_proba(X)
    assert np.abs(got - expected).max() <= TOLERANCE


@pytest.mark.parametrize("padding", ["", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", CHOICES)
def test_every_policy(
    replica: Replica, document: dict[str, Any], model: Any, name: str, odd: str, padding: str
) -> None:
    column, value, kind = ODD[odd]
    choice = CHOICES[name].get(kind, "reject")
    rows = [USUAL, USUAL | {column: value}, USUAL]
    status, answer = ask(replica, name, rows, padding)
    path = document["paths"][f"/v1/models/{name}:predict"]["post"]
    asked = path["requestBody"]["content"]["application/json"]["schema"]
    assert bool(problems({"instances": rows}, asked, document)) is (choice == "reject")
    if choice == "reject":
        assert status == 422
        assert [detail["loc"] for detail in answer["details"]] == [["instances", 1, column]]
        return
    assert status == 200, answer
    assert_equal(answer, model, rows)
    told = answer.get("warnings", [])
    where = [(one["row"], one["column"], one["kind"]) for one in told]
    assert where == ([(1, column, KINDS[kind])] if choice == "flag" else [])
    schema = path["responses"]["200"]["content"]["application/json"]["schema"]
    assert problems(answer, schema, document) == []


def test_all_that_is_odd_at_once(replica: Replica, model: Any) -> None:
    odd = USUAL | {column: value for column, value, kind in ODD.values() if kind != "strict"}
    rows = [odd, USUAL, odd]
    for padding in ("", LARGE):
        status, answer = ask(replica, "flagging", rows, padding)
        assert status == 200, answer
        assert_equal(answer, model, rows)
        assert [one["row"] for one in answer["warnings"]] == [0] * 7 + [2] * 7


@pytest.mark.parametrize("padding", ["", LARGE], ids=["small", "large"])
def test_many_warnings_are_counted(replica: Replica, model: Any, padding: str) -> None:
    rows = [USUAL | {"job": "pilot"}] * 130
    status, answer = ask(replica, "defaults", rows, padding)
    assert status == 200
    assert_equal(answer, model, rows)
    assert [one["row"] for one in answer["warnings"]] == list(range(100))
    assert answer["warnings_left_out"] == 30


def test_one_instance_and_columns(replica: Replica) -> None:
    odd = USUAL | {"town": "Atlantis"}
    for body in ({"instance": odd}, {"inputs": {name: [value] for name, value in odd.items()}}):
        status, answer = replica.ask("POST", "/v1/models/defaults:predict", body)
        assert status == 200
        (warning,) = answer["warnings"]
        assert (warning["row"], warning["column"]) == (0, "town")
        assert "Atlantis" not in warning["message"]


def test_v2_tells_it_in_a_parameter(replica: Replica, model: Any) -> None:
    rows = [USUAL, USUAL | {"grade": "absurd", "years": 1000}]
    for name, kinds in (("flagging", ["unknown_category", "out_of_range"]), ("accepting", None)):
        inputs = [
            {"name": column, "shape": [2], "datatype": DATATYPES.get(column, "BYTES"),
             "data": [row[column] for row in rows]}
            for column in USUAL
        ]  # fmt: skip
        status, answer = replica.ask("POST", f"/v2/models/{name}/infer", {"inputs": inputs})
        assert status == 200, answer
        (labels,) = [one["data"] for one in answer["outputs"] if one["name"] == "predict"]
        assert labels == model.predict(as_frame(rows)).tolist()
        told = answer.get("parameters", {}).get("warnings")
        assert (told and [one["kind"] for one in json.loads(told)]) == kinds
    refused, _ = replica.ask("POST", "/v2/models/rejecting/infer", {"inputs": inputs})
    assert refused == 400


def test_what_is_served_tells_policies_and_quantiles(replica: Replica, frame: pd.DataFrame) -> None:
    for name in RULES:
        _, told = replica.ask("GET", f"/v1/models/{name}")
        columns = {one["name"]: one for one in told["production"]["input"]["columns"]}
        choices = CHOICES[name]
        assert columns["job"]["policy"] == {
            "unknown": choices["unknown"], "missing": "reject", "out_of_range": None,
        }  # fmt: skip
        assert columns["age"]["policy"] == {
            "unknown": None, "missing": choices["missing"], "out_of_range": choices["out_of_range"],
        }  # fmt: skip
        quartiles = [columns["age"]["quantiles"][key] for key in ("p25", "p50", "p75")]
        expected = np.nanquantile(frame["age"], [0.25, 0.5, 0.75])
        assert np.abs(np.array(quartiles) - expected).max() <= TOLERANCE
        assert columns["job"]["quantiles"] is None


@pytest.mark.parametrize(
    ("rules", "code", "sentence"),
    [
        (["*:unknown=flag"], 1, "cannot do this for column 'size': ValueError: Found unknown"),
        (["years:missing=accept"], 1, "cannot do this for column 'years'"),
        (["wages:missing=accept"], 1, "the model has no such column"),
        (["job:out_of_range=flag"], 1, "it is no number with a range"),
        (["job=flag"], 2, "is no policy; write COLUMN:KIND=VALUE"),
    ],
)
def test_what_cannot_be_is_refused_at_registration(
    shelf: Path, rules: list[str], code: int, sentence: str
) -> None:
    done = register(shelf, "refused", *rules)
    assert done.returncode == code, done.stderr
    assert sentence in " ".join(done.stderr.split())
    assert Store(shelf / "store").versions("refused") == []
