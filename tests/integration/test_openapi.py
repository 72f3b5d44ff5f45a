"""The API's page: complete, true of what the service does, and from this origin alone."""

import io
import json
import re
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.integration import pictures
from tests.integration.json_schema import Schema, problems, resolve
from tests.integration.rows import TABLES, as_columns, as_objects, columns, draw
from tests.integration.server import FEW, Service, serving
from tests.integration.wire import Address, get, post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

MODELS = (*TABLES, "digits")
ARROW = "application/vnd.apache.arrow.stream"
IRIS = ("sepal_length", "sepal_width", "petal_length", "petal_width")
ROW = [5.1, 3.5, 1.4, 0.2]
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@pytest.fixture(scope="module")
def document(address: Address) -> Schema:
    page: Schema = get(address, "/openapi.json").json()
    return page


@pytest.fixture(scope="module")
def strict_document(strict: Service) -> Schema:
    page: Schema = get(strict.address, "/openapi.json").json()
    return page


@pytest.fixture(scope="module")
def scoring(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Give the address of a service whose paths without a name mean iris."""
    folder = tmp_path_factory.mktemp("scoring")
    with serving(trained, folder, FEW, "--default-model=iris") as running:
        yield running.address


def operation(document: Schema, path: str) -> Schema:
    found: Schema = document["paths"][path]["post"]
    return found


def request_schema(document: Schema, path: str) -> Schema:
    body: Schema = operation(document, path)["requestBody"]["content"]["application/json"]
    found: Schema = body["schema"]
    return resolve(found["$ref"], document) if "$ref" in found else found


def answer_schema(document: Schema, path: str, status: int) -> Schema:
    answer = operation(document, path)["responses"][str(status)]
    found: Schema = answer["content"]["application/json"]["schema"]
    return found


def all_operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, item in document["paths"].items():
        for method, found in item.items():
            assert method in METHODS
            yield path, method, found


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


@pytest.mark.parametrize("which", ["document", "strict_document"])
def test_the_document_is_openapi(which: str, request: pytest.FixtureRequest) -> None:
    document = request.getfixturevalue(which)
    assert re.fullmatch(r"3\.1\.\d", document["openapi"])
    assert document["info"]["title"]
    assert document["info"]["version"]
    ids = [found["operationId"] for _, _, found in all_operations(document)]
    assert len(ids) == len(set(ids))
    for path, _, found in all_operations(document):
        assert path.startswith("/")
        assert all(re.fullmatch(r"[1-5]\d\d", status) for status in found["responses"])
        assert all(answer["description"] for answer in found["responses"].values())
        named = set(re.findall(r"\{(\w+)\}", path))
        given = {one["name"] for one in found.get("parameters", ()) if one["in"] == "path"}
        assert given == named


@pytest.mark.parametrize("which", ["document", "strict_document"])
def test_every_reference_leads_somewhere(which: str, request: pytest.FixtureRequest) -> None:
    document = request.getfixturevalue(which)
    found = list(references(document))
    assert found
    for reference in found:
        assert resolve(reference, document)
    for name in document["components"]["schemas"]:
        assert re.fullmatch(r"[a-zA-Z0-9._-]+", name)
        assert f"#/components/schemas/{name}" in found


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_its_paths_and_its_tag(document: Schema, model: str) -> None:
    for path in (f"/v1/models/{model}:predict", f"/v1/models/{model}/versions/1:predict"):
        assert operation(document, path)["tags"] == [model]
    assert model in [tag["name"] for tag in document["tags"]]


def test_general_paths_are_there(document: Schema) -> None:
    paths = {"/v1/models", "/v1/models/{name}", "/health/live", "/health/ready", "/metrics"}
    assert paths <= document["paths"].keys()
    for path in paths:
        assert set(document["paths"][path]) == {"get"}


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


def instance_schemas(schema: Schema, document: Schema) -> tuple[Schema, Schema]:
    """Return the schemas of an instance as an object and as a list."""
    assert schema["properties"]["instances"]["items"] == {
        "anyOf": schema["properties"]["instance"]["anyOf"]
    }
    named, listed = schema["properties"]["instance"]["anyOf"]
    return resolve(named["$ref"], document), listed


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


def test_raw_pictures_stand_in_the_document(address: Address, document: Schema) -> None:
    path = "/v1/models/digits:predict"
    content = operation(document, path)["requestBody"]["content"]
    assert set(content) == {"application/json", "image/png", "image/jpeg"}
    for kind, data in (("image/png", pictures.png()), ("image/jpeg", pictures.jpeg())):
        reply = post(address, path, data, {"Content-Type": kind})
        assert reply.status == 200
        assert problems(reply.json(), answer_schema(document, path, 200), document) == []


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


def test_the_docs_page_asks_nobody_else(address: Address) -> None:
    page = get(address, "/docs")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    html = page.body.decode()
    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+", html)
    asked = re.findall(r"""(?:src|href)=["']([^"']+)["']""", html)
    asked += re.findall(r"""url: *["']([^"']+)["']""", html)
    assert len(asked) >= 4
    for target in asked:
        assert target.startswith("/")
        reply = get(address, target)
        assert reply.status == 200
        assert reply.body


def test_the_style_of_the_docs_page_asks_nobody_else(address: Address) -> None:
    style = get(address, "/docs/swagger-ui.css").body.decode()
    assert not re.findall(r"url\((?!data:|[\"']data:)[^)]*\)", style)
    assert "@import" not in style


def test_no_type_tells_of_the_inside(document: Schema) -> None:
    text = json.dumps(document)
    assert not re.search(r"/tmp|site-packages|Traceback|\.joblib", text)


def test_every_table_media_type_of_the_page_is_taken(address: Address, document: Schema) -> None:
    path = "/v1/models/iris:predict"
    content = operation(document, path)["requestBody"]["content"]
    assert set(content) == {
        "application/json", "text/csv", "application/x-npy", ARROW,
    }  # fmt: skip
    npy = io.BytesIO()
    np.save(npy, np.array([ROW]))
    arrow = io.BytesIO()
    table = pa.table({name: [value] for name, value in zip(IRIS, ROW, strict=True)})
    with pa.ipc.new_stream(arrow, table.schema) as writer:
        writer.write_table(table)
    bodies = {
        "text/csv": b"5.1,3.5,1.4,0.2\n",
        "application/x-npy": npy.getvalue(),
        ARROW: arrow.getvalue(),
    }
    answers = operation(document, path)["responses"]["200"]["content"]
    assert set(answers) == {"application/json", "text/csv", ARROW}
    for kind, body in bodies.items():
        for accept in answers:
            reply = post(address, path, body, {"Content-Type": kind, "Accept": accept})
            assert reply.status == 200, (kind, accept, reply.body)
            assert reply.headers["content-type"].startswith(accept)


def test_arrays_of_numbers_are_for_models_of_numbers(address: Address, document: Schema) -> None:
    content = operation(document, "/v1/models/students:predict")["requestBody"]["content"]
    assert set(content) == {"application/json", "text/csv", ARROW}


def test_a_path_takes_the_names_of_models(address: Address, document: Schema) -> None:
    names = sorted(one["name"] for one in get(address, "/v1/models").json()["models"])
    for path, _, found in all_operations(document):
        for parameter in found.get("parameters", ()):
            assert "anyOf" not in parameter["schema"]
            if parameter["name"] == "name":
                assert parameter["schema"]["enum"] == names, path


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


def test_platforms_and_v2_stand_in_the_document(address: Address, document: Schema) -> None:
    paths = document["paths"]
    assert "get" in paths["/ping"]
    assert "text/csv" in operation(document, "/invocations")["requestBody"]["content"]
    for path in ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/{name}"):
        assert get(address, path.replace("{name}", "iris")).status == 200
        assert "200" in paths[path]["get"]["responses"]
    path = "/v2/models/{name}/infer"
    said = {"inputs": [{"name": name, "shape": [1], "datatype": "FP64", "data": [value]}
                       for name, value in zip(IRIS, ROW, strict=True)]}  # fmt: skip
    for body, status in ((said, 200), ({"inputs": []}, 400)):
        reply = post(address, "/v2/models/iris/infer", body)
        assert reply.status == status
        assert problems(reply.json(), answer_schema(document, path, status), document) == []
    assert "415" not in operation(document, path)["responses"]
    assert "415" in operation(document, "/v1/models/iris:predict")["responses"]
    assert "securitySchemes" not in document["components"]


def test_where_keys_are_needed_the_document_says_so(trained: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(trained / "iris", store / "iris")
    (tmp_path / "keys").write_text(f"me:{sha256(b'secret').hexdigest()}\n")
    flags = [FEW, f"--api-keys-file={tmp_path / 'keys'}", "--admin-token=sesame"]
    with serving(store, tmp_path, *flags) as running:
        document = get(running.address, "/openapi.json").json()
        schemes = document["components"]["securitySchemes"]
        assert set(schemes) == {"key", "keyHeader", "adminToken"}
        for path, method, found in all_operations(document):
            target = path.replace("{name}", "iris").replace("{version}", "1")
            status = (
                post(running.address, target, b"{}")
                if method == "post"
                else get(running.address, target)
            ).status
            assert (status == 401) == ("401" in found["responses"]), path
            assert (status == 401) == bool(found.get("security")), path
        load = document["paths"]["/v2/repository/models/{name}/load"]["post"]
        assert load["security"] == [{"adminToken": []}]
        predict = document["paths"]["/v1/models/iris:predict"]["post"]
        assert predict["security"] == [{"key": []}, {"keyHeader": []}]
