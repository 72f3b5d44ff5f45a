"""One attempt of a request, and how it may end."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadtest.simulator.view import View


class End(IntEnum):
    """How a request, or one attempt of it, ended."""

    OPEN = 0
    RIGHT = 1
    REFUSED = 2
    """503: admission, or nobody to ask."""
    FAILED = 3
    """An error, or a connection that broke."""
    TIMEOUT = 4


class Call:
    """One attempt: a request on its way to one replica and back."""

    __slots__ = ("before", "index", "open", "replica", "sent_s", "size", "view")

    def __init__(
        self,
        index: int,
        replica: int,
        view: View,
        size: float,
        sent_s: float,
    ) -> None:
        self.index = index
        """Of the request."""
        self.replica = replica
        self.view = view
        """Of the balancer that sent it and counts it as outstanding."""
        self.size = size
        """How much longer it takes than such a request usually does."""
        self.sent_s = sent_s
        self.open = True
        """Nobody has given it up, and no answer has come."""
        self.before: Call | None = None
        """The attempt before this one, of the same request."""
