"""Outlier ejection: who fails several times in a row gets no calls for a while."""

from loadtest.balancer.ejection import Ejection
from loadtest.simulator.call import Call, End
from loadtest.simulator.clock import Clock
from loadtest.simulator.view import EJECTED, View


class Ejector:
    """Judges replicas by the ends of their calls, for each balancer alone.

    A refusal says nothing either way: a replica that sheds is busy, not broken.

    Args:
        clock: of the simulation.
        rules: when, for how long, and how many at most.
    """

    def __init__(self, clock: Clock, rules: Ejection) -> None:
        self._clock = clock
        self._rules = rules
        self._ejections: dict[tuple[int, int], tuple[int, float]] = {}
        """Balancer and replica → how often it was ejected of late, and until when."""
        self._out: dict[int, int] = {}

    def observe(self, now: float, call: Call, end: End) -> None:
        """Take note of how a call ended."""
        view, replica = call.view, call.replica
        if end is End.RIGHT:
            view.failures[replica] = 0
        elif end is not End.REFUSED:
            view.failures[replica] += 1
            if view.failures[replica] >= self._rules.consecutive_failures and view.is_ready(
                replica
            ):
                self._eject(now, view, replica)

    def _eject(self, now: float, view: View, replica: int) -> None:
        rules, key = self._rules, (id(view), replica)
        out = self._out.get(id(view), 0)
        if out >= max(int(rules.max_share * view.count), 1):
            return
        self._out[id(view)] = out + 1
        times, until_s = self._ejections.get(key, (0, 0.0))
        # Each step of time that it stayed after the last ejection is forgiven, as Envoy has it.
        times = max(0, times - int((now - until_s) / rules.base_s)) + 1
        until_s = now + min(rules.base_s * times, rules.max_s)
        self._ejections[key] = (times, until_s)
        view.block(replica, EJECTED)
        self._clock.at(until_s, self._readmit, (view, replica))

    def _readmit(self, now: float, subject: tuple[View, int]) -> None:
        view, replica = subject
        self._out[id(view)] -= 1
        # On trial, as the real one has it: the next end decides.
        view.failures[replica] = self._rules.consecutive_failures - 1
        view.readmit(replica, EJECTED, now)
