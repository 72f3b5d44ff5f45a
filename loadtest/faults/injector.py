"""Begins each fault at its time and takes it back, in a thread beside the load."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from loadtest.errors import LoadTestError
from loadtest.faults.acts import TakeBack, begin
from loadtest.faults.impact import Injected
from loadtest.faults.site import Site
from loadtest.scenario.faults import Fault, KillReplica, fault_replica

_END_S = 120.0
"""How long a restart that has begun may go on after the load."""


@dataclass(frozen=True)
class _Begun:
    fault: Fault
    began_s: float
    take_back: TakeBack


class Injector:
    """Does what the scenario says, when it says so.

    One after the other: while a replica is started anew, the next fault waits.

    Args:
        site: where.
        faults: what, and when.
    """

    def __init__(self, site: Site, faults: Sequence[Fault]) -> None:
        self._site = site
        self._faults = sorted(faults, key=lambda fault: fault.at_s)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._start_s = 0.0
        self._number = count()
        self._agenda: list[tuple[float, int, Fault | _Begun]] = []
        self.injected: list[Injected] = []
        self.errors: list[str] = []
        """Sentences on faults that could not be made."""

    def start(self, start_s: float) -> None:
        """Begin to count, from the start of the load by time.monotonic()."""
        self._start_s = start_s
        for fault in self._faults:
            self._plan(fault.at_s, fault)
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)
        self._thread.start()

    def finish(self) -> list[Injected]:
        """Take back what is still going on and return what happened, in order."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_END_S)
        return sorted(self.injected, key=lambda each: each.began_s)

    def _plan(self, at_s: float, what: Fault | _Begun) -> None:
        heappush(self._agenda, (at_s, next(self._number), what))

    def _run(self) -> None:
        while self._agenda:
            at_s, _, what = heappop(self._agenda)
            late = self._ended.wait(max(0.0, self._start_s + at_s - time.monotonic()))
            if isinstance(what, _Begun):
                self._take_back(what)
            elif not late:
                self._begin(what)

    def _begin(self, fault: Fault) -> None:
        began_s = self._now_s()
        try:
            take_back = begin(fault, self._site)
        except (LoadTestError, OSError) as error:
            self._note(fault, began_s, str(error))
            return
        lasts_s = _lasts_s(fault)
        if lasts_s is None:
            self._note(fault, began_s)
        else:
            self._plan(began_s + lasts_s, _Begun(fault, began_s, take_back))

    def _take_back(self, begun: _Begun) -> None:
        try:
            begun.take_back()
        except (LoadTestError, OSError) as error:
            self._note(begun.fault, begun.began_s, str(error))
        else:
            self._note(begun.fault, begun.began_s)

    def _note(self, fault: Fault, began_s: float, error: str = "") -> None:
        if error:
            self.errors.append(f"The fault {fault.kind} at {fault.at_s:g} s failed: {error}")
        ended_s = self._now_s()
        self.injected.append(Injected(fault.kind, fault_replica(fault), began_s, ended_s, error))

    def _now_s(self) -> float:
        return time.monotonic() - self._start_s


def _lasts_s(fault: Fault) -> float | None:
    """Return after what time a fault is taken back; None if there is nothing to take back."""
    if isinstance(fault, KillReplica):
        return fault.restart_after_s
    return getattr(fault, "for_s", None)
