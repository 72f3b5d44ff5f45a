"""Answers are what plain scikit-learn answers, in the form that the request had."""

import json
from typing import Any

import pytest

from tests.integration.rows import (
    CLASSIFIERS,
    STUDENT,
    TABLES,
    Reference,
    as_columns,
    as_objects,
    draw,
)
from tests.integration.server import Service
from tests.integration.wire import Reply, post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

TOLERANCE = 1e-12


def agree(got: list[Any], expected: list[Any]) -> bool:
    """Return whether labels are equal, with their types, and numbers within the tolerance."""
    if len(got) != len(expected):
        return False
    return all(
        abs(one - other) <= TOLERANCE if isinstance(other, float) else _same(one, other)
        for one, other in zip(got, expected, strict=True)
    )


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def predict(service: Service, model: str, body: Any, query: str = "") -> Reply:
    reply = post(service.address, f"/v1/models/{model}:predict{query}", body)
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "application/json"
    return reply


@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize("form", ["lists", "objects", "mixed"])
def test_instances(service: Service, reference: Reference, model: str, form: str) -> None:
    manifest = service.manifest(model)
    rows = draw(manifest, 7, seed=1, nulls=0.3)
    objects = as_objects(manifest, rows)
    mixed = [objects[i] if i % 2 else rows[i] for i in range(len(rows))]
    body = {"instances": {"lists": rows, "objects": objects, "mixed": mixed}[form]}
    answer = predict(service, model, body).json()
    assert list(answer) == ["model", "version", "predictions"]
    assert (answer["model"], answer["version"]) == (model, 1)
    assert agree(answer["predictions"], reference(model, rows)["predictions"])


@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize("named", [True, False])
def test_single_instance(service: Service, reference: Reference, model: str, named: bool) -> None:
    manifest = service.manifest(model)
    rows = draw(manifest, 5, seed=2, nulls=0.3)
    for row, one in zip(rows, as_objects(manifest, rows), strict=True):
        answer = predict(service, model, {"instance": one if named else row}).json()
        assert list(answer) == ["model", "version", "prediction"]
        assert agree([answer["prediction"]], reference(model, [row])["predictions"])


@pytest.mark.parametrize("model", TABLES)
def test_columns(service: Service, reference: Reference, model: str) -> None:
    manifest = service.manifest(model)
    rows = draw(manifest, 9, seed=3, nulls=0.3)
    answer = predict(service, model, {"inputs": as_columns(manifest, rows)}).json()
    assert list(answer) == ["model", "version", "outputs"]
    assert agree(answer["outputs"], reference(model, rows)["predictions"])


@pytest.mark.parametrize("model", CLASSIFIERS)
@pytest.mark.parametrize("key", ["instances", "inputs"])
def test_probabilities(service: Service, reference: Reference, model: str, key: str) -> None:
    manifest = service.manifest(model)
    rows = draw(manifest, 6, seed=4)
    given = {"instances": rows, "inputs": as_columns(manifest, rows)}[key]
    answer = predict(service, model, {key: given}, "?probabilities=true").json()
    answers = {"instances": "predictions", "inputs": "outputs"}[key]
    assert list(answer) == ["model", "version", answers, "classes", "probabilities"]
    assert answer["classes"] == manifest["output"]["classes"]
    expected = reference(model, rows)
    assert answer[answers] == expected["predictions"]
    for got, wanted in zip(answer["probabilities"], expected["probabilities"], strict=True):
        assert agree(got, wanted)


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_probabilities_of_one_instance_are_flat(
    service: Service, reference: Reference, model: str
) -> None:
    (row,) = draw(service.manifest(model), 1, seed=5)
    answer = predict(service, model, {"instance": row}, "?probabilities=true").json()
    assert list(answer) == ["model", "version", "prediction", "classes", "probabilities"]
    assert agree(answer["probabilities"], reference(model, [row])["probabilities"][0])


@pytest.mark.parametrize("query", ["", "?probabilities=false", "?probabilities=0", "?"])
def test_probabilities_are_left_out_unless_asked_for(service: Service, query: str) -> None:
    answer = predict(service, "iris", {"instance": [5.1, 3.5, 1.4, 0.2]}, query).json()
    assert answer == {"model": "iris", "version": 1, "prediction": "setosa"}


def test_the_answer_to_the_byte(service: Service) -> None:
    reply = predict(service, "iris", {"instances": [[5.1, 3.5, 1.4, 0.2]]})
    assert reply.body == b'{"model":"iris","version":1,"predictions":["setosa"]}'


@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize("place", ["versions/1", "labels/production"])
def test_paths_that_name_a_version(service: Service, model: str, place: str) -> None:
    body = {"instances": draw(service.manifest(model), 3, seed=6)}
    named = post(service.address, f"/v1/models/{model}/{place}:predict", body)
    assert named.status == 200
    assert named.body == predict(service, model, body).body


@pytest.mark.parametrize("count", [1000, 5000])
@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize("key", ["instances", "inputs"])
def test_many_rows(
    service: Service, reference: Reference, model: str, count: int, key: str
) -> None:
    manifest = service.manifest(model)
    rows = draw(manifest, count, seed=7, nulls=0.2)
    given = {"instances": rows, "inputs": as_columns(manifest, rows)}[key]
    query = "?probabilities=true" if model in CLASSIFIERS else ""
    reply = predict(service, model, {key: given}, query)
    answer, expected = reply.json(), reference(model, rows)
    assert agree(
        answer["predictions" if key == "instances" else "outputs"], expected["predictions"]
    )
    for got, wanted in zip(
        answer.get("probabilities", ()), expected["probabilities"] or (), strict=True
    ):
        assert agree(got, wanted)


@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize("form", ["instance", "instances", "objects", "inputs"])
def test_a_body_read_by_a_worker_is_answered_to_the_byte_like_a_small_one(
    service: Service, model: str, form: str
) -> None:
    manifest = service.manifest(model)
    rows = draw(manifest, 3, seed=8, nulls=0.3)
    bodies: dict[str, dict[str, Any]] = {
        "instance": {"instance": rows[0]},
        "instances": {"instances": rows},
        "objects": {"instances": as_objects(manifest, rows)},
        "inputs": {"inputs": as_columns(manifest, rows)},
    }
    small = predict(service, model, bodies[form])
    padding = " " * (1 << 15)
    large = predict(service, model, padding.encode() + _dumped(bodies[form]))
    assert large.body == small.body


def _dumped(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (1, None),
        (2, None),
        (5, None),
        (0, 17.0),
        (1, 4),
        (4, "MS"),
        (5, "other"),
        (6, "none"),
        (6, "higher"),
        (7, False),
    ],
)
def test_cells_of_students(
    service: Service, reference: Reference, column: int, value: object
) -> None:
    usual = list(STUDENT.values())
    row = [*usual[:column], value, *usual[column + 1 :]]
    expected = reference("students", [row, usual])["predictions"]
    answer = predict(service, "students", {"instances": [row, usual]}).json()
    assert agree(answer["predictions"], expected)


def test_a_null_is_not_what_a_number_is(service: Service) -> None:
    body = {"instances": [STUDENT, STUDENT | {"absences": None}]}
    known, missing = predict(service, "students", body).json()["predictions"]
    assert known != missing
