"""Asking V2, and reading what it answers."""

from typing import Any

from tests.conformance.tensors import Tensor, read_answer
from tests.conformance.transport import Ask
from tests.conformance.transport import Reply as Read
from tests.integration.rows import Manifest, columns, draw
from tests.integration.server import Service
from tests.integration.wire import Reply, post

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
