"""KServe's, MLServer's, MLflow's and AWS's own clients get what scikit-learn gives in process."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from service import __version__
from tests.clients.conftest import Load
from tests.clients.outside import ask, program, run
from tests.clients.rows import FLOWERS, STUDENTS, as_json, flowers, near

pytestmark = [pytest.mark.clients, pytest.mark.integration, pytest.mark.timeout(240)]

DATATYPES = {"i": "INT64", "f": "FP64", "b": "BOOL", "O": "BYTES"}


def tensors(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as tensors of V2, one a column."""
    columns = as_json(frame)
    return [
        {
            "name": name,
            "shape": [len(frame)],
            "datatype": DATATYPES.get(frame[name].dtype.kind, "BYTES"),
            "data": values,
        }
        for name, values in columns.items()
    ]


@pytest.fixture
def table() -> dict[str, Any]:
    """Return the students as JSON, with the dtypes that pandas loses on the way."""
    numbers = {name: "float64" for name in STUDENTS if STUDENTS[name].dtype.kind == "f"}
    return {"columns": as_json(STUDENTS), "dtypes": numbers}


def is_iris(found: Any, fitted: Load) -> bool:
    model = fitted("iris")
    rows = flowers(model)
    labels_agree = found["predict"] == model.predict(rows).tolist()
    return labels_agree and near(found["predict_proba"], model.predict_proba(rows))


def test_kserve(url: str, grpc_address: str, fitted: Load) -> None:
    model = fitted("iris")
    inputs = {"iris": tensors(flowers(model)), "students": tensors(STUDENTS)}
    question = {"url": url, "grpc": grpc_address, "rows": FLOWERS.tolist(), "inputs": inputs}
    found = ask("kserve", "kserve_rest.py", question)
    v1, v2, grpc = found["v1"], found["v2"], found["grpc"]
    assert v1["live"] is v1["ready"] is v2["live"] is v2["ready"] is v2["model ready"] is True
    assert v2["no model"] is False
    assert "There is no model 'nobody'" in v1["no model"]
    assert v1["answer"]["predictions"] == model.predict(flowers(model)).tolist()
    assert "400 Bad Request" in v2["refusal"]
    assert grpc["live"] is grpc["ready"] is grpc["model ready"] is True
    wanted = fitted("students").predict(STUDENTS)
    for binary in (False, True):
        assert is_iris(v2[f"iris {binary}"], fitted)
        assert v2[f"iris {binary}"]["id"] == "seven"
        assert near(v2[f"students {binary}"]["predict"], wanted)
    assert is_iris(grpc["iris"], fitted)
    assert near(grpc["students"]["predict"], wanted)


def test_mlflow(url: str, fitted: Load, table: dict[str, Any]) -> None:
    found = ask("mlflow", "mlflow_scoring.py", {"url": url} | table)
    wanted = fitted("students").predict(STUDENTS)
    assert len(found["answers"]) == 7
    for name, answer in found["answers"].items():
        assert near(answer, wanted), name
    assert near(found["as a frame"], wanted)
    assert found["version"] == __version__
    assert "error code 422" in found["refusal"]
    assert "age" in found["refusal"]


def test_sagemaker(url: str, fitted: Load) -> None:
    question = {
        "url": url,
        "paths": {"students": "/invocations", "iris": "/v1/models/iris:predict"},
        "csv": STUDENTS.to_csv(index=False, header=False),
        "rows": list(zip(*as_json(STUDENTS).values(), strict=True)),
        "flowers": FLOWERS.tolist(),
    }
    found = ask("boto", "boto_sagemaker.py", question)
    wanted = fitted("students").predict(STUDENTS)
    for sent in ("csv", "json"):
        as_table, as_object = found[f"{sent} to csv"], found[f"{sent} to json"]
        assert as_table["type"].startswith("text/csv")
        assert near([float(line) for line in as_table["text"].split()], wanted)
        assert near(json.loads(as_object["text"])["predictions"], wanted)
    labels = fitted("iris").predict(flowers(fitted("iris"))).tolist()
    assert json.loads(found["npy to json"]["text"])["predictions"] == labels
    assert found["npy to csv"]["text"].split() == ["prediction", *labels]
    assert found["broken"][0] == 400
    assert found["another type"][0] == 415


def test_mlserver_codecs(url: str, fitted: Load, table: dict[str, Any]) -> None:
    names = list(fitted("iris").feature_names_in_)
    question = {"url": url, "flowers": FLOWERS.tolist(), "names": names} | table
    found = ask("mlserver", "mlserver_types.py", question)
    assert found["metadata"] == list(STUDENTS)
    for form in ("numpy", "numpy request", "pandas of numbers"):
        assert is_iris({name: np.squeeze(v).tolist() for name, v in found[form].items()}, fitted)
    wanted = fitted("students").predict(STUDENTS)
    assert near(np.ravel(found["pandas of all types"]["predict"]), wanted)


@pytest.mark.parametrize("batch", [1, 4])
def test_mlserver_infer(url: str, fitted: Load, tmp_path: Path, batch: int) -> None:
    """Its command reads a file of requests, sends so many in one, and splits the answers again."""
    given, made = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    X = np.random.default_rng(5).normal(size=(10, 10)) / 20
    requests = [
        {"id": f"r{i}", "inputs": [{"name": "x", "shape": [1, 10], "datatype": "FP64",
         "data": row.tolist()}]}
        for i, row in enumerate(X)
    ]  # fmt: skip
    given.write_text("".join(json.dumps(one) + "\n" for one in requests))
    run(program("mlserver", "mlserver"), "infer", "-u", url.removeprefix("http://"), "-m",
        "diabetes", "-i", given, "-o", made, "-s", batch, "-w", 2)  # fmt: skip
    answers = {one["id"]: one for one in map(json.loads, made.read_text().splitlines())}
    assert set(answers) == {one["id"] for one in requests}
    got = np.array([answers[f"r{i}"]["outputs"][0]["data"] for i in range(len(X))]).ravel()
    model = fitted("diabetes")
    assert near(got, model.predict(pd.DataFrame(X, columns=model.feature_names_in_)))
