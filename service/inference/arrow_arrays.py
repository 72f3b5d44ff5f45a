"""Arrow's arrays from NumPy's and back, by their buffers.

`pyarrow.array` and `to_numpy` import pandas wherever it is installed, to see whether it is pandas'
own that they were given: 60 MB in a worker that answers in Arrow. Buffers need no such look.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Array = npt.NDArray[Any]
NUMBERS = {pa.float64(): np.float64, pa.int64(): np.int64, pa.int32(): np.int32}
_TYPES = {np.dtype(dtype): kind for kind, dtype in NUMBERS.items()}


def of_numbers(values: Array, valid: Sequence[bool] | None = None) -> pa.Array:
    """Return float64, int64 or int32 values, shape (rows,), as an array of their type.

    Args:
        values: what stands in the rows.
        valid: of each row whether it is not null; None if none is.
    """
    buffers = [_bits(valid), pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(_TYPES[values.dtype], len(values), buffers)


def of_bools(values: Sequence[bool], valid: Sequence[bool] | None = None) -> pa.Array:
    """Return truths as an array, as `of_numbers` does numbers."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [_bits(valid), _bits(values)])


def of_texts(texts: Sequence[str | None]) -> pa.Array:
    """Return texts as an array of strings; None is null."""
    data = [b"" if text is None else text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, data)], dtype=np.int32)
    valid = None if None not in texts else [text is not None for text in texts]
    buffers = [_bits(valid), pa.py_buffer(ends), pa.py_buffer(b"".join(data))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def numbers_of(array: pa.Array, null: float) -> Array:
    """Return the values of an array of float64 or int64, `null` where there is none."""
    bitmap, data = array.buffers()
    span = slice(array.offset, array.offset + len(array))
    values: Array = np.frombuffer(data or b"", NUMBERS[array.type])[span]
    if array.null_count:
        valid = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")[span]
        values = values.copy()
        values[valid == 0] = null
    return values


def _bits(truths: Sequence[bool] | None) -> pa.Buffer | None:
    if truths is None:
        return None
    return pa.py_buffer(np.packbits(np.asarray(truths, bool), bitorder="little"))
