"""What SageMaker, MLflow and Vertex AI ask, and where: the same numbers as in scikit-learn."""

import io
import json
import shutil
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.integration.pictures import png
from tests.integration.refusals import refused
from tests.integration.rows import Manifest, Reference, as_columns, as_objects, columns, draw
from tests.integration.server import FEW, Service, serving
from tests.integration.wire import Reply, get, post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

TOLERANCE = 1e-12
PATH = "/invocations"
SMALL, LARGE = 40, 3000
FORMS = [
    "instances", "instances by name", "inputs", "inputs by name", "inputs in columns",
    "dataframe_split", "dataframe_split shuffled", "dataframe_split without names",
    "dataframe_records", "csv", "csv with header",
]  # fmt: skip


@pytest.fixture(scope="module")
def students(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service of many models, with a default."""
    folder = tmp_path_factory.mktemp("default")
    with serving(trained, folder, FEW, "--default-model=students") as running:
        yield running


@pytest.fixture(scope="module")
def vertex(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service of one model, as Vertex AI does."""
    folder = tmp_path_factory.mktemp("vertex")
    shutil.copytree(trained / "iris", folder / "store" / "iris")
    env = {"AIP_PREDICT_ROUTE": "/v1/endpoints/7:predict", "AIP_HEALTH_ROUTE": "/v1/endpoints/7"}
    with serving(folder / "store", folder, FEW, env=env) as running:
        yield running


@pytest.fixture(scope="module")
def digits(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("digits")
    with serving(trained, folder, FEW, "--default-model=digits") as running:
        yield running


def agree(got: list[Any], expected: list[Any]) -> bool:
    return len(got) == len(expected) and all(
        type(one) is type(other)
        and (abs(one - other) <= TOLERANCE if isinstance(other, float) else one == other)
        for one, other in zip(got, expected, strict=True)
    )


def body_of(form: str, manifest: Manifest, rows: list[list[Any]]) -> tuple[Any, dict[str, str]]:
    """Return a body of a form, and its headers."""
    names = [column["name"] for column in columns(manifest)]
    back = names[::-1]
    turned = [row[::-1] for row in rows]
    if form.startswith("csv"):
        frame = pd.DataFrame(turned, columns=back) if "header" in form else pd.DataFrame(rows)
        text = frame.to_csv(index=False, header="header" in form)
        return text.encode(), {"Content-Type": "text/csv"}
    return {
        "instances": {"instances": rows},
        "instances by name": {"instances": as_objects(manifest, rows)},
        "inputs": {"inputs": rows, "params": {}},
        "inputs by name": {"inputs": as_objects(manifest, rows)},
        "inputs in columns": {"inputs": as_columns(manifest, rows), "parameters": None},
        "dataframe_split": {
            "dataframe_split": {"index": [*range(len(rows))], "columns": names, "data": rows}
        },
        "dataframe_split shuffled": {"dataframe_split": {"columns": back, "data": turned}},
        "dataframe_split without names": {"dataframe_split": {"data": rows}},
        "dataframe_records": {"dataframe_records": as_objects(manifest, rows)},
    }[form], {}


def score(service: Service, body: Any, headers: dict[str, str] | None = None) -> Reply:
    return post(service.address, PATH, body, headers)


@pytest.mark.parametrize("count", [1, SMALL, LARGE])
@pytest.mark.parametrize("form", FORMS)
def test_every_form(students: Service, reference: Reference, form: str, count: int) -> None:
    manifest = students.manifest("students")
    rows = draw(manifest, count, seed=71, nulls=0.3)
    reply = score(students, *body_of(form, manifest, rows))
    assert reply.status == 200, reply.body[:500]
    assert reply.headers["content-type"] == "application/json"
    answer = reply.json()
    assert list(answer) == ["predictions"]
    assert agree(answer["predictions"], reference("students", rows)["predictions"])


def test_one_row_as_an_object(students: Service, reference: Reference) -> None:
    manifest = students.manifest("students")
    rows = draw(manifest, 1, seed=72)
    reply = score(students, {"inputs": as_objects(manifest, rows)[0]})
    assert agree(reply.json()["predictions"], reference("students", rows)["predictions"])


def test_a_frame_as_pandas_writes_it(students: Service, reference: Reference) -> None:
    manifest = students.manifest("students")
    rows = draw(manifest, SMALL, seed=73, nulls=0.3)
    frame = pd.DataFrame(rows, columns=[column["name"] for column in columns(manifest)])
    for orient, text in (
        ("split", frame.to_json(orient="split", double_precision=15)),
        ("records", frame.to_json(orient="records", double_precision=15)),
    ):
        assert score(students, {f"dataframe_{orient}": json.loads(text)}).status == 200
    expected = reference("students", rows)["predictions"]
    split = {"dataframe_split": frame.astype(object).where(frame.notna(), None).to_dict("split")}
    assert agree(score(students, split).json()["predictions"], expected)


@pytest.mark.parametrize("form", ["instances", "csv"])
def test_answers_as_csv_have_a_line_a_row(
    students: Service, reference: Reference, form: str
) -> None:
    manifest = students.manifest("students")
    rows = draw(manifest, SMALL, seed=74, nulls=0.3)
    body, headers = body_of(form, manifest, rows)
    reply = score(students, body, headers | {"Accept": "text/csv"})
    assert reply.headers["content-type"] == "text/csv"
    lines = reply.body.decode().splitlines()
    assert agree([float(line) for line in lines], reference("students", rows)["predictions"])


def test_npy(vertex: Service, reference: Reference) -> None:
    rows = draw(vertex.manifest("iris"), SMALL, seed=75)
    file = io.BytesIO()
    np.save(file, np.array(rows))
    reply = score(vertex, file.getvalue(), {"Content-Type": "application/x-npy"})
    assert reply.json() == {"predictions": reference("iris", rows)["predictions"]}


def test_probabilities(vertex: Service, reference: Reference) -> None:
    rows = draw(vertex.manifest("iris"), SMALL, seed=76)
    reply = post(vertex.address, f"{PATH}?probabilities=true", {"instances": rows})
    answer, expected = reply.json(), reference("iris", rows)
    assert list(answer) == ["predictions", "classes", "probabilities"]
    assert answer["predictions"] == expected["predictions"]
    for got, wanted in zip(answer["probabilities"], expected["probabilities"], strict=True):
        assert agree(got, wanted)


def test_pictures(digits: Service, reference: Reference) -> None:
    data = png(seed=3)
    in_json = [{"b64": b64encode(data).decode()}]
    expected = reference("digits", in_json)["predictions"]
    assert score(digits, {"instances": in_json}).json() == {"predictions": expected}
    reply = score(digits, data, {"Content-Type": "image/png"})
    assert reply.json() == {"predictions": expected}


GOOD = [5.1, 3.5, 1.4, 0.2]
NAMED = dict(zip(("sepal_length", "sepal_width", "petal_length", "petal_width"), GOOD, strict=True))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "one of instances"),
        ({}, "exactly one"),
        ({"instance": GOOD}, "exactly one"),
        ({"instances": [GOOD], "inputs": [GOOD]}, "exactly one"),
        ({"instances": [GOOD], "params": {"a": 1}}, "params.a is unknown"),
        ({"instances": [GOOD], "parameters": {"probabilities": 1}}, "is true or false"),
        ({"instances": [GOOD], "parameters": [1]}, "parameters is an object"),
        ({"instances": []}, "no rows"),
        ({"instances": GOOD}, "instances[0] is an object"),
        ({"instances": {"a": 1}}, "is a list"),
        ({"instances": [GOOD, GOOD[:3]]}, "instances[1] has 3 values"),
        ({"instances": [GOOD, [5.1, "wide", 1.4, 0.2]]}, "Row 1, column sepal_width"),
        ({"instances": [[5.1, None, 1.4, 0.2]]}, "Row 0, column sepal_width"),
        ({"instances": [[5.1, True, 1.4, 0.2]]}, "Row 0, column sepal_width"),
        ({"instances": [NAMED | {"colour": 1}]}, "no column: colour"),
        ({"inputs": {**NAMED, "sepal_width": [1.0]}}, "different lengths"),
        ({"inputs": {name: [1.0] * (i + 1) for i, name in enumerate(NAMED)}}, "different lengths"),
        ({"inputs": {"sepal_length": [5.1]}}, "lacks the column sepal_width"),
        ({"dataframe_split": [GOOD]}, "columns, data"),
        ({"dataframe_split": {"data": [GOOD], "more": 1}}, "columns, data"),
        ({"dataframe_split": {"columns": [*NAMED][:3], "data": [GOOD]}}, "has 3 names"),
        ({"dataframe_split": {"columns": ["a", *NAMED][:4], "data": [GOOD]}}, "no column: a"),
        ({"dataframe_split": {"columns": [*NAMED], "data": [GOOD, GOOD[1:]]}}, "data[1] has 3"),
        ({"dataframe_records": [GOOD]}, "dataframe_records[0] is an object"),
        ({"dataframe_records": [NAMED, {}]}, "dataframe_records[1] lacks"),
    ],
)
@pytest.mark.parametrize("padding", [b"", b" " * 20_000], ids=["small", "large"])
def test_what_does_not_fit(vertex: Service, body: Any, words: str, padding: bytes) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert words in refused(score(vertex, data + padding), 422, "schema_mismatch")["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b'{"instances": [[1, 1, 1, 1]], "instances": [[1, 1, 1, 1]]}',
        b'{"inputs": [{"sepal_length": 1, "sepal_length": 2, "sepal_width": 1, "petal_length": 1,'
        b' "petal_width": 1}]}',
        b"[" * 100_000,
    ],
)
def test_what_cannot_be_read(vertex: Service, body: bytes) -> None:
    refused(score(vertex, body), 400, "unreadable")


