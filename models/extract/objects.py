"""Columns of Python values, from JSON and from databases, as Arrow arrays."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pyarrow as pa


def column(values: Sequence[Any]) -> pa.Array:
    """Return the values as an array of their own type; a mixed column becomes texts.

    A list or an object in a mixed column becomes bytes that are no text, so that no type takes it.
    """
    try:
        found = pa.array(values, from_pandas=False)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        pass
    else:
        if not isinstance(found, pa.ExtensionArray):
            return found
    return pa.array([_bytes(value) for value in values], pa.binary())


_NO_TEXT = b"\xff"


def _bytes(value: object) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat().encode()
    if isinstance(value, list | dict | tuple | set):
        return _NO_TEXT
    return str(value).encode(errors="surrogateescape")
