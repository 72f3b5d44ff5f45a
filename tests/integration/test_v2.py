"""V2 over real sockets: its answers are what plain scikit-learn answers."""

import base64
import json
import struct
from typing import Any

import pytest

from tests.conformance.tensors import CODES, HEADER, Tensor, binary_ask, read_answer
from tests.conformance.transport import Ask
from tests.conformance.transport import Reply as Read
from tests.integration import pictures
from tests.integration.rows import CLASSIFIERS, TABLES, Manifest, Reference, columns, draw
from tests.integration.server import Service
from tests.integration.wire import Reply, get, post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

TOLERANCE = 1e-12
NAN = float("nan")
BINARY = {"parameters": {"binary_data_output": True}}
SETOSA = [5.1, 3.5, 1.4, 0.2]


def tensors_of(manifest: Manifest, rows: list[list[Any]]) -> list[Tensor]:
    """Return one tensor a column; a missing number is NaN, a missing text cannot be told."""
    found = []
    for i, column in enumerate(columns(manifest)):
        cells: list[Any] = [row[i] for row in rows]
        kind = column["dtype"]
        if kind == "string":
            cells, datatype = [cell.encode() for cell in cells], "BYTES"
        elif None in cells:
            cells, datatype = [NAN if cell is None else float(cell) for cell in cells], "FP64"
        else:
            datatype = {"bool": "BOOL", "float64": "FP64", "float32": "FP32"}.get(
                kind, kind.upper()
            )
        found.append(Tensor(column["name"], datatype, (len(rows),), cells))
    return found


def rows_of(manifest: Manifest, count: int, seed: int) -> list[list[Any]]:
    """Return rows in which numbers, but no texts, are missing."""
    rows = draw(manifest, count, seed, nulls=0.4)
    whole = draw(manifest, count, seed + 1000)
    texts = [column["dtype"] == "string" for column in columns(manifest)]
    return [
        [full if text else cell for cell, full, text in zip(row, fulls, texts, strict=True)]
        for row, fulls in zip(rows, whole, strict=True)
    ]


def send(service: Service, ask: Ask) -> Reply:
    assert ask.body is not None
    return post(service.address, ask.path, ask.body, ask.headers)


def infer(service: Service, model: str, body: Any, **headers: str) -> Reply:
    return post(service.address, f"/v2/models/{model}/infer", body, headers)


def outputs_of(reply: Reply) -> dict[str, Tensor]:
    assert reply.status == 200, reply.body
    return read_answer(Read(reply.status, reply.headers, reply.body))[1]


def labels(tensor: Tensor) -> list[Any]:
    return [one.decode() if isinstance(one, bytes) else one for one in tensor.values]


def agree(outputs: dict[str, Tensor], expected: dict[str, Any]) -> None:
    """Assert that labels are equal, and numbers within the tolerance."""
    for got, wanted in zip(labels(outputs["predict"]), expected["predictions"], strict=True):
        if isinstance(wanted, float):
            assert abs(got - wanted) <= TOLERANCE
        else:
            assert got == wanted
    if "predict_proba" in outputs:
        flat = [chance for row in expected["probabilities"] for chance in row]
        pairs = zip(outputs["predict_proba"].values, flat, strict=True)
        assert all(abs(got - wanted) <= TOLERANCE for got, wanted in pairs)
        assert outputs["predict_proba"].shape == (
            len(expected["predictions"]), len(expected["probabilities"][0]),
        )  # fmt: skip


def error_of(reply: Reply, status: int) -> str:
    """Return the sentence of a refusal, which is all that it says."""
    assert reply.status == status, reply.body
    said = reply.json()
    assert said.keys() == {"error"}
    text: str = said["error"]
    return text


