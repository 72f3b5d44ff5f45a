"""Reading flatbuffers that a stranger wrote: every step is checked against the bytes' end.

Arrow's metadata are flatbuffers. Only a few numbers of them are needed, so a library (and its
generated classes) would be more than this. https://flatbuffers.dev/internals/
"""

import struct
from typing import NamedTuple

_OFFSET = struct.Struct("<I")
_SIGNED = struct.Struct("<i")
_SLOT = struct.Struct("<H")
_LONG = struct.Struct("<q")


class Malformed(ValueError):
    """The bytes are no flatbuffer of the expected kind."""


class Vector(NamedTuple):
    """Where the elements of a vector begin, and how many there are."""

    start: int
    length: int


class Table:
    """A table inside a buffer.

    Args:
        data: the whole buffer.
        position: where the table begins.

    Raises:
        Malformed: no table begins there.
    """

    __slots__ = ("_data", "_position", "_slots", "_vtable")

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position
        self._vtable = position - _read(_SIGNED, data, position)
        self._slots = (_read(_SLOT, data, self._vtable) - 4) // 2

    @classmethod
    def root(cls, data: bytes) -> "Table":
        """Return the table that a buffer is about."""
        return cls(data, _read(_OFFSET, data, 0))

    def place(self, field: int) -> int | None:
        """Return where a field's value stands; None if it has its default."""
        if field >= self._slots:
            return None
        offset = _read(_SLOT, self._data, self._vtable + 4 + 2 * field)
        return self._position + offset if offset else None

    def number(self, field: int, code: str, default: int = 0) -> int:
        """Return a whole number; `code` is its `struct` code."""
        place = self.place(field)
        if place is None:
            return default
        return _read(struct.Struct("<" + code), self._data, place)

    def table(self, field: int) -> "Table | None":
        """Return the table that a field refers to."""
        target = self._target(field)
        return None if target is None else Table(self._data, target)

    def vector(self, field: int, element_bytes: int) -> Vector:
        """Return a vector, all of which is inside the buffer; an absent one is empty."""
        target = self._target(field)
        if target is None:
            return Vector(0, 0)
        count = _read(_OFFSET, self._data, target)
        start = target + _OFFSET.size
        if start + count * element_bytes > len(self._data):
            raise Malformed("a vector leads out of the metadata")
        return Vector(start, count)

    def tables(self, field: int) -> list["Table"]:
        """Return the tables of a vector of them."""
        start, count = self.vector(field, _OFFSET.size)
        places = range(start, start + count * _OFFSET.size, _OFFSET.size)
        return [Table(self._data, place + _read(_OFFSET, self._data, place)) for place in places]

    def longs(self, field: int) -> list[tuple[int, int]]:
        """Return a vector of structs that are two int64 each."""
        start, count = self.vector(field, 2 * _LONG.size)
        flat = struct.unpack_from(f"<{2 * count}q", self._data, start) if count else ()
        return list(zip(flat[::2], flat[1::2], strict=True))

    def _target(self, field: int) -> int | None:
        place = self.place(field)
        return None if place is None else place + _read(_OFFSET, self._data, place)


def _read(kind: struct.Struct, data: bytes, place: int) -> int:
    if place < 0:
        raise Malformed("an offset leads out of the metadata")
    try:
        (value,) = kind.unpack_from(data, place)
    except struct.error as error:
        raise Malformed("an offset leads out of the metadata") from error
    return int(value)
