"""Tensors to what a worker computes: rows of a table, or pictures."""

import base64
import binascii
from array import array
from collections.abc import Sequence
from math import isfinite
from typing import Any

import orjson

from models.schema import Column, TabularSchema
from service.batching.entry import Payload
from service.catalogue import ServedVersion
from service.codecs.cells import Cells
from service.codecs.table_rows import TableRows
from service.errors import Unfit
from service.inference.messages import Media
from service.protocols.v2.tensors import NAME_CHARS, Tensor
from service.schema import FLOAT32_MAX

SMALL_PICTURES_BYTES = 1 << 20
"""Up to this size a request's pictures share a batch with others."""
_TRUTH = {0: False, 1: True}


def payload_of(served: ServedVersion, tensors: Sequence[Tensor]) -> Payload:
    """Return what a worker shall compute.

    Args:
        served: the version that is asked.
        tensors: one a column, or one of shape (rows, columns) for all; of pictures one, of shape
            (rows,).

    Raises:
        TooLarge: there are too many rows.
        Unfit: a tensor is missing or nobody knows it, or a value does not fit.
    """
    schema, table = served.manifest.input, served.rows
    if served.pack is None or table is None or not isinstance(schema, TabularSchema):
        return _pictures(tensors)
    cells = _plain_cells(table, tensors) if table.any_floats else None
    if cells is None:
        columns = _columns(schema, tensors)
        if not any(map(len, columns)):
            raise Unfit("There are no rows.")
        cells = served.pack(table.from_columns(columns))
    return Payload(cells.rows, cells)


def _columns(schema: TabularSchema, tensors: Sequence[Tensor]) -> list[Sequence[Any]]:
    """Return the columns in the fitted order."""
    given = {tensor.name: tensor for tensor in tensors}
    names = [column.name for column in schema.columns]
    if given.keys() == set(names):
        return [_column(given[name]) for name in names]
    if len(tensors) == 1 and (len(tensors[0].shape) == 2 or len(names) == 1):
        # Whatever its name: clients that were written for other servers have names of their own.
        return _cut(schema.columns, tensors[0])
    for name in names:
        if name not in given:
            raise Unfit(f"Input {name!r} is missing; or send one tensor of shape [rows, columns].")
    raise Unfit(f"The model has no input {min(given.keys() - set(names))[:NAME_CHARS]!r}.")


def _column(tensor: Tensor) -> Sequence[Any]:
    if not _is_column(tensor):
        text = "is a column: its shape is [rows] or [rows, 1]"
        raise Unfit(f"Input {tensor.name[:NAME_CHARS]!r} {text}.")
    return _texts(tensor)


def _is_column(tensor: Tensor) -> bool:
    return len(tensor.shape) == 1 or (len(tensor.shape) == 2 and tensor.shape[1] == 1)


def _cut(columns: Sequence[Column], tensor: Tensor) -> list[Sequence[Any]]:
    """Return the columns of a tensor that has them all."""
    if len(columns) == 1:
        return [_column(tensor)]
    width = tensor.shape[1]
    if width != len(columns):
        name = tensor.name[:NAME_CHARS]
        raise Unfit(f"Input {name!r} has {width} columns; the model has {len(columns)}.")
    values = _texts(tensor)
    return [
        # A tensor of numbers has no other way to say true.
        [_TRUTH.get(one, one) for one in values[i::width]]
        if column.dtype == "bool" and tensor.datatype not in {"BOOL", "BYTES"}
        else values[i::width]
        for i, column in enumerate(columns)
    ]


def _texts(tensor: Tensor) -> Sequence[Any]:
    """Return the values, those of BYTES as text."""
    if tensor.datatype != "BYTES":
        return tensor.values
    try:
        return [one.decode() if isinstance(one, bytes) else one for one in tensor.values]
    except UnicodeDecodeError:
        raise Unfit(f"Input {tensor.name[:NAME_CHARS]!r} is not UTF-8.") from None


def _plain_cells(table: TableRows, tensors: Sequence[Tensor]) -> Cells | None:
    """Return the cells of a table of plain numbers, without a look at each of them in Python.

    Returns:
        What the exact way gives for the same tensors, to the same bits; or None if that has to
        decide, or to find the words for what is wrong.
    """
    if any(tensor.datatype in {"BOOL", "BYTES"} for tensor in tensors):
        return None
    width = len(table.names)
    try:
        if len(tensors) == 1 and tensors[0].shape[1:] == (width,):
            numbers = array("d", tensors[0].values)
        else:
            numbers = _interleaved(table.names, tensors)
    # A null, a whole number beyond all floats, a column too few or too many, or of another length.
    except (TypeError, OverflowError, KeyError, ValueError):
        return None
    rows = len(numbers) // width
    within = (
        0 < rows <= table.max_rows
        and isfinite(sum(numbers))
        and max(numbers) <= FLOAT32_MAX
        and min(numbers) >= -FLOAT32_MAX
    )
    return Cells(rows, numbers.tobytes()) if within else None


def _interleaved(names: Sequence[str], tensors: Sequence[Tensor]) -> "array[float]":
    """Return the numbers of columns, row after row.

    Raises:
        KeyError, ValueError: the tensors are not the columns.
        TypeError, OverflowError: a value is no number that float64 holds.
    """
    given = {tensor.name: tensor for tensor in tensors}
    columns = [given.pop(name) for name in names]
    if given or not all(map(_is_column, columns)):
        raise ValueError("not the columns")
    numbers = array("d", bytes(8 * len(names) * len(columns[0].values)))
    for i, tensor in enumerate(columns):
        numbers[i :: len(names)] = array("d", tensor.values)
    return numbers


def _pictures(tensors: Sequence[Tensor]) -> Payload:
    """Return pictures as V1 has them: base64 in JSON, which the worker decodes."""
    if len(tensors) != 1 or tensors[0].datatype != "BYTES":
        raise Unfit("The model takes one input: pictures (PNG or JPEG) as BYTES.")
    tensor = tensors[0]
    if not _is_column(tensor) or not tensor.values:
        name = tensor.name[:NAME_CHARS]
        raise Unfit(f"Input {name!r} has one picture a row: its shape is [rows].")
    encoded = [_base64(i, one) for i, one in enumerate(tensor.values)]
    body = orjson.dumps({"instances": [{"b64": one} for one in encoded]})
    joins = len(body) <= SMALL_PICTURES_BYTES
    return Payload(len(encoded), None, body, Media.JSON, joins)


def _base64(row: int, picture: bytes | str | None) -> str:
    """Return a picture in base64; what came as JSON is that already."""
    if not picture:
        raise Unfit(f"Row {row}: there is no picture.")
    if isinstance(picture, bytes):
        return base64.b64encode(picture).decode()
    try:
        base64.b64decode(picture, validate=True)
    except (binascii.Error, ValueError):
        raise Unfit(f"Row {row}: in JSON a picture is base64.") from None
    return picture