@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize("binary", [False, True])
def test_a_tensor_for_each_column(
    service: Service, reference: Reference, model: str, binary: bool
) -> None:
    manifest = service.manifest(model)
    rows = rows_of(manifest, 9, seed=1)
    tensors = tensors_of(manifest, rows)
    if binary:
        reply = send(service, binary_ask(f"/v2/models/{model}/infer", tensors, BINARY))
        assert HEADER.lower() in reply.headers
    else:
        reply = infer(service, model, {"inputs": [one.as_json() for one in tensors]})
        assert reply.headers["content-type"] == "application/json"
    agree(outputs_of(reply), reference(model, rows))


@pytest.mark.parametrize("binary", [False, True])
def test_columns_of_every_kind(strict: Service, strange_reference: Reference, binary: bool) -> None:
    manifest = strict.manifest("mixed")
    rows = rows_of(manifest, 9, seed=11)
    tensors = tensors_of(manifest, rows)
    assert {"FP32", "INT8", "UINT16", "FP64", "BYTES", "BOOL"} <= {one.datatype for one in tensors}
    if binary:
        reply = send(strict, binary_ask("/v2/models/mixed/infer", tensors, BINARY))
    else:
        reply = infer(strict, "mixed", {"inputs": [one.as_json() for one in tensors]})
    outputs = outputs_of(reply)
    assert outputs["predict"].datatype == "INT64"
    agree(outputs, strange_reference("mixed", rows))


@pytest.mark.parametrize("binary", [False, True])
def test_two_values_a_row(strict: Service, strange_reference: Reference, binary: bool) -> None:
    rows: list[list[float | None]] = [[1.0, None, 3.0], [0.5, 0.25, None], [None, None, None]]
    flat = [NAN if cell is None else cell for row in rows for cell in row]
    tensor = Tensor("input", "FP64", (3, 3), flat)
    if binary:
        reply = send(strict, binary_ask("/v2/models/pair/infer", [tensor], BINARY))
    else:
        reply = infer(strict, "pair", {"inputs": [tensor.as_json()]})
    output = outputs_of(reply)["predict"]
    expected = [value for row in strange_reference("pair", rows)["predictions"] for value in row]
    assert output.shape == (3, 2)
    pairs = zip(output.values, expected, strict=True)
    assert all(abs(got - wanted) <= TOLERANCE for got, wanted in pairs)


def test_one_row_as_bytes_alone(strict: Service, strange_reference: Reference) -> None:
    raw = struct.pack("<2d", 0.5, -1.5)
    reply = post(strict.address, "/v2/models/truth/infer", raw, {HEADER: "0"})
    outputs = outputs_of(reply)
    assert outputs["predict"].datatype == "BOOL"
    agree(outputs, strange_reference("truth", [[0.5, -1.5]]))


@pytest.mark.parametrize("model", [*CLASSIFIERS, "diabetes"])
@pytest.mark.parametrize("datatype", ["FP64", "FP32", "FP16"])
def test_one_tensor_for_all_columns(
    service: Service, reference: Reference, model: str, datatype: str
) -> None:
    manifest = service.manifest(model)
    rows = draw(manifest, 5, seed=2)
    shape = (5, len(columns(manifest)))
    flat = [cell for row in rows for cell in row]
    tensor = as_it_arrives(Tensor("any name", datatype, shape, flat))
    rounded = [list(tensor.values[i : i + shape[1]]) for i in range(0, len(flat), shape[1])]
    reply = send(service, binary_ask(f"/v2/models/{model}/infer", [tensor]))
    agree(outputs_of(reply), reference(model, rounded))


def as_it_arrives(tensor: Tensor) -> Tensor:
    """Return a tensor with its values as far as its datatype holds them."""
    values = struct.unpack(f"<{len(tensor.values)}{CODES[tensor.datatype]}", tensor.to_bytes())
    return tensor._replace(values=values)


@pytest.mark.parametrize("nested", [False, True])
def test_one_tensor_in_json(service: Service, reference: Reference, nested: bool) -> None:
    rows = draw(service.manifest("iris"), 4, seed=3)
    tensor = Tensor("input-0", "FP32", (4, 4), [cell for row in rows for cell in row])
    said = tensor.as_nested_json() if nested else tensor.as_json()
    agree(outputs_of(infer(service, "iris", {"inputs": [said]})), reference("iris", rows))


