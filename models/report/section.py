"""What a report is made of, before it is a page."""

from dataclasses import dataclass, field
from typing import TypeAlias

from models.report.drawing import Picture


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of texts under a head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Shots:
    """Small pictures, each with a line below: PNG bytes and text."""

    shots: tuple[tuple[bytes, str], ...]
    caption: str


Block: TypeAlias = Words | Table | Shots | Picture


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading.

    Args:
        key: for the link to it.
        title: its heading.
        blocks: in order; a section without any is left out.
    """

    key: str
    title: str
    blocks: tuple[Block, ...] = field(default=())

    def pictures(self) -> list[Picture]:
        """Return its plots."""
        return [block for block in self.blocks if isinstance(block, Picture)]
