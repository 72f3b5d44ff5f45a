"""Tensors on the wire, written anew from the protocol's text: nothing here is the service's."""

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from tests.conformance.transport import Ask, Reply

CODES = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b",
    "INT16": "h", "INT32": "i", "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip
HEADER = "Inference-Header-Content-Length"


class Tensor(NamedTuple):
    """A tensor; `values` are flat, and those of BYTES are bytes."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Sequence[Any]
    base64: bool = False
    """In JSON its elements are base64."""

    def as_json(self) -> dict[str, Any]:
        """Return it with its data, flat."""
        return self._said() | {"data": [self._cell(value) for value in self.values]}

    def as_nested_json(self) -> dict[str, Any]:
        """Return it with its data in lists of lists."""
        data = [self._cell(value) for value in self.values]
        for size in reversed(self.shape[1:]):
            data = [data[i : i + size] for i in range(0, len(data), size)]
        return self._said() | {"data": data}

    def as_binary(self) -> tuple[dict[str, Any], bytes]:
        """Return it without its data, and its bytes."""
        raw = self.to_bytes()
        return self._said() | {"parameters": {"binary_data_size": len(raw)}}, raw

    def to_bytes(self) -> bytes:
        """Return its bytes, as they stand behind the JSON."""
        if self.datatype == "BYTES":
            return b"".join(struct.pack("<I", len(value)) + value for value in self.values)
        return struct.pack(f"<{len(self.values)}{CODES[self.datatype]}", *self.values)

    def _said(self) -> dict[str, Any]:
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}

    def _cell(self, value: Any) -> Any:
        if self.datatype != "BYTES":
            return value
        return base64.b64encode(value).decode() if self.base64 else value.decode()


def binary_ask(
    path: str,
    tensors: Sequence[Tensor],
    more: Mapping[str, Any] | None = None,
    length: str | None = None,
) -> Ask:
    """Return an infer request with all data binary; `length` replaces the header's value."""
    pairs = [tensor.as_binary() for tensor in tensors]
    head = {"inputs": [said for said, _ in pairs]} | dict(more or {})
    return joined_ask(path, head, b"".join(raw for _, raw in pairs), length)


def joined_ask(path: str, head: Mapping[str, Any], raw: bytes, length: str | None = None) -> Ask:
    """Return a request of JSON with bytes behind it."""
    text = json.dumps(head).encode()
    return Ask("POST", path, text + raw, {HEADER: length or str(len(text))})


def read_answer(reply: Reply) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return an infer answer's JSON, and its outputs by name.

    Raises:
        ValueError, KeyError, TypeError, struct.error: it is none.
    """
    length = int(reply.headers.get(HEADER.lower(), len(reply.body)))
    head: dict[str, Any] = Reply(reply.status, {}, reply.body[:length]).json()
    tensors, at = {}, length
    for said in head["outputs"]:
        size = said.get("parameters", {}).get("binary_data_size")
        shape = tuple(said["shape"])
        if size is None:
            values: Sequence[Any] = _flat(said["data"])
        else:
            values = _from_bytes(said["datatype"], prod(shape), reply.body[at : at + size])
            at += size
        if len(values) != prod(shape):
            raise ValueError(f"{said['name']} has {len(values)} values, and shape {shape}")
        tensors[said["name"]] = Tensor(said["name"], said["datatype"], shape, values)
    if at != len(reply.body):
        raise ValueError(f"{len(reply.body) - at} bytes belong to no output")
    return head, tensors


def _flat(data: Any) -> list[Any]:
    """Return the elements; strings become bytes, as they are in binary data."""
    if isinstance(data, list):
        return [value for one in data for value in _flat(one)]
    return [data.encode() if isinstance(data, str) else data]


def _from_bytes(datatype: str, count: int, raw: bytes) -> Sequence[Any]:
    if datatype != "BYTES":
        return struct.unpack(f"<{count}{CODES[datatype]}", raw)
    found, at = [], 0
    while at < len(raw):
        (size,) = struct.unpack_from("<I", raw, at)
        found.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    return found
