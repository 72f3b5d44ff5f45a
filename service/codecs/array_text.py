"""Arrays and lists as JSON: by orjson, but for the arrays that it writes past its memory's end."""

from typing import Any, Final

import orjson

LONG: Final = ((-1e-4, -9e-6), (-1e-98, 0.0))
"""A negative number between these, or below `HUGE`, may take 24 characters: 17 digits behind
"-0.0000", or with an exponent of three digits. orjson 3.12 and 3.13 make room for 23 and a comma,
for each float64 of an array; not so of a list."""
HUGE: Final = -1e98


def array_text(values: Any) -> bytes:
    """Return a sequence as JSON.

    Args:
        values: what JSON knows, or an array of booleans or numbers, in C order.
    """
    # By its type's name: the API process, which writes lists, has no use for NumPy.
    if getattr(values, "dtype", None) == "float64" and _is_long(values):
        values = values.tolist()
    return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)


def _is_long(values: Any) -> bool:
    """Return whether any of the numbers may take 24 characters."""
    least = values.min(initial=0.0)
    if least == 0.0:
        return False
    return bool(least < HUGE or any(((values > a) & (values < b)).any() for a, b in LONG))
