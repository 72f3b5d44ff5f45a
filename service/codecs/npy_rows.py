"""Rows of an array as numpy.save writes it, read without numpy.

A file is a magic, a version, the length of the header, the header, which is the text of a Python
dictionary, and the elements. The dictionary is read as a literal: nothing in it is run.
"""

import ast
import struct
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

from models.schema import TabularSchema
from service.errors import Unfit, Unreadable, too_many_rows

MAGIC = b"\x93NUMPY"
LENGTHS = {1: struct.Struct("<H"), 2: struct.Struct("<I"), 3: struct.Struct("<I")}
"""How each version writes the length of the header."""
MAX_HEADER_BYTES = 4096
"""numpy's own are 128 bytes long; a long one can only be meant to keep the parser busy."""
CODES = {
    "b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I",
    "u8": "Q", "f2": "e", "f4": "f", "f8": "d",
}  # fmt: skip
"""Each element type's code in `struct`."""
KINDS = {code: kind for kind, code in CODES.items()}
ORDERS = {"<": "<", ">": ">", "|": "<", "=": "="}
MAX_SHOWN_CHARS = 40


class Header(NamedTuple):
    """What a file says of its array."""

    format: str
    """Byte order and code of an element, as in `struct`."""
    is_fortran: bool
    shape: tuple[int, ...]


class NpyRows:
    """Reads the arrays that are sent to one model.

    An array has a row a row and a column a column of the model, in the fitted order; one of one
    dimension is one row.

    Args:
        schema: the model's columns.
        max_rows: the most rows in one request.
    """

    def __init__(self, schema: TabularSchema, max_rows: int) -> None:
        self._max_rows = max_rows
        self._width = len(schema.columns)
        self._switches = [i for i, column in enumerate(schema.columns) if column.dtype == "bool"]

    def read(self, body: bytes) -> Sequence[Sequence[Any]]:
        """Return the rows; whether a value fits its column is not looked at.

        Raises:
            Unreadable: the body is no such file, or its parts do not fit together.
            TooLarge: there are too many rows.
            Unfit: its elements are no numbers, or it has another number of columns.
        """
        header, start = read_header(body)
        shape = header.shape if len(header.shape) != 1 else (1, *header.shape)
        if len(shape) != 2 or shape[1] != self._width:
            given = str(header.shape)[:MAX_SHOWN_CHARS]
            raise Unfit(f"The array's shape is {given}; the model takes (rows, {self._width}).")
        count = shape[0]
        if count > self._max_rows:
            raise too_many_rows(self._max_rows)
        if count == 0:
            raise Unfit("There are no rows.")
        values = _elements(header.format, prod(shape), memoryview(body)[start:])
        if header.is_fortran:
            columns = [values[i : i + count] for i in range(0, len(values), count)]
        else:
            columns = [values[i :: self._width] for i in range(self._width)]
        is_bool = header.format.endswith("?")
        cast: Callable[[Any], Any] = int if is_bool else _switch
        typed = [
            column if is_bool == (i in self._switches) else list(map(cast, column))
            for i, column in enumerate(columns)
        ]
        return list(zip(*typed, strict=True))


def cut_rows(body: bytes, parts: int) -> list[bytes]:
    """Return files with about equally many rows that are the body together; itself if it is short.

    Raises:
        Unreadable, Unfit: as `read_header` does.
    """
    header, start = read_header(body)
    if header.is_fortran or len(header.shape) != 2:
        return [body]
    rows, width = header.shape
    row_bytes = width * struct.calcsize(header.format)
    if len(body) - start != rows * row_bytes or rows < parts:
        return [body]
    ends = [rows * (number + 1) // parts for number in range(parts)]
    return [
        write_header(header._replace(shape=(end - begin, width)))
        + body[start + begin * row_bytes : start + end * row_bytes]
        for begin, end in zip([0, *ends], ends, strict=False)
    ]


def write_header(header: Header) -> bytes:
    """Return what stands before the elements of an array."""
    kind = f"{header.format[0]}{KINDS[header.format[1]]}"
    said = {"descr": kind, "fortran_order": header.is_fortran, "shape": header.shape}
    text = repr(said).encode()
    return b"".join([MAGIC, b"\x01\x00", LENGTHS[1].pack(len(text)), text])


def read_header(body: bytes) -> tuple[Header, int]:
    """Return what stands before the elements, and where they begin.

    Raises:
        Unreadable: the body is not what numpy.save writes.
        Unfit: the elements are no numbers.
    """
    begin = len(MAGIC) + 2
    is_ours = body.startswith(MAGIC) and len(body) > begin
    length = LENGTHS.get(body[len(MAGIC)]) if is_ours else None
    if length is None or len(body) < begin + length.size:
        raise Unreadable("The body is not a .npy file of version 1, 2 or 3.")
    (size,) = length.unpack_from(body, begin)
    begin += length.size
    if size > MAX_HEADER_BYTES or begin + size > len(body):
        raise Unreadable(f"The array's header has more than {MAX_HEADER_BYTES} bytes, or is cut.")
    try:
        said = ast.literal_eval(body[begin : begin + size].decode().strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise Unreadable("The array's header cannot be read.") from None
    return _header(said), begin + size


def _header(said: Any) -> Header:
    if not isinstance(said, dict) or said.keys() != {"descr", "fortran_order", "shape"}:
        raise Unreadable("The array's header has not the keys descr, fortran_order and shape.")
    kind, is_fortran, shape = said["descr"], said["fortran_order"], said["shape"]
    if not isinstance(is_fortran, bool):
        raise Unreadable("The array's fortran_order is not True or False.")
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise Unreadable("The array's shape is no tuple of whole numbers.")
    code = CODES.get(kind[1:]) if isinstance(kind, str) else None
    order = ORDERS.get(kind[0]) if code else None
    if order is None:
        shown = str(kind)[:MAX_SHOWN_CHARS]
        raise Unfit(f"The array's elements are {shown}; floats, integers and booleans are taken.")
    return Header(f"{order}{code}", is_fortran, shape)


def _elements(format_: str, count: int, data: memoryview) -> Sequence[Any]:
    wanted = count * struct.calcsize(format_)
    if len(data) != wanted:
        raise Unreadable(f"The array has {len(data)} bytes of elements; its header says {wanted}.")
    return struct.unpack(f"{format_[0]}{count}{format_[1]}", data)


def _switch(value: Any) -> Any:
    """Take 1 and 0 for true and false: an array of floats has no other way to say them."""
    return bool(value) if value in {0, 1} else value
