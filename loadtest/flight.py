"""A request under way: filled in as things happen to it, and nothing else while the clock runs."""

from collections.abc import Callable
from dataclasses import dataclass

from loadtest.connection import Connection
from loadtest.record import Outcome


@dataclass(slots=True, eq=False)
class Flight:
    """A request from when it was taken up; times as time.monotonic() gives them."""

    request: int
    """Index of the request that is sent."""
    intended_s: float
    taken_s: float
    then: Callable[[Outcome], None] | None
    """Is told how it ended."""
    connection: Connection | None = None
    """What it was written to, while it is outstanding there."""
    sent_s: float | None = None
    done_s: float = 0.0
    outcome: Outcome | None = None
    """None as long as it has not ended."""
    status: int = 0
    cause: str = ""
    replica: bytes = b""
    timing: bytes = b""
    """What the answer's Server-Timing says; it is read when the load is over."""
