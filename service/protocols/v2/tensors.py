"""V2 tensors: JSON data, flat or nested, and the binary extension; to Python values and back.

Bytes are little-endian and in C order; an element of BYTES has its length before it, four bytes.
"""

import struct
from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from service.errors import Unreadable

DataType = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
    "FP16", "FP32", "FP64", "BYTES",
]  # fmt: skip
Parameter = bool | int | float | str

CODES = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b",
    "INT16": "h", "INT32": "i", "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip
"""Each numeric datatype's code in `struct`."""
MAX_ELEMENTS = 1 << 28


class InputTensor(BaseModel):
    """A tensor of a request, as its JSON has it."""

    model_config = ConfigDict(strict=True)

    name: str
    shape: list[int] = Field(max_length=8)
    datatype: DataType
    parameters: dict[str, Any] = Field(default_factory=dict)
    data: list[Any] | None = None


class RequestedOutput(BaseModel):
    """An output that a request asks for."""

    model_config = ConfigDict(strict=True)

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)


class Tensor(NamedTuple):
    """A tensor with its values."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Sequence[Any]
    """Flat, row after row; elements of BYTES are str if they came as JSON, else bytes."""


def read_tensor(said: InputTensor, binary: bytes | None) -> Tensor:
    """Return a tensor's values.

    Args:
        said: what the request's JSON says of it.
        binary: its bytes, or None if its data is in the JSON.

    Raises:
        Unreadable: shape, datatype and data do not fit together; the text says how.
    """
    if any(size < 0 for size in said.shape) or prod(said.shape) > MAX_ELEMENTS:
        raise Unreadable(f"Input {said.name!r} has an impossible shape: {said.shape}.")
    count = prod(said.shape)
    if binary is not None:
        values = _from_bytes(said.name, said.datatype, count, binary)
    elif said.data is None:
        raise Unreadable(f"Input {said.name!r} has neither data nor binary_data_size.")
    elif said.datatype == "FP16":
        raise Unreadable(f"Input {said.name!r}: FP16 has no form in JSON; send it as binary data.")
    else:
        values = _typed(said.name, said.datatype, _flat(said.data))
    if len(values) != count:
        raise Unreadable(
            f"Input {said.name!r} has {len(values)} values; its shape {said.shape} needs {count}."
        )
    return Tensor(said.name, said.datatype, tuple(said.shape), values)


def to_bytes(tensor: Tensor) -> bytes:
    """Return a tensor's binary data."""
    if tensor.datatype == "BYTES":
        parts: list[bytes] = []
        for value in tensor.values:
            raw = value if isinstance(value, bytes) else str(value).encode()
            parts += (struct.pack("<I", len(raw)), raw)
        return b"".join(parts)
    return struct.pack(f"<{len(tensor.values)}{CODES[tensor.datatype]}", *tensor.values)


def _from_bytes(name: str, datatype: str, count: int, binary: bytes) -> Sequence[Any]:
    if datatype == "BYTES":
        return _elements(name, binary)
    code = CODES[datatype]
    wanted = count * struct.calcsize(f"<{code}")
    if len(binary) != wanted:
        raise Unreadable(
            f"Input {name!r} has {len(binary)} bytes of binary data; its shape and datatype need"
            f" {wanted}."
        )
    return struct.unpack(f"<{count}{code}", binary)


def _elements(name: str, binary: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(binary):
        if at + 4 > len(binary):
            raise Unreadable(f"Input {name!r}: the length of an element of BYTES is cut off.")
        (size,) = struct.unpack_from("<I", binary, at)
        at += 4
        if at + size > len(binary):
            raise Unreadable(f"Input {name!r}: an element of BYTES is longer than the data.")
        found.append(binary[at : at + size])
        at += size
    return found


def _flat(data: Iterable[Any]) -> list[Any]:
    """Return nested lists as one, row after row."""
    found: list[Any] = []
    waiting = [iter(data)]
    while waiting:
        for value in waiting[-1]:
            if isinstance(value, list):
                waiting.append(iter(value))
                break
            found.append(value)
        else:
            waiting.pop()
    return found


def _typed(name: str, datatype: str, values: list[Any]) -> list[Any]:
    """Refuse JSON values that are not of the datatype; null is a missing value."""
    kinds: tuple[type, ...] = (int,)
    if datatype == "BOOL":
        kinds = (bool,)
    elif datatype == "BYTES":
        kinds = (str,)
    elif datatype.startswith("FP"):
        kinds = (int, float)
    for value in values:
        fits = isinstance(value, kinds) and (datatype == "BOOL" or not isinstance(value, bool))
        if not fits and value is not None:
            raise Unreadable(f"Input {name!r} is {datatype}, and its data holds {value!r:.40}.")
    return values
