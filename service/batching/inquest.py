"""Whose fault a worker's death was, and what becomes of the requests that it had.

    death ──▶ cause unknown ──▶ somebody else's doing: all go together once more
                            └─▶ the batch's: each is tried alone ──▶ success: cleared
                                                                 └─▶ a second death: quarantined

Meanwhile requests with an equal input wait for the first of them.
"""

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic
from typing import NamedTuple

import structlog

from service.batching.entry import Entry
from service.batching.flight import Flight
from service.batching.lane import Lane
from service.batching.quarantine import Key, Quarantine, Suspects, input_key
from service.errors import PoisonInput

CAUSE_S = 0.1
PATIENT_CAUSE_S = 1.0
"""How long the cause of a worker's death is waited for: by a batch, and by a suspect, which an
unknown cause convicts."""
MAX_DEATHS = 4
"""Nobody is so unlucky more often; and the tries must end."""
POISON = "This input ended two workers; it is not tried again for a while."

log = structlog.get_logger()


class Unexplained(NamedTuple):
    """A batch over which a worker died; why is not known yet."""

    flight: Flight
    """With one entry an input; requests with an equal one wait for it."""
    timer: asyncio.TimerHandle


class Inquest:
    """Keeps the requests of dead workers until they are judged.

    Args:
        quarantine: inputs that are not tried; it outlives this inquest.
        judge: is called when a cause stays unknown, with the worker and False.

    Attributes:
        retried: requests that were computed anew.
    """

    def __init__(self, quarantine: Quarantine, judge: Callable[[int, bool], None]) -> None:
        self._quarantine = quarantine
        self._judge = judge
        self._suspects = Suspects()
        self._unexplained: dict[int, Unexplained] = {}
        self.retried = 0

    def __bool__(self) -> bool:
        return bool(self._suspects.followers or self._quarantine.inputs)

    def stop(self) -> None:
        """Wait for no cause any more."""
        for unexplained in self._unexplained.values():
            unexplained.timer.cancel()

    def in_doubt(self) -> list[Entry]:
        """Return the requests whose worker died and nobody knows why."""
        return [entry for one in self._unexplained.values() for entry in one.flight.entries]

    def waiting(self) -> list[Entry]:
        """Return the requests that wait for another one with an equal input."""
        return self._suspects.waiting()

    def quarantined(self) -> int:
        """Return how many inputs are not tried."""
        return len(self._quarantine)

    def open(self, worker: int, flight: Flight) -> None:
        """Keep a dead worker's batch until the cause of its death is known."""
        for entry in flight.entries:
            entry.deaths += 1
        if flight.suspect is None:
            self.retried += len(flight.entries)
            flight = flight._replace(entries=list(self._suspected(flight)))
        limit_s = CAUSE_S if flight.suspect is None else PATIENT_CAUSE_S
        loop = asyncio.get_running_loop()
        timer = loop.call_later(limit_s, self._judge, worker, False)
        self._unexplained[worker] = Unexplained(flight, timer)

    def close(self, worker: int, *, is_outside: bool) -> int:
        """Judge the batch over which a lost worker died, if there was one.

        Args:
            worker: its number.
            is_outside: whether somebody else killed it.

        Returns:
            How many requests wait for a worker again, in their lane.
        """
        unexplained = self._unexplained.pop(worker, None)
        if unexplained is None:
            return 0
        unexplained.timer.cancel()
        lane, entries, key, _ = unexplained.flight
        if key is not None:
            return self._close_trial(lane, entries[0], key, is_outside)
        back = 0
        for entry in entries:
            if is_outside and entry.deaths == 1:
                lane.cleared.append(entry)
                back += self.clear(lane, input_key(lane.name, entry.payload))
            else:
                lane.suspects.append(entry)
        return back + len(entries)

    def clear(self, lane: Lane, key: Key) -> int:
        """Let who waited for an input go first: it has ended nobody; return how many they are."""
        followers = self._suspects.settle(key)
        lane.cleared.extend(followers)
        return len(followers)

    def drop(self, lane: Lane, suspect: Entry) -> list[Entry]:
        """Suspect an input no more, which is tried elsewhere; return who waited for it."""
        return self._suspects.settle(input_key(lane.name, suspect.payload))

    def pass_on(self, lane: Lane, key: Key) -> int:
        """Let the next request with an input be tried, whose first client has gone.

        Returns:
            How many wait for a worker by that: one, or nobody.
        """
        first = 0
        for follower in self._suspects.settle(key):
            if not follower.future.done() and self._suspects.suspect(key, follower):
                lane.suspects.append(follower)
                first = 1
        return first

    def refuse_guilty(self, lane: Lane, entry: Entry, now: float) -> None:
        """Refuse a request whose input is quarantined.

        Raises:
            PoisonInput: it is.
        """
        if self._quarantine.holds(input_key(lane.name, entry.payload), now):
            raise PoisonInput(POISON)

    def condemn(self, lane: Lane, entry: Entry) -> None:
        """Quarantine a request's input, a part of which was."""
        self._quarantine.add(input_key(lane.name, entry.payload), monotonic())

    def is_innocent(self, lane: Lane, entry: Entry, now: float) -> bool:
        """Return whether a request may join a batch; if not, it waits or is answered already."""
        key = input_key(lane.name, entry.payload)
        if self._quarantine.holds(key, now):
            entry.resolve(PoisonInput(POISON))
            return False
        return not self._suspects.follows(key, entry)

    def _suspected(self, flight: Flight) -> Iterator[Entry]:
        """Yield the requests of a batch that may have ended its worker, one an input."""
        for entry in flight.entries:
            key = input_key(flight.lane.name, entry.payload)
            if not entry.future.done() and self._suspects.suspect(key, entry):
                yield entry

    def _close_trial(self, lane: Lane, entry: Entry, key: Key, is_outside: bool) -> int:
        if is_outside and entry.deaths < MAX_DEATHS:
            self.retried += 1
            lane.suspects.append(entry)
            return 1
        log.warning("input_quarantined", input=key.hex())
        self._quarantine.add(key, monotonic())
        for one in (entry, *self._suspects.settle(key)):
            one.resolve(PoisonInput(POISON))
        return 0
