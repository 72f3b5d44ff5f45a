"""Hostile bodies get a refusal of the right kind, tell nothing, and harm nobody."""

import json
from typing import Any

import pytest

from tests.integration.corpus import CELLS, EACH, GOOD, INSTANCES, NAMED, Fault
from tests.integration.refusals import refused
from tests.integration.rows import STUDENT, TABLES, columns
from tests.integration.server import Service
from tests.integration.wire import JSON, Address, Connection, post

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("same_workers"),
]

PATH = "/v1/models/iris:predict"
LARGE_BYTES = 1 << 15
RIGHT = {"model": "iris", "version": 1, "prediction": "setosa"}


def answers(address: Address) -> bool:
    reply = post(address, PATH, b'{"instance":%s}' % GOOD)
    return reply.status == 200 and reply.json() == RIGHT


@pytest.mark.parametrize("fault", EACH)
def test_a_small_body(address: Address, fault: Fault) -> None:
    assert len(fault.body) < 1 << 14
    refused(post(address, PATH, fault.body), fault.status, fault.code)
    assert answers(address)


@pytest.mark.parametrize("fault", EACH)
def test_the_same_body_made_large_is_refused_alike(address: Address, fault: Fault) -> None:
    small = post(address, PATH, fault.body).json()
    padded = b" " * LARGE_BYTES + fault.body
    large = refused(post(address, PATH, padded), fault.status, fault.code)
    assert large["details"] == small["details"]
    assert answers(address)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("instance", INSTANCES.values(), ids=INSTANCES)
def test_one_bad_instance_among_a_thousand(address: Address, instance: bytes, first: bool) -> None:
    rows = [GOOD] * 1500
    place = 0 if first else 1234
    rows[place] = instance
    body = b'{"instances":[%s]}' % b",".join(rows)
    told = refused(post(address, PATH, body), 422, "schema_mismatch")
    assert told["details"]
    assert all(detail["loc"][:2] == ["instances", place] for detail in told["details"])


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_one_bad_cell_among_thousands_is_named(address: Address, cell: bytes) -> None:
    rows = [NAMED] * 400
    rows[300] = NAMED.replace(b"1.4", cell)
    body = b'{"instances":[%s]}' % b",".join(rows)
    told = refused(post(address, PATH, body), 422, "schema_mismatch")
    assert told["details"][0]["loc"] == ["instances", 300, "petal_length"]


@pytest.mark.parametrize("padding", [b"", b" " * LARGE_BYTES], ids=["small", "large"])
def test_a_body_cut_at_every_byte(address: Address, padding: bytes) -> None:
    body = b'{"instances":[%s,%s]}' % (GOOD, NAMED)
    with Connection(address) as connection:
        for end in range(len(body)):
            reply = connection.ask("POST", PATH, padding + body[:end], JSON)
            refused(reply, 400, "unreadable")
        assert connection.ask("POST", PATH, padding + body, JSON).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b'{"instances":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
        (b'{"instance":{"sepal_length":' + b"[" * 100_000, 400),
        (b'{"instance":[' + b"9" * 1_000_000 + b",1,1,1]}", 400),
        (b'{"instance":[1.' + b"9" * 1_000_000 + b"e400,1,1,1]}", 422),
        (b'{"instance":["' + b"x" * 10_000_000 + b'",1,1,1]}', 422),
        (b'{"' + b"k" * 10_000_000 + b'":1}', 422),
        (b'{"instance":{"' + b"k" * 1_000_000 + b'":1}}', 422),
        (b"{" + b",".join(b'"k%d":1' % i for i in range(1_000_000)) + b"}", 422),
        (b'{"instance":{' + b",".join(b'"k%d":1' % i for i in range(1_000_000)) + b"}}", 422),
        (b'{"instances":[' + b",".join([b"{}"] * 90_000) + b"]}", 422),
        (b'{"inputs":{"sepal_length":[' + b",".join([b"{}"] * 90_000) + b"]}}", 422),
    ],
    ids=[
        "lists", "instances of lists", "objects", "lists that never end", "digits", "decimals",
        "text", "key", "column", "a million keys", "a million columns", "instances", "cells",
    ],
)  # fmt: skip
def test_a_very_large_fault(address: Address, body: bytes, status: int) -> None:
    refused(post(address, PATH, body), status)
    assert answers(address)


def test_too_many_rows(address: Address) -> None:
    body = b'{"instances":[%s]}' % b",".join([b"[1,1,1,1]"] * 200_000)
    told = refused(post(address, PATH, body), 413, "too_large")
    assert "100000" in told["error"]


def test_too_many_rows_in_columns(address: Address) -> None:
    column = b"[%s]" % b",".join([b"1"] * 100_001)
    body = b'{"inputs":{"sepal_length":%s,"sepal_width":%s,"petal_length":%s,"petal_width":%s}}'
    refused(post(address, PATH, body % (column, column, column, column)), 413, "too_large")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("age", None),
        ("age", 17.5),
        ("age", 2**63),
        ("age", -(2**63) - 1),
        ("age", 1e300),
        ("age", True),
        ("age", "17"),
        ("study_hours", "4.5"),
        ("study_hours", False),
        ("school", None),
        ("school", 1),
        ("guardian", True),
        ("mother_education", "uncle"),
        ("mother_education", ""),
        ("mother_education", "None"),
        ("mother_education", "a\x00b"),
        ("internet", None),
        ("internet", 1),
        ("internet", "true"),
    ],
)
@pytest.mark.parametrize("padding", [b"", b" " * LARGE_BYTES], ids=["small", "large"])
def test_a_value_that_students_cannot_have(
    address: Address, column: str, value: Any, padding: bytes
) -> None:
    body = json.dumps({"instances": [STUDENT, STUDENT | {column: value}]}).encode()
    reply = post(address, "/v1/models/students:predict", padding + body)
    told = refused(reply, 422, "schema_mismatch")
    assert [detail["loc"] for detail in told["details"]] == [["instances", 1, column]]


EXTREMES = {
    "largest": 3.4e38,
    "smallest": -3.4e38,
    "tiny": 5e-324,
    "minus tiny": -5e-324,
    "minus zero": -0.0,
    "large": 1e30,
}


def extreme_row(service: Service, model: str, value: float) -> list[Any]:
    """Return a row of the model with `value` wherever a float can stand."""
    return [
        value if column["dtype"].startswith("float") else column["example"]
        for column in columns(service.manifest(model))
    ]


@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize("value", EXTREMES.values(), ids=EXTREMES)
def test_extreme_numbers(service: Service, model: str, value: float) -> None:
    row = extreme_row(service, model, value)
    mirrored = [-cell if isinstance(cell, float) and i % 2 else cell for i, cell in enumerate(row)]
    body = {"instances": [row, mirrored]}
    reply = post(service.address, f"/v1/models/{model}:predict", body)
    assert reply.status == 200, reply.body
    assert len(reply.json()["predictions"]) == 2


@pytest.mark.parametrize("age", [2**63 - 1, -(2**63), 0])
def test_extreme_integers(address: Address, age: int) -> None:
    body = {"instance": STUDENT | {"age": age}}
    assert post(address, "/v1/models/students:predict", body).status == 200