def test_a_media_type_that_is_not_taken(vertex: Service) -> None:
    refused(score(vertex, b"x", {"Content-Type": "text/plain"}), 415, "unsupported_media_type")


def test_several_models_and_no_default(service: Service) -> None:
    body = refused(score(service, {"instances": [GOOD]}), 400, "model_not_named")
    assert "breast_cancer, diabetes, digits, iris, students" in body["error"]


def test_a_default_that_is_not_there(
    trained: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("nobody")
    with serving(trained, folder, FEW, "--default-model=nobody") as running:
        refused(score(running, {"instances": [GOOD]}), 404, "model_not_found")


def test_ping(service: Service, vertex: Service) -> None:
    for path in ("/ping", "/v1/endpoints/7"):
        assert get(vertex.address, path).json() == {"ready": True}
    assert get(service.address, "/ping").status == 200
    assert post(service.address, "/ping", b"").status == 405
    refused(get(service.address, PATH), 405)


def test_the_routes_of_vertex_ai(vertex: Service, service: Service) -> None:
    path = "/v1/endpoints/7:predict"
    reply = post(vertex.address, path, {"instances": [GOOD], "parameters": {}})
    assert reply.json() == {"predictions": ["setosa"]}
    assert score(vertex, {"instances": [GOOD]}).body == reply.body
    refused(post(service.address, path, {"instances": [GOOD]}), 404, "not_found")


@pytest.mark.parametrize("count", [1, LARGE])
@pytest.mark.parametrize("key", ["parameters", "params"])
def test_parameters_ask_for_probabilities(
    vertex: Service, reference: Reference, key: str, count: int
) -> None:
    rows = draw(vertex.manifest("iris"), count, seed=78)
    expected = reference("iris", rows)
    answer = score(vertex, {"instances": rows, key: {"probabilities": True}}).json()
    assert answer["predictions"] == expected["predictions"]
    assert len(answer["probabilities"]) == count
    for got, wanted in zip(answer["probabilities"], expected["probabilities"], strict=True):
        assert agree(got, wanted)
    plain = score(vertex, {key: {"probabilities": False}, "instances": rows}).json()
    assert plain == {"predictions": expected["predictions"]}


def test_a_model_without_probabilities_says_so(students: Service) -> None:
    rows = draw(students.manifest("students"), 1, seed=79)
    body = {"instances": rows, "parameters": {"probabilities": True}}
    refused(score(students, body), 422, "no_probabilities")


def test_pictures_as_vertex_ai_sends_them(digits: Service, reference: Reference) -> None:
    encoded = [{"b64": b64encode(png(seed=seed)).decode()} for seed in range(4)]
    expected = reference("digits", encoded)
    named = {"instances": [{"image_bytes": one} for one in encoded]}
    assert score(digits, named).json() == {"predictions": expected["predictions"]}
    answer = score(digits, named | {"parameters": {"probabilities": True}}).json()
    assert answer["predictions"] == expected["predictions"]
    for got, wanted in zip(answer["probabilities"], expected["probabilities"], strict=True):
        assert agree(got, wanted)
    v1 = post(digits.address, "/v1/models/digits:predict", named)
    assert v1.json()["predictions"] == expected["predictions"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"instances": [{"image_bytes": "AAAA"}]}, "image_bytes"),
        ({"instances": [{"image_bytes": {"b64": "AAAA"}, "b64": "AAAA"}]}, "exactly one key"),
        ({"instances": [{"image_bytes": {}}]}, "missing"),
        ({"instances": [{}]}, "exactly one key"),
        ({"instances": [{"b64": "AAAA"}], "parameters": {"size": 3}}, "parameters.size is unknown"),
    ],
)
def test_pictures_that_are_none(digits: Service, body: dict[str, Any], words: str) -> None:
    assert words in refused(score(digits, body), 422, "schema_mismatch")["error"]
