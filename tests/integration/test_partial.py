"""`?partial=true`: rows that fail give null and an error, the others their prediction."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from tests.integration import pictures
from tests.integration.server import FEW, Service, serving
from tests.integration.touchy import KILLING, SICK, register_all
from tests.integration.wire import Address, Reply, post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PEOPLE = "/v1/models/people:predict?partial=true"
LOGARITHM = "/v1/models/logarithm:predict?partial=true"
CSV = {"Content-Type": "text/csv"}
TO_CSV = {"Accept": "text/csv"}
FAILED = "the model failed on this row"
LARGE = 4000
"""So many rows are far more bytes than the API process reads itself."""


@pytest.fixture(scope="module")
def touchy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("touchy")
    with serving(register_all(folder), folder, FEW, f"--max-rows={LARGE}") as running:
        yield running


@pytest.fixture(scope="module")
def model(touchy: Service) -> Any:
    return joblib.load(touchy.store / "people" / "1" / "model.joblib")


def draw(count: int, seed: int) -> list[list[Any]]:
    """Return good rows."""
    dice = np.random.default_rng(seed)
    ages = [int(age) for age in dice.integers(18, 70, count)]
    return [[age, str(dice.choice(["Bonn", "Ulm", "Kiel"]))] for age in ages]


def expected(model: Any, rows: list[list[Any]], bad: set[int]) -> tuple[list[Any], list[Any]]:
    """Return what scikit-learn says of the good rows in one call, and None of the others."""
    good = [i for i in range(len(rows)) if i not in bad]
    frame = pd.DataFrame([rows[i] for i in good], columns=["age", "town"])
    labels: list[Any] = [None] * len(rows)
    chances: list[Any] = [None] * len(rows)
    for i, label, likely in zip(
        good, model.predict(frame), model.predict_proba(frame), strict=True
    ):
        labels[i], chances[i] = label, likely
    return labels, chances


def assert_chances(got: list[Any], wanted: list[Any]) -> None:
    assert [one is None for one in got] == [one is None for one in wanted]
    pairs = [(a, b) for a, b in zip(got, wanted, strict=True) if b is not None]
    assert max(np.abs(np.array(a) - b).max() for a, b in pairs) <= 1e-12


@pytest.mark.parametrize("count", [12, LARGE])
def test_rows_that_do_not_fit_and_rows_that_fail(touchy: Service, model: Any, count: int) -> None:
    rows = draw(count, seed=count)
    rows[2][0] = SICK
    rows[5] = ["young", "Ulm"]
    rows[7] = [30, "Atlantis", 3]
    rows[count - 1][0] = SICK
    reply = post(touchy.address, PEOPLE + "&probabilities=true", {"instances": rows})
    assert reply.status == 200
    said = reply.json()
    labels, chances = expected(model, rows, {2, 5, 7, count - 1})
    assert said["predictions"] == labels
    assert_chances(said["probabilities"], chances)
    errors = said["errors"]
    assert [(error["row"], error["code"]) for error in errors] == [
        (2, "model_failed"),
        (5, "schema_mismatch"),
        (7, "schema_mismatch"),
        (count - 1, "model_failed"),
    ]
    assert errors[0] == {
        "row": 2, "code": "model_failed", "message": FAILED, "loc": ["instances", 2],
    }  # fmt: skip
    assert errors[1]["loc"] == ["instances", 5, 0]
    assert "integer" in errors[1]["message"]
    assert "exactly 2 values" in errors[2]["message"]
    assert "secret" not in reply.body.decode()


def test_every_second_row_fails(touchy: Service, model: Any) -> None:
    rows = draw(200, seed=3)
    for row in rows[::2]:
        row[0] = SICK
    said = post(touchy.address, PEOPLE, {"instances": rows}).json()
    assert said["predictions"] == expected(model, rows, set(range(0, 200, 2)))[0]
    assert [error["row"] for error in said["errors"]] == list(range(0, 200, 2))


def test_all_rows_fail(touchy: Service) -> None:
    said = post(touchy.address, PEOPLE, {"instances": [[SICK, "Ulm"], ["x", "Ulm"]]}).json()
    assert said["predictions"] == [None, None]
    assert [error["code"] for error in said["errors"]] == ["model_failed", "schema_mismatch"]


@pytest.mark.parametrize("count", [3, LARGE])
def test_without_failures_the_answer_is_the_ordinary_one(touchy: Service, count: int) -> None:
    body = {"instances": draw(count, seed=5)}
    partial = post(touchy.address, PEOPLE, body)
    assert "errors" not in partial.json()
    assert partial.body == post(touchy.address, PEOPLE.partition("?")[0], body).body


def test_without_the_option_one_row_still_fails_all(touchy: Service) -> None:
    rows = [[30, "Ulm"], [SICK, "Ulm"]]
    for query in ("", "?partial=false"):
        path = PEOPLE.partition("?")[0] + query
        assert post(touchy.address, path, {"instances": rows}).status == 500


def test_other_forms_of_json(touchy: Service, model: Any) -> None:
    labels, _ = expected(model, [[30, "Ulm"], [1, "x"]], {1})
    keyed = [{"age": 30, "town": "Ulm"}, {"age": 31}]
    said = post(touchy.address, PEOPLE, {"instances": keyed}).json()
    assert said["predictions"] == labels
    assert said["errors"] == [{
        "row": 1, "code": "schema_mismatch", "message": "this column is missing",
        "loc": ["instances", 1, "town"],
    }]  # fmt: skip
    said = post(touchy.address, PEOPLE, {"inputs": {"age": [30, None], "town": ["Ulm"] * 2}}).json()
    assert said["outputs"] == labels
    assert said["errors"][0]["loc"] == ["inputs", "age", 1]
    said = post(touchy.address, PEOPLE, {"instance": {"age": "x", "town": "Ulm"}}).json()
    assert said["prediction"] is None
    assert said["errors"][0]["loc"] == ["instance", "age"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no", 400),
        (b'{"instances":[[1,"Ulm"],[1,"x"]', 400),
        (b'{"instances":[{"age":1,"age":1,"town":"Ulm"},["x"]]}', 400),
        (b'{"instances":[]}', 422),
        (b'{"rows":[[1,"Ulm"]]}', 422),
        (b'{"instances":[["x"]],"instance":[1]}', 422),
        (b'{"inputs":{"age":[1]}}', 422),
        (b'{"inputs":{"age":[1,2],"town":["Ulm"]}}', 422),
        (json.dumps({"instances": [["x", "y"]] * (LARGE + 1)}).encode(), 413),
    ],
)
def test_a_body_without_rows_is_refused_as_ever(touchy: Service, body: bytes, status: int) -> None:
    reply = post(touchy.address, PEOPLE, body)
    assert reply.status == status


@pytest.mark.parametrize("query", ["partial=maybe", "part=true", "probabilities=partial"])
def test_a_value_that_is_none(touchy: Service, query: str) -> None:
    path = f"{PEOPLE.partition('?')[0]}?{query}"
    assert post(touchy.address, path, {"instances": [[30, "Ulm"]]}).status == 400


@pytest.mark.parametrize("header", ["", "town,age\n"])
@pytest.mark.parametrize("count", [5, LARGE])
def test_csv(touchy: Service, model: Any, header: str, count: int) -> None:
    rows = draw(count, seed=11)
    rows[1][0], rows[3][0] = SICK, "old"
    lines = [f"{town},{age}" if header else f"{age},{town}" for age, town in rows]
    body = (header + "\n".join(lines) + "\n1,2,3\n").encode()
    given = [*rows[:-1], [0, ""]] if count == LARGE else [*rows, [0, ""]]
    if count == LARGE:
        body = (header + "\n".join(lines[:-1]) + "\n1,2,3\n").encode()
    bad = {1, 3, len(given) - 1}
    labels, _ = expected(model, given, bad)
    said = post(touchy.address, PEOPLE, body, CSV).json()
    assert said["predictions"] == labels
    assert [error["row"] for error in said["errors"]] == sorted(bad)
    assert said["errors"][0]["loc"] == ["rows", 1]
    assert said["errors"][1]["loc"] == ["rows", 3, "age"]
    read = as_table(post(touchy.address, PEOPLE, body, CSV | TO_CSV))
    assert [one["prediction"] for one in read] == [label or "" for label in labels]
    assert [bool(one["error"]) for one in read] == [i in bad for i in range(len(given))]
    assert read[1]["error"] == FAILED


def as_table(reply: Reply) -> list[dict[str, str]]:
    assert reply.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(reply.body.decode())))


def test_csv_with_probabilities_and_without_failures(touchy: Service) -> None:
    path = PEOPLE + "&probabilities=true"
    read = as_table(post(touchy.address, path, b"30,Ulm\n31,x\n", CSV | TO_CSV))
    assert list(read[0]) == ["prediction", "probability_old", "probability_young", "error"]
    assert read[1]["probability_old"] == read[1]["probability_young"] == ""
    assert float(read[0]["probability_old"]) + float(read[0]["probability_young"]) == 1.0
    (one,) = as_table(post(touchy.address, PEOPLE, {"instance": [30, "Ulm"]}, TO_CSV))
    assert one["error"] == ""


def test_a_header_that_is_none_is_refused_as_ever(touchy: Service) -> None:
    assert post(touchy.address, PEOPLE, b"age,city\n30,Ulm\n", CSV).status == 422
    assert post(touchy.address, PEOPLE, b"age,town\n", CSV).status == 422


def test_answers_that_are_no_numbers(touchy: Service) -> None:
    rows = [[2.0, 1.0], [-1.0, 1.0], [3.0, 0.5], [0.0, 0.0]]
    said = post(touchy.address, LOGARITHM, {"instances": rows}).json()
    assert said["predictions"][1] is said["predictions"][3] is None
    for i in (0, 2):
        assert abs(said["predictions"][i] - (np.log(rows[i][0]) + rows[i][1])) <= 1e-12
    assert [error["row"] for error in said["errors"]] == [1, 3]
    assert {error["code"] for error in said["errors"]} == {"model_failed"}


def test_npy(touchy: Service) -> None:
    file = io.BytesIO()
    np.save(file, np.array([[2.0, 1.0], [np.nan, 1.0], [-1.0, 0.0]]))
    headers = {"Content-Type": "application/x-npy"}
    said = post(touchy.address, LOGARITHM, file.getvalue(), headers).json()
    assert [one is None for one in said["predictions"]] == [False, True, True]
    assert [error["code"] for error in said["errors"]] == ["schema_mismatch", "model_failed"]
    assert said["errors"][0]["loc"] == ["rows", 1, "a"]


def test_a_row_that_ends_workers_fails_all(touchy: Service) -> None:
    rows = [[2.0, 1.0], [KILLING, 1.0]]
    reply = post(touchy.address, LOGARITHM, {"instances": rows})
    assert (reply.status, reply.json()["code"]) == (500, "poison_input")
    assert post(touchy.address, LOGARITHM, {"instances": rows[:1]}).status == 200


def test_pictures(address: Address) -> None:
    path = "/v1/models/digits:predict?partial=true"
    good = {"b64": base64.b64encode(pictures.png()).decode()}
    whole = post(address, path.partition("?")[0], {"instances": [good]}).json()["predictions"]
    said = post(address, path, {"instances": [{"b64": "?"}, good, {"b64": "AAAA"}, 3]}).json()
    assert said["predictions"] == [None, *whole, None, None]
    assert [error["loc"] for error in said["errors"]] == [
        ["instances", 0, "b64"], ["instances", 2, "b64"], ["instances", 3],
    ]  # fmt: skip
    png = {"Content-Type": "image/png"}
    assert post(address, path, pictures.png(), png).json()["prediction"] == whole[0]
    assert post(address, path, b"no picture", png).json()["prediction"] is None


def test_a_platforms_path_has_no_such_option(touchy: Service) -> None:
    path = "/invocations?partial=true"
    assert post(touchy.address, path, {"instances": [[30, "Ulm"]]}).status == 400
    assert post(touchy.address, path, b"30,Ulm\n", CSV).status == 400


def test_the_time_is_respected(touchy: Service, tmp_path: Path) -> None:
    rows = [[SICK, "Ulm"]] * LARGE
    hurry = {"X-Request-Timeout-Ms": "400"}
    reply = post(touchy.address, PEOPLE, {"instances": rows}, hurry)
    assert reply.status == 200
    said = reply.json()
    assert said["predictions"] == [None] * LARGE
    codes = [error["code"] for error in said["errors"]]
    assert len(codes) == LARGE
    assert set(codes) == {"model_failed", "deadline_exceeded"}
