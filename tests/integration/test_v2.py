"""V2 over real sockets: its answers are what plain scikit-learn answers."""

import struct

import pytest

from tests.conformance.tensors import CODES, HEADER, Tensor, binary_ask
from tests.integration.rows import CLASSIFIERS, TABLES, Reference, columns, draw
from tests.integration.server import Service
from tests.integration.v2_wire import (
    BINARY,
    NAN,
    TOLERANCE,
    agree,
    infer,
    outputs_of,
    rows_of,
    send,
    tensors_of,
)
from tests.integration.wire import post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


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
