"""How far a reading is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class Reading:
    """A moment of a reading.

    Args:
        done: bytes of the files, packed as they are, or rows of the query.
        total: of how many; None if nobody knows.
        unit: of both.
        rows: rows read so far, rejected ones among them.
    """

    done: int
    total: int | None
    unit: Literal["bytes", "rows"]
    rows: int


Progress: TypeAlias = Callable[[Reading], None]


def silent(_: Reading) -> None:
    """Tell nobody."""
