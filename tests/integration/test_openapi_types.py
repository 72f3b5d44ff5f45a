"""The types on the API's page: requests and answers fit them, and refused requests do not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.json_schema import Schema, problems, resolve
from tests.integration.openapi_page import (
    IRIS,
    MODELS,
    ROW,
    answer_schema,
    instance_schemas,
    operation,
    request_schema,
)
from tests.integration.rows import TABLES, as_columns, as_objects, columns, draw
from tests.integration.server import FEW, Service, serving
from tests.integration.wire import Address, get, post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def scoring(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Give the address of a service whose paths without a name mean iris."""
    folder = tmp_path_factory.mktemp("scoring")
    with serving(trained, folder, FEW, "--default-model=iris") as running:
        yield running.address


@pytest.mark.parametrize("model", MODELS)
def test_the_example_works_as_it_stands(address: Address, document: Schema, model: str) -> None:
    path = f"/v1/models/{model}:predict"
    content = operation(document, path)["requestBody"]["content"]["application/json"]
    assert problems(content["example"], content["schema"], document) == []
    reply = post(address, path, content["example"])
    assert reply.status == 200
    assert problems(reply.json(), answer_schema(document, path, 200), document) == []


@pytest.mark.parametrize("model", TABLES)
def test_request_types_are_the_manifests(service: Service, document: Schema, model: str) -> None:
    schema = request_schema(document, f"/v1/models/{model}:predict")
    wanted = columns(service.manifest(model))
    names = [column["name"] for column in wanted]
    named, listed = instance_schemas(schema, document)
    assert named["required"] == names
    assert list(named["properties"]) == names
    assert named["additionalProperties"] is False
    assert (listed["minItems"], listed["maxItems"]) == (len(names), len(names))
    given = resolve(schema["properties"]["inputs"]["$ref"], document)
    assert given["required"] == names
    in_columns = [given["properties"][name]["items"] for name in names]
    for cells in (list(named["properties"].values()), listed["prefixItems"], in_columns):
        for cell, column in zip(cells, wanted, strict=True):
            check_cell(cell, column)


def check_cell(cell: Schema, column: dict[str, Any]) -> None:
    kinds = cell.get("anyOf", [cell])
    assert ({"type": "null"} in kinds) == column["nullable"]
    (kind,) = [one for one in kinds if one != {"type": "null"}]
    if column["policy"]["unknown"] == "reject":
        assert kind["enum"] == column["categories"]
    named = {"bool": "boolean", "string": "string", "int64": "integer", "float64": "number"}
    assert kind["type"] == named[column["dtype"]]


def all_forms(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    rows = draw(manifest, 3, seed=21, nulls=0.5)
    objects = as_objects(manifest, rows)
    return [
        {"instance": rows[0]},
        {"instance": objects[0]},
        {"instances": [rows[0], objects[1]]},
        {"inputs": as_columns(manifest, rows)},
    ]


@pytest.mark.parametrize("query", ["", "?probabilities=true"])
@pytest.mark.parametrize("model", TABLES)
def test_requests_and_answers_fit_their_types(
    service: Service, document: Schema, model: str, query: str
) -> None:
    manifest = service.manifest(model)
    path = f"/v1/models/{model}:predict"
    status = 200 if manifest["output"]["probabilities"] or not query else 422
    for body in all_forms(manifest):
        assert problems(body, request_schema(document, path), document) == []
        reply = post(service.address, path + query, body)
        assert reply.status == status
        assert problems(reply.json(), answer_schema(document, path, status), document) == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/models/iris:predict", b"no", 400),
        ("/v1/models/iris:predict", b"{}", 422),
        ("/v1/models/iris:predict", b'{"instance":[1,2,3]}', 422),
        ("/v1/models/students:predict", b'{"instances":[{},{}]}', 422),
        ("/v1/models/digits:predict", b'{"instance":{"b64":"AAAA"}}', 422),
    ],
)
def test_refusals_fit_their_type(
    address: Address, document: Schema, path: str, body: bytes, status: int
) -> None:
    reply = post(address, path, body)
    assert reply.status == status
    assert problems(reply.json(), answer_schema(document, path, status), document) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"instances": []},
        {"instance": [1.0, 2.0, 3.0]},
        {"instance": [1.0, 2.0, 3.0, None]},
        {"instance": [1.0, 2.0, 3.0, "4"]},
        {"instance": [1.0, 2.0, 3.0, 1e39]},
        {"rows": [[1.0, 2.0, 3.0, 4.0]]},
    ],
)
def test_the_document_refuses_what_the_service_refuses(
    address: Address, document: Schema, body: dict[str, Any]
) -> None:
    path = "/v1/models/iris:predict"
    assert post(address, path, body).status == 422
    schema = request_schema(document, path)
    # "Exactly one of three keys" is told in words only.
    assert problems(body, schema, document) or body == {}


def test_versions_of_one_model_have_types_of_their_own(
    strict: Service, strict_document: Schema
) -> None:
    for version, model in ((1, "iris"), (2, "breast_cancer")):
        path = f"/v1/models/iris/versions/{version}:predict"
        names = [column["name"] for column in columns(strict.manifest(model))]
        named, _ = instance_schemas(request_schema(strict_document, path), strict_document)
        assert named["required"] == names
        content = operation(strict_document, path)["requestBody"]["content"]["application/json"]
        reply = post(strict.address, path, content["example"])
        assert reply.status == 200
        schema = answer_schema(strict_document, path, 200)
        assert problems(reply.json(), schema, strict_document) == []


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        ({"instances": [ROW]}, True),
        ({"instances": [dict(zip(IRIS, ROW, strict=True))], "params": None}, True),
        ({"inputs": {name: [1.0] for name in IRIS}}, True),
        ({"dataframe_split": {"data": [ROW]}, "parameters": {"probabilities": True}}, True),
        ({"dataframe_records": [dict(zip(IRIS, ROW, strict=True))]}, True),
        ({}, False),
        ({"instances": [ROW], "inputs": [ROW]}, False),
        ({"instances": [ROW], "more": 1}, False),
        ({"instances": [ROW], "params": {"more": 1}}, False),
        ({"dataframe_split": {"data": [ROW], "more": 1}}, False),
        ({"dataframe_records": [ROW]}, False),
        ({"instances": []}, False),
    ],
)
def test_scoring_takes_what_the_page_says(
    scoring: Address, body: dict[str, Any], fits: bool
) -> None:
    page = get(scoring, "/openapi.json").json()
    content = operation(page, "/invocations")["requestBody"]["content"]["application/json"]
    assert problems(content["example"], content["schema"], page) == []
    assert (problems(body, content["schema"], page) == []) is fits
    assert (post(scoring, "/invocations", body).status == 200) is fits


def test_answers_in_part_fit_their_type(address: Address, document: Schema) -> None:
    path = "/v1/models/iris:predict"
    asked = {one["name"] for one in operation(document, path)["parameters"]}
    assert asked == {"probabilities", "partial"}
    for body in (
        {"instances": [ROW, [1]]},
        {"instance": [1]},
        {"inputs": dict(zip(IRIS, [[1.0], [None], [1.0], [1.0]], strict=True))},
    ):
        reply = post(address, path + "?partial=true&probabilities=true", body)
        assert reply.status == 200
        assert reply.json()["errors"]
        assert problems(reply.json(), answer_schema(document, path, 200), document) == []