@pytest.mark.parametrize("datatype", ["INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT64"])
def test_whole_numbers_of_every_width(
    service: Service, reference: Reference, datatype: str
) -> None:
    tensor = Tensor("x", datatype, (2, 4), [5, 3, 1, 0, 6, 3, 5, 2])
    expected = reference("iris", [[5, 3, 1, 0], [6, 3, 5, 2]])
    agree(outputs_of(send(service, binary_ask("/v2/models/iris/infer", [tensor]))), expected)
    agree(outputs_of(infer(service, "iris", {"inputs": [tensor.as_json()]})), expected)


def test_many_rows(service: Service, reference: Reference) -> None:
    rows = draw(service.manifest("breast_cancer"), 700, seed=4)
    tensor = Tensor("x", "FP64", (700, 30), [cell for row in rows for cell in row])
    reply = send(service, binary_ask("/v2/models/breast_cancer/infer", [tensor], BINARY))
    agree(outputs_of(reply), reference("breast_cancer", rows))


@pytest.mark.parametrize("binary", [False, True])
def test_pictures(service: Service, reference: Reference, binary: bool) -> None:
    files = [pictures.png(seed=seed) for seed in range(3)] + [pictures.jpeg()]
    tensor = Tensor("image", "BYTES", (4,), files, base64=True)
    if binary:
        reply = send(service, binary_ask("/v2/models/digits/infer", [tensor], BINARY))
    else:
        reply = infer(service, "digits", {"inputs": [tensor.as_json()]})
    instances = [{"b64": base64.b64encode(file).decode()} for file in files]
    agree(outputs_of(reply), reference("digits", instances))


def test_a_picture_as_bytes_alone(service: Service, reference: Reference) -> None:
    file = pictures.png(seed=9)
    headers = {HEADER: "0", "Content-Type": "application/octet-stream"}
    outputs = outputs_of(post(service.address, "/v2/models/digits/infer", file, headers))
    agree(outputs, reference("digits", [{"b64": base64.b64encode(file).decode()}]))


@pytest.mark.parametrize("datatype", ["FP64", "FP32"])
@pytest.mark.parametrize("binary", [False, True])
def test_nan_is_a_missing_number(
    service: Service, reference: Reference, datatype: str, binary: bool
) -> None:
    manifest = service.manifest("students")
    rows = draw(manifest, 2, seed=5)
    place = [column["name"] for column in columns(manifest)].index("study_hours")
    rows[0][place], rows[1][place] = None, 4.5
    tensors = tensors_of(manifest, rows)
    tensors[place] = tensors[place]._replace(datatype=datatype, shape=(2, 1))
    if binary:
        reply = send(service, binary_ask("/v2/models/students/infer", tensors))
    else:
        reply = infer(service, "students", {"inputs": [one.as_json() for one in tensors]})
    agree(outputs_of(reply), reference("students", rows))


def test_null_is_a_missing_cell(service: Service, reference: Reference) -> None:
    manifest = service.manifest("students")
    rows = draw(manifest, 3, seed=6, nulls=1.0)
    inputs = [
        {
            "name": column["name"],
            "datatype": {"string": "BYTES", "bool": "BOOL", "int64": "INT64"}.get(
                column["dtype"], "FP64"
            ),
            "shape": [3],
            "data": [row[i] for row in rows],
        }
        for i, column in enumerate(columns(manifest))
    ]
    assert any(None in one["data"] for one in inputs)
    agree(outputs_of(infer(service, "students", {"inputs": inputs})), reference("students", rows))


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


@pytest.mark.parametrize("priority", [0, 1, 2, 3, 1 << 40])
def test_priorities(service: Service, reference: Reference, priority: int) -> None:
    tensor = Tensor("x", "FP64", (1, 4), SETOSA)
    parameters = {"priority": priority, "timeout": 10_000_000}
    request = {"inputs": [tensor.as_json()], "parameters": parameters}
    agree(outputs_of(infer(service, "iris", request)), reference("iris", [SETOSA]))


