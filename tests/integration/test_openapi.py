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
from tests.integration.openapi_page import (
    ARROW,
    IRIS,
    MODELS,
    ROW,
    all_operations,
    answer_schema,
    operation,
)
from tests.integration.server import FEW, serving
from tests.integration.wire import Address, get, post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


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


def test_raw_pictures_stand_in_the_document(address: Address, document: Schema) -> None:
    path = "/v1/models/digits:predict"
    content = operation(document, path)["requestBody"]["content"]
    assert set(content) == {"application/json", "image/png", "image/jpeg"}
    for kind, data in (("image/png", pictures.png()), ("image/jpeg", pictures.jpeg())):
        reply = post(address, path, data, {"Content-Type": kind})
        assert reply.status == 200
        assert problems(reply.json(), answer_schema(document, path, 200), document) == []


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
