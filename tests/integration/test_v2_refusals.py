"""What V2 refuses: each refusal is one sentence that says what is wrong."""

import json
from typing import Any

import pytest

from tests.conformance.tensors import Tensor, binary_ask
from tests.integration.rows import columns, draw
from tests.integration.server import Service
from tests.integration.v2_wire import NAN, SETOSA, error_of, infer, send, tensors_of
from tests.integration.wire import get, post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.mark.parametrize("value", [NAN, float("inf"), -float("inf"), 1e39])
@pytest.mark.parametrize("binary", [False, True])
def test_numbers_that_the_column_cannot_hold(service: Service, value: float, binary: bool) -> None:
    tensor = Tensor("x", "FP64", (2, 4), [*SETOSA, *SETOSA[:3], value])
    if binary:
        reply = send(service, binary_ask("/v2/models/iris/infer", [tensor]))
    else:
        reply = infer(service, "iris", {"inputs": [tensor.as_json()]})
    name = columns(service.manifest("iris"))[3]["name"]
    assert f"Row 1, column {name}" in error_of(reply, 400)


@pytest.mark.parametrize("binary", [False, True])
def test_a_category_that_nobody_knows_is_refused_by_name(service: Service, binary: bool) -> None:
    manifest = service.manifest("students")
    tensors = tensors_of(manifest, draw(manifest, 3, seed=7))
    place = [one.name for one in tensors].index("mother_education")
    tensors[place] = tensors[place]._replace(values=[b"none", b"higher", b"Doktor"])
    if binary:
        reply = send(service, binary_ask("/v2/models/students/infer", tensors))
    else:
        reply = infer(service, "students", {"inputs": [one.as_json() for one in tensors]})
    text = error_of(reply, 400)
    assert "Row 2, column mother_education" in text
    assert "'secondary'" in text


