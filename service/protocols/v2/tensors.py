"""V2 tensors: JSON data, flat or nested, and the binary extension; to Python values and back.

Bytes are little-endian and in C order; an element of BYTES has its length before it, four bytes.
"""

import struct
import sys
from array import array
from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from service.errors import Unreadable

DataType = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
    "FP16", "FP32", "FP64", "BYTES",
]  # fmt: skip
CODES = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b",
    "INT16": "h", "INT32": "i", "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip
"""Each numeric datatype's code in `struct`."""
NOT_IN_ARRAYS = "?e"
"""Codes that `array` does not know."""
LENGTH = struct.Struct("<I")
"""What stands before an element of BYTES."""
MAX_DIMENSION = 1 << 28
NAME_CHARS = 64
"""So much of a client's name is said back to it."""

_NOTHING = type(None)
_JSON_TYPES: dict[str, set[type]] = {
    "BOOL": {bool, _NOTHING},
    "BYTES": {str, _NOTHING},
    "FP32": {int, float, _NOTHING},
    "FP64": {int, float, _NOTHING},
}
_INTEGERS: set[type] = {int, _NOTHING}
_JSON_WORDS = {list: "a list", dict: "an object", bool: "a boolean", str: "a string"}


class InputTensor(BaseModel):
    """A tensor of a request, as its JSON has it."""

    model_config = ConfigDict(strict=True)

    name: str
    shape: list[Annotated[int, Field(ge=0, le=MAX_DIMENSION)]] = Field(max_length=8)
    datatype: DataType
    parameters: dict[str, Any] | None = None
    data: list[Any] | None = None


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
    values = _from_json(said) if binary is None else _from_bytes(said, binary)
    if len(values) != prod(said.shape):
        raise _misfit(
            said, f"has {len(values)} values; its shape {said.shape} needs {prod(said.shape)}"
        )
    return Tensor(said.name, said.datatype, tuple(said.shape), values)


def to_bytes(tensor: Tensor) -> bytes:
    """Return a tensor's binary data."""
    if tensor.datatype == "BYTES":
        raw = [one if isinstance(one, bytes) else str(one).encode() for one in tensor.values]
        return b"".join(part for one in raw for part in (LENGTH.pack(len(one)), one))
    return struct.pack(f"<{len(tensor.values)}{CODES[tensor.datatype]}", *tensor.values)


def _from_bytes(said: InputTensor, binary: bytes) -> Sequence[Any]:
    if said.data is not None:
        raise _misfit(said, "has data and binary_data_size: one of them is one too many")
    if said.datatype == "BYTES":
        return _elements(said, binary)
    code, count = CODES[said.datatype], prod(said.shape)
    wanted = count * struct.calcsize(f"<{code}")
    if len(binary) != wanted:
        text = f"has {len(binary)} bytes of binary data; its shape and datatype need {wanted}"
        raise _misfit(said, text)
    if code in NOT_IN_ARRAYS:
        return struct.unpack(f"<{count}{code}", binary)
    values: array[Any] = array(code, binary)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _elements(said: InputTensor, binary: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(binary):
        if at + LENGTH.size > len(binary):
            raise _misfit(said, "ends within the length of an element of BYTES")
        (size,) = LENGTH.unpack_from(binary, at)
        at += LENGTH.size
        if at + size > len(binary):
            raise _misfit(said, "ends within an element of BYTES")
        found.append(binary[at : at + size])
        at += size
    return found


def _from_json(said: InputTensor) -> list[Any]:
    if said.data is None:
        raise _misfit(said, "has neither data nor binary_data_size")
    if said.datatype == "FP16":
        raise _misfit(said, "is FP16, which has no form in JSON; send it as binary data")
    values = _flat(said, said.data)
    allowed = _JSON_TYPES.get(said.datatype, _INTEGERS)
    if not set(map(type, values)) <= allowed:
        wrong = next(value for value in values if type(value) not in allowed)
        word = _JSON_WORDS.get(type(wrong)) or repr(wrong)[:40]
        raise _misfit(said, f"is {said.datatype}, and its data holds {word}")
    if allowed is _INTEGERS:
        _refuse_beyond(said, values)
    return values


def _refuse_beyond(said: InputTensor, values: list[Any]) -> None:
    """Refuse whole numbers that the datatype does not have."""
    bits = int(said.datatype.lstrip("UINT"))
    signed = not said.datatype.startswith("U")
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    present = [value for value in values if value is not None] if None in values else values
    if present and not low <= min(present) <= max(present) <= high:
        wrong = next(value for value in present if not low <= value <= high)
        raise _misfit(said, f"is {said.datatype}, and its data holds {str(wrong)[:40]}")


def _flat(said: InputTensor, data: list[Any]) -> list[Any]:
    """Return nested lists as one, row after row; lists that are flat already pass."""
    if not data or not isinstance(data[0], list):
        return data
    values: list[Any] = [data]
    for size in said.shape:
        if not all(isinstance(one, list) and len(one) == size for one in values):
            raise _misfit(said, f"is nested otherwise than its shape {said.shape}")
        values = list(chain.from_iterable(values))
    return values


def _misfit(said: InputTensor, what: str) -> Unreadable:
    return Unreadable(f"Input {said.name[:NAME_CHARS]!r} {what}.")
