"""Simulated time: a heap of events, and alarms that all run for the same time."""

import math
from collections import deque
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any

Act = Callable[[float, Any], None]
"""Is given the time and the event's subject."""
Event = tuple[float, int, Act, Any]


class Clock:
    """Runs events in the order of their times; those at the same time in the order of their making.

    `heap` and `order` are public for the one place that pushes an event a request.
    """

    __slots__ = ("heap", "order")

    def __init__(self) -> None:
        # The last event of all never comes; so the loop need not ask whether the heap is empty.
        self.heap: list[Event] = [(math.inf, 0, _never, None)]
        self.order = count(1).__next__

    def at(self, when_s: float, act: Act, subject: Any = None) -> None:
        """Let something happen at a time."""
        heappush(self.heap, (when_s, self.order(), act, subject))

    def run(self, arrivals_s: Iterable[float], arrive: Callable[[float, int], None]) -> None:
        """Bring the arrivals, ascending, with all that happens between them."""
        heap = self.heap
        for index, arrival_s in enumerate(arrivals_s):
            while heap[0][0] <= arrival_s:
                now, _, act, subject = heappop(heap)
                act(now, subject)
            arrive(arrival_s, index)

    def finish(self, until_s: float) -> None:
        """Let happen what is still to come, up to a time."""
        heap = self.heap
        while heap[0][0] <= until_s and heap[0][0] != math.inf:
            now, _, act, subject = heappop(heap)
            act(now, subject)

    def withdraw(self, act: Act) -> list[tuple[float, Any]]:
        """Take back all events of one kind; return their times and subjects, soonest first."""
        mine = sorted((event for event in self.heap if event[2] is act), key=_when)
        # In place, for `run` holds on to the list.
        self.heap[:] = [event for event in self.heap if event[2] is not act]
        heapify(self.heap)
        return [(event[0], event[3]) for event in mine]


class Countdown:
    """Alarms that all run for the same time, and so go off in the order in which they were set.

    One event stands for all: nearly every request is over long before its time-out, and an event
    each would make the heap as large as the time-out is long.

    Args:
        clock: of the simulation.
        delay_s: after which they go off.
        act: what happens then, unless the subject is over.
        over: whether a subject needs its alarm no more.
    """

    __slots__ = ("_act", "_clock", "_delay_s", "_over", "_set", "_waiting")

    def __init__(self, clock: Clock, delay_s: float, act: Act, over: Callable[[Any], bool]) -> None:
        self._clock = clock
        self._delay_s = delay_s
        self._act = act
        self._over = over
        self._waiting: deque[tuple[float, Any]] = deque()
        self._set = False

    def start(self, now: float, subject: Any) -> None:
        """Set an alarm."""
        self._waiting.append((now + self._delay_s, subject))
        if not self._set:
            self._set = True
            self._clock.at(now + self._delay_s, self._ring)

    def _ring(self, now: float, subject: Any) -> None:
        del subject
        waiting = self._waiting
        while waiting and (waiting[0][0] <= now or self._over(waiting[0][1])):
            due_s, each = waiting.popleft()
            if due_s <= now and not self._over(each):
                self._act(now, each)
        self._set = bool(waiting)
        if waiting:
            self._clock.at(waiting[0][0], self._ring)


def _when(event: Event) -> tuple[float, int]:
    return event[0], event[1]


def _never(now: float, subject: Any) -> None:
    del now, subject