@pytest.mark.parametrize("timeout", [0, 10**30])
def test_a_timeout_without_end_is_the_longest_that_is_allowed(
    service: Service, timeout: int
) -> None:
    tensor = Tensor("x", "FP64", (1, 4), SETOSA)
    request = {"inputs": [tensor.as_json()], "parameters": {"timeout": timeout}}
    assert infer(service, "iris", request).status == 200


def test_a_timeout_that_is_over_before_it_began(service: Service) -> None:
    tensor = Tensor("x", "FP64", (1, 4), SETOSA)
    request = {"inputs": [tensor.as_json()], "parameters": {"timeout": 1}}
    reply = infer(service, "iris", request)
    assert reply.status in {503, 504}
    error_of(reply, reply.status)


@pytest.mark.parametrize("name", ["priority", "timeout"])
@pytest.mark.parametrize("value", [-1, 1.5, "1", True, None, [1]])
def test_parameters_of_another_type(service: Service, name: str, value: Any) -> None:
    tensor = Tensor("x", "FP64", (1, 4), SETOSA)
    request = {"inputs": [tensor.as_json()], "parameters": {name: value}}
    assert name in error_of(infer(service, "iris", request), 400)


def test_the_best_classes_in_words(service: Service, reference: Reference) -> None:
    rows = draw(service.manifest("iris"), 3, seed=8)
    tensor = Tensor("x", "FP64", (3, 4), [cell for row in rows for cell in row])
    wanted = {"name": "predict_proba", "parameters": {"classification": 2}}
    request = {"inputs": [tensor.as_json()], "outputs": [wanted]}
    output = outputs_of(infer(service, "iris", request))["predict_proba"]
    assert (output.datatype, output.shape) == ("BYTES", (3, 2))
    names = service.manifest("iris")["output"]["classes"]
    words = [word.split(":") for word in labels(output)]
    for i, chances in enumerate(reference("iris", rows)["probabilities"]):
        best = sorted(range(3), key=lambda place: -chances[place])[:2]
        for (value, place, name), wanted_place in zip(words[2 * i : 2 * i + 2], best, strict=True):
            assert (int(place), name) == (wanted_place, names[wanted_place])
            assert abs(float(value) - chances[wanted_place]) <= TOLERANCE


@pytest.mark.parametrize("model", ["iris", "diabetes"])
def test_classes_of_what_is_no_row_of_classes(service: Service, model: str) -> None:
    manifest = service.manifest(model)
    row = draw(manifest, 1, seed=9)[0]
    tensor = Tensor("x", "FP64", (1, len(row)), row)
    wanted = {"name": "predict", "parameters": {"classification": 1}}
    reply = infer(service, model, {"inputs": [tensor.as_json()], "outputs": [wanted]})
    assert "Classification" in error_of(reply, 400)


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


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([b"no picture"], "picture"),
        ([b""], "picture"),
        ([pictures.png(), pictures.png()[:30]], "picture"),
    ],
)
@pytest.mark.parametrize("binary", [False, True])
def test_pictures_that_are_none(
    service: Service, files: list[bytes], words: str, binary: bool
) -> None:
    tensor = Tensor("image", "BYTES", (len(files),), files, base64=True)
    if binary:
        reply = send(service, binary_ask("/v2/models/digits/infer", [tensor]))
    else:
        reply = infer(service, "digits", {"inputs": [tensor.as_json()]})
    assert words in error_of(reply, 400)


@pytest.mark.parametrize(
    "change",
    [
        {"data": ["%%%"]},
        {"data": [None]},
        {"data": [], "shape": [0]},
        {"datatype": "UINT8", "data": [1]},
        {"shape": [1, 1, 1]},
    ],
)
def test_pictures_in_another_form(service: Service, change: dict[str, Any]) -> None:
    said = {"name": "image", "datatype": "BYTES", "shape": [1], "data": ["AAAA"]} | change
    error_of(infer(service, "digits", {"inputs": [said]}), 400)


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