def spoiled(**change: Any) -> dict[str, Any]:
    said = {"name": "x", "datatype": "FP64", "shape": [1, 4], "data": SETOSA}
    return {"inputs": [said | change]}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (spoiled(shape=[1, 3], data=SETOSA[:3]), "has 3 columns; the model has 4"),
        (spoiled(shape=[2, 4]), "has 4 values"),
        (spoiled(shape=[4]), "is missing"),
        (spoiled(shape=[1, 4.0]), "inputs.0.shape.1"),
        (spoiled(shape=[1] * 9), "inputs.0.shape"),
        (spoiled(shape=[10**300, 4]), "inputs.0.shape.0"),
        (spoiled(shape=[0, 4], data=[]), "no rows"),
        (spoiled(data=[[5.1, 3.5], [1.4, 0.2]]), "nested otherwise"),
        (spoiled(data=[[[5.1, 3.5, 1.4, 0.2]]]), "nested otherwise"),
        (spoiled(data=[5.1, 3.5, 1.4, [0.2]]), "holds a list"),
        (spoiled(data=[5.1, 3.5, 1.4, {"a": 1}]), "holds an object"),
        (spoiled(data=[5.1, 3.5, 1.4, True]), "holds a boolean"),
        (spoiled(data=[5.1, 3.5, 1.4, None]), "Row 0, column"),
        (spoiled(data=[5.1, 3.5, 1.4, 10**400]), "Row 0, column"),
        (spoiled(datatype="FP16"), "FP16"),
        (spoiled(datatype="BF16"), "inputs.0.datatype"),
        (spoiled(parameters={"binary_data_size": 32}), "binary_data_size"),
        (spoiled(parameters={"binary_data_size": True}), "binary_data_size"),
        (spoiled(parameters={"binary_data_size": 0}), "one too many"),
        (spoiled(name="n" * 100_000, shape=[1, 3]), "'nnn"),
        ({"inputs": spoiled()["inputs"] * 2}, "same name"),
        ({"inputs": [], "id": "x" * 2000}, "id"),
        (spoiled() | {"outputs": [{"name": "p" * 100_000}]}, "it has predict"),
        (spoiled() | {"outputs": [{"name": "predict", "parameters": {"binary_data": 1}}]}, "true"),
        (spoiled() | {"parameters": {"binary_data_output": "yes"}}, "true or false"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(service: Service, request_: Any, words: str) -> None:
    text = error_of(infer(service, "iris", request_), 400)
    assert words in text
    assert len(text) < 1000


def test_a_key_that_stands_twice(service: Service) -> None:
    body = json.dumps(spoiled()).encode().replace(b'{"inputs"', b'{"id": "a", "id": "b", "inputs"')
    assert "'id' stands twice" in error_of(infer(service, "iris", body), 400)


def test_texts_with_colons_and_unknown_keys_are_no_keys_twice(service: Service) -> None:
    request = spoiled() | {"id": "a:b:c", "more": {"a": {"b": ["c:d"]}}}
    assert infer(service, "iris", request).json()["id"] == "a:b:c"


def test_null_is_as_good_as_nothing(service: Service) -> None:
    request = spoiled(parameters=None) | {"id": None, "parameters": None, "outputs": None}
    reply = infer(service, "iris", request)
    assert reply.status == 200
    assert "id" not in reply.json()


def test_too_many_rows_and_too_many_bytes(strict: Service) -> None:
    rows = Tensor("x", "FP64", (51, 4), SETOSA * 51)
    reply = infer(strict, "iris", {"inputs": [rows.as_json()]})
    assert "50 rows" in error_of(reply, 413)
    assert "bytes" in error_of(infer(strict, "iris", b" " * 100_001), 413)


def test_text_that_is_not_utf_8(service: Service) -> None:
    manifest = service.manifest("students")
    tensors = tensors_of(manifest, draw(manifest, 1, seed=10))
    place = [one.name for one in tensors].index("school")
    tensors[place] = tensors[place]._replace(values=[b"\xff"])
    reply = send(service, binary_ask("/v2/models/students/infer", tensors))
    assert "not UTF-8" in error_of(reply, 400)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/models/tulip", 404), ("/v2/models/iris/versions/9", 404),
        ("/v2/models/iris/versions/x", 404), ("/v2/models/iris/versions/1/tulip", 404),
        ("/v2/models/iris/infer", 405), ("/v2/repository/index", 405), ("/v2/tulip", 404),
        ("/v2/repository/models/iris/load", 404),
    ],
)  # fmt: skip
def test_paths(service: Service, path: str, status: int) -> None:
    error_of(get(service.address, path), status)


def test_without_a_token_nothing_can_be_loaded(service: Service) -> None:
    for what in ("load", "unload"):
        error_of(post(service.address, f"/v2/repository/models/iris/{what}", b""), 404)


def test_refusals_of_compressed_bodies_have_the_protocols_form(service: Service) -> None:
    for coding, word in (("br", "gzip or deflate"), ("gzip", "cut off")):
        headers = {"Content-Encoding": coding}
        reply = post(service.address, "/v2/models/iris/infer", b"\x1f\x8b", headers)
        assert word in error_of(reply, 400)


def test_the_same_version_answers_by_its_number(strict: Service) -> None:
    """iris 2 is another model, which carries an alias that is served; iris 3 is not served."""
    described = get(strict.address, "/v2/models/iris").json()
    assert described["versions"] == ["1", "2"]
    assert get(strict.address, "/v2/models/iris/versions/2").json()["inputs"] != described["inputs"]
    error_of(get(strict.address, "/v2/models/iris/versions/3"), 404)
    index = post(strict.address, "/v2/repository/index", b"").json()
    states = {one["version"]: one["state"] for one in index if one["name"] == "iris"}
    assert states == {"1": "READY", "2": "READY", "3": "UNAVAILABLE"}
    ready = post(strict.address, "/v2/repository/index", {"ready": True}).json()
    assert {one["state"] for one in ready} == {"READY"}
