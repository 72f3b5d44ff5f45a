"""How far a pass over the cached rows is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from models.extract.progress import Reading


@dataclass(frozen=True)
class Moment:
    """A moment of a pass.

    Args:
        rows: which rows: fitted, validation or held_out.
        done: of them, in this pass.
        total: of them.
    """

    rows: str
    done: int
    total: int


Progress: TypeAlias = Callable[[Moment | Reading], None]


def silent(_: Moment | Reading) -> None:
    """Tell nobody."""
