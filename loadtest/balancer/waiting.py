"""The central queue: requests that wait in the balancer because every replica is full.

A request that waits here goes to whichever replica is free first; one that waits in a replica has
drawn its lot. That is the difference between one line in a bank and one at each counter.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Ticket(Generic[T]):
    """A place in the queue."""

    waiting: T
    deadline_s: float
    without: frozenset[str] = field(default_factory=frozenset)
    """Replicas that this request must not go to, for they had it."""


class CentralQueue(Generic[T]):
    """First come, first served, up to a length: pure state.

    Args:
        length: how many may wait.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._tickets: deque[Ticket[T]] = deque()

    def __len__(self) -> int:
        return len(self._tickets)

    def join(self, ticket: Ticket[T]) -> bool:
        """Stand in line; False if the queue is full."""
        if len(self._tickets) >= self._length:
            return False
        self._tickets.append(ticket)
        return True

    def leave(self, ticket: Ticket[T]) -> None:
        """Step out of the line; nothing happens if the ticket is not in it."""
        # By identity: two tickets may look alike.
        kept = [each for each in self._tickets if each is not ticket]
        self._tickets = deque(kept)

    def expire(self, now_s: float) -> list[Ticket[T]]:
        """Take out and return those whose time is up."""
        late = [each for each in self._tickets if each.deadline_s <= now_s]
        if late:
            self._tickets = deque(each for each in self._tickets if each.deadline_s > now_s)
        return late

    def first_for(self, replicas: set[str]) -> Ticket[T] | None:
        """Return, without taking it out, the first that may go to one of these replicas."""
        return next((each for each in self._tickets if replicas - each.without), None)
