"""Models that somebody else fitted: every kind of column, label and answer."""

import json
import math
from typing import Any

import pytest

from tests.integration.refusals import refused
from tests.integration.rows import Reference, as_columns, as_objects, columns, draw
from tests.integration.server import Service
from tests.integration.wire import post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

MODELS = ("mixed", "pair", "truth")
TOLERANCE = 1e-12
LARGE = b" " * (1 << 15)


def flat(values: Any) -> list[Any]:
    return [one for value in values for one in (value if isinstance(value, list) else [value])]


def agree(got: list[Any], expected: list[Any]) -> bool:
    pairs = list(zip(flat(got), flat(expected), strict=True))
    return len(got) == len(expected) and all(
        type(one) is type(other)
        and (abs(one - other) <= TOLERANCE if isinstance(other, float) else one == other)
        for one, other in pairs
    )


@pytest.mark.parametrize("padding", [b"", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("form", ["lists", "objects", "columns"])
@pytest.mark.parametrize("model", MODELS)
def test_answers(
    strict: Service, strange_reference: Reference, model: str, form: str, padding: bytes
) -> None:
    manifest = strict.manifest(model)
    rows = draw(manifest, 40, seed=51, nulls=0.4)
    bodies: dict[str, dict[str, Any]] = {
        "lists": {"instances": rows},
        "objects": {"instances": as_objects(manifest, rows)},
        "columns": {"inputs": as_columns(manifest, rows)},
    }
    chances = manifest["output"]["probabilities"]
    query = "?probabilities=true" if chances else ""
    data = padding + json.dumps(bodies[form]).encode()
    reply = post(strict.address, f"/v1/models/{model}:predict{query}", data)
    assert reply.status == 200, reply.body
    answer, expected = reply.json(), strange_reference(model, rows)
    assert agree(answer["outputs" if form == "columns" else "predictions"], expected["predictions"])
    if chances:
        assert agree(answer["probabilities"], expected["probabilities"])
        assert answer["classes"] == manifest["output"]["classes"]


@pytest.mark.parametrize("model", MODELS)
def test_one_instance(strict: Service, strange_reference: Reference, model: str) -> None:
    for row in draw(strict.manifest(model), 10, seed=52, nulls=0.4):
        reply = post(strict.address, f"/v1/models/{model}:predict", {"instance": row})
        assert reply.status == 200, reply.body
        prediction = reply.json()["prediction"]
        assert agree([prediction], strange_reference(model, [row])["predictions"])


def test_the_schema_of_mixed_columns(strict: Service) -> None:
    told = {column["name"]: column for column in columns(strict.manifest("mixed"))}
    dtypes = {name: column["dtype"] for name, column in told.items()}
    assert dtypes == {
        "single": "float32",
        "tiny": "int8",
        "port": "uint16",
        "holes": "float64",
        "size": "string",
        "floor": "int64",
        "colour": "string",
        "flag": "bool",
    }
    assert {name for name, column in told.items() if column["nullable"]} == {"holes", "colour"}
    assert told["size"]["categories"] == ["S", "M", "L"]
    assert told["floor"]["categories"] == [1, 2, 5]


MIXED = {
    "single": 0.5,
    "tiny": -128,
    "port": 65535,
    "holes": None,
    "size": "M",
    "floor": 5,
    "colour": None,
    "flag": True,
}


def predict_mixed(strict: Service, changes: dict[str, Any], padding: bytes = b"") -> Any:
    body = padding + json.dumps({"instance": MIXED | changes}).encode()
    return post(strict.address, "/v1/models/mixed:predict", body)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tiny": 127},
        {"tiny": 127.0},
        {"port": 0},
        {"holes": 3},
        {"holes": 0.5},
        {"holes": -0.0},
        {"single": 3.4e38},
        {"single": 1e-46},
        {"single": 0.1 + math.ulp(0.1)},
        {"colour": "rot"},
        {"size": "L"},
        {"floor": 1},
        {"floor": 2.0},
        {"flag": False},
    ],
)
def test_values_at_the_edge(
    strict: Service, strange_reference: Reference, changes: dict[str, Any]
) -> None:
    row = list((MIXED | changes).values())
    reply = predict_mixed(strict, changes)
    assert reply.status == 200, reply.body
    assert agree([reply.json()["prediction"]], strange_reference("mixed", [row])["predictions"])


@pytest.mark.parametrize("padding", [b"", LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    "changes",
    [
        {"tiny": 128},
        {"tiny": -129},
        {"tiny": 1.5},
        {"port": -1},
        {"port": 65536},
        {"holes": True},
        {"size": "XL"},
        {"size": None},
        {"floor": 3},
        {"floor": 1.5},
        {"floor": 1e300},
        {"floor": "1"},
        {"floor": True},
        {"colour": "grün"},
        {"colour": 1},
        {"flag": 0},
        {"flag": None},
        {"single": None},
        {"single": 3.5e38},
    ],
)
def test_values_beyond_it(strict: Service, changes: dict[str, Any], padding: bytes) -> None:
    told = refused(predict_mixed(strict, changes, padding), 422, "schema_mismatch")
    assert [detail["loc"] for detail in told["details"]] == [["instance", *changes]]
