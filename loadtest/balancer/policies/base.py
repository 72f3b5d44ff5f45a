"""What every policy has: who has how much to do, and who was chosen how often.

Policies are plain state: no clock, no socket, no event loop. Who may be chosen at all is not their
business: candidates are an argument, and so is the time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Snapshot:
    """The state of a policy at one moment."""

    outstanding: Mapping[str, int]
    selected: Mapping[str, int]
    """How often each replica was chosen, ever."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a replica says of itself, as ORCA has it."""

    utilisation: float
    """Of its CPU or of whatever it is short of; may exceed 1."""
    requests_per_s: float
    errors_per_s: float = 0.0


class Policy:
    """State that every policy has; a subclass only chooses.

    `select` chooses and counts in one step, so that two requests can never be given the same idle
    replica by mistake; every `select` that names a replica is followed by one `outcome`.

    Args:
        replicas: all replicas, in the order of their turns.

    Raises:
        ValueError: a name comes twice, or there is none.
    """

    def __init__(self, replicas: Sequence[str]) -> None:
        if not replicas or len(set(replicas)) != len(replicas):
            raise ValueError("replicas need names, each its own")
        self._replicas = tuple(replicas)
        self._outstanding = dict.fromkeys(replicas, 0)
        self._selected = dict.fromkeys(replicas, 0)

    def select(self, candidates: Sequence[str], now_s: float) -> str | None:
        """Choose among candidates and count the request there; None if there is no candidate."""
        if not candidates:
            return None
        replica = self._choose(candidates, now_s)
        self._outstanding[replica] += 1
        self._selected[replica] += 1
        return replica

    def outcome(self, replica: str, now_s: float, latency_s: float | None = None) -> None:
        """Take note that a selected request has ended.

        Args:
            replica: the one that `select` named.
            now_s: the time.
            latency_s: how long the answer took; None if there was none to speak of.

        Raises:
            ValueError: no request is outstanding there.
        """
        if self._outstanding[replica] == 0:
            raise ValueError(f"nothing is outstanding on {replica}")
        self._outstanding[replica] -= 1
        self._ended(replica, now_s, latency_s)

    def report(self, replica: str, load: LoadReport, now_s: float) -> None:
        """Take note of what a replica says of its load; most policies do not care."""

    def outstanding(self, replica: str) -> int:
        """Return how many requests are outstanding on a replica."""
        return self._outstanding[replica]

    def snapshot(self) -> Snapshot:
        """Return a frozen copy of the state."""
        return Snapshot(
            MappingProxyType(dict(self._outstanding)), MappingProxyType(dict(self._selected))
        )

    def _choose(self, candidates: Sequence[str], now_s: float) -> str:
        raise NotImplementedError

    def _ended(self, replica: str, now_s: float, latency_s: float | None) -> None:
        """Learn from an end; the request is no longer counted."""
