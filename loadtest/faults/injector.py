"""Begins each fault at its time and takes it back, in threads beside the load."""

import threading
import time
from collections.abc import Sequence

from loadtest.errors import LoadTestError
from loadtest.faults.acts import begin
from loadtest.faults.impact import Injected
from loadtest.faults.site import Site
from loadtest.scenario.faults import Fault, KillReplica, fault_replica

_END_S = 120.0
"""How long a restart that has begun may go on after the load."""


class Injector:
    """Does what the scenario says, when it says so; each fault in a thread of its own.

    Args:
        site: where.
        faults: what, and when.
    """

    def __init__(self, site: Site, faults: Sequence[Fault]) -> None:
        self._site = site
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(fault,), name=fault.kind, daemon=True)
            for fault in faults
        ]
        self._start_s = 0.0
        self._injected: list[Injected] = []
        self.errors: list[str] = []
        """Sentences on faults that could not be made."""

    def start(self, start_s: float) -> None:
        """Begin to count, from the start of the load by time.monotonic()."""
        self._start_s = start_s
        for thread in self._threads:
            thread.start()

    @property
    def over(self) -> int:
        """How many faults were made, or could not be, and are taken back."""
        return len(self._injected)

    def finish(self) -> list[Injected]:
        """Take back what is still going on and return what happened, in order."""
        self._ended.set()
        deadline_s = time.monotonic() + _END_S
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline_s - time.monotonic()))
        return sorted(self._injected, key=lambda each: each.began_s)

    def _run(self, fault: Fault) -> None:
        if self._ended.wait(max(0.0, fault.at_s - self._now_s())):
            return  # the load was over before
        began_s, error = self._now_s(), ""
        try:
            take_back = begin(fault, self._site)
            self._ended.wait(_lasts_s(fault))
            take_back()
        except (LoadTestError, OSError) as failure:
            error = str(failure)
            self.errors.append(f"The fault {fault.kind} at {fault.at_s:g} s failed: {error}")
        self._injected.append(
            Injected(fault.kind, fault_replica(fault), began_s, self._now_s(), error)
        )

    def _now_s(self) -> float:
        return time.monotonic() - self._start_s


def _lasts_s(fault: Fault) -> float:
    """Return after what time a fault is taken back; 0 if there is nothing to take back."""
    if isinstance(fault, KillReplica):
        return fault.restart_after_s or 0.0
    return getattr(fault, "for_s", 0.0)
