"""Faults: what happens to replicas and when, and when the balancers' probes find out."""

from collections.abc import Callable, Sequence
from random import Random

from loadtest.simulator.clock import Clock
from loadtest.simulator.network import Network
from loadtest.simulator.replica import Replica
from loadtest.simulator.settings import Fault, Health
from loadtest.simulator.view import DRAINED, PROBED, View

_EVERYWHERE = frozenset({"swap_version", "memory_pressure", "cpu_hog"})
"""These compute beside all replicas."""


class Chaos:
    """Lets faults happen.

    Args:
        clock: of the simulation.
        replicas: all of them.
        views: every balancer's; each finds out by itself.
        health: the probes; None: nobody probes.
        random: where in its interval each probe stands.
    """

    def __init__(
        self,
        clock: Clock,
        replicas: Sequence[Replica],
        views: Sequence[View],
        health: Health | None,
        random: Random,
    ) -> None:
        self._clock = clock
        self._replicas = replicas
        self._views = views
        self._health = health
        self._random = random
        self._changes = [0] * len(replicas)

    def plan(self, fault: Fault, zones: int) -> None:
        """Put a fault into the clock."""
        if fault.kind == "rolling_restart":
            self._plan_restarts(fault)
            return
        chosen: Sequence[int] = fault.replicas
        if fault.kind == "lose_zone":
            chosen = [each.number for each in self._replicas if each.number % zones == fault.zone]
        elif fault.kind in _EVERYWHERE:
            chosen = range(len(self._replicas))
        for number in chosen:
            self._clock.at(fault.at_s, self._begin, (fault, number))
            if fault.for_s is not None:
                self._clock.at(fault.at_s + fault.for_s, self._end, number)

    def _plan_restarts(self, fault: Fault) -> None:
        """One replica after the other is drained, ended and started again."""
        away_s = fault.for_s or 0.0
        for place, replica in enumerate(self._replicas):
            begins_s = fault.at_s + place * (fault.drain_s + away_s)
            self._clock.at(begins_s, self._drain, replica.number)
            self._clock.at(begins_s + fault.drain_s, self._begin, (fault, replica.number))
            self._clock.at(begins_s + fault.drain_s + away_s, self._end, replica.number)

    def _drain(self, now: float, number: int) -> None:
        del now
        for view in self._views:
            view.block(number, DRAINED)

    def _begin(self, now: float, subject: tuple[Fault, int]) -> None:
        fault, number = subject
        replica = self._replicas[number]
        match fault.kind:
            case "kill" | "lose_zone" | "rolling_restart":
                replica.kill(now)
                self._tell(now, number, silent_s=0.0)
            case "stop":
                replica.stop(now)
                self._tell(now, number, silent_s=None)
            case "slow" | "swap_version" | "memory_pressure" | "cpu_hog":
                replica.slow_down(fault.factor)
            case "kill_worker":
                replica.kill_worker(now, fault.worker)
            case "network":
                replica.send_through(Network(fault.delay_s, fault.loss, self._random))
            case "disk_full":
                pass  # predicting writes no file
            case "slow_worker":
                replica.slow_down(fault.factor, fault.worker)
            case "fail_fast":
                # Its health page goes on saying 200: that is what makes it a black hole.
                replica.fail_fast(fault.within_s)

    def _end(self, now: float, number: int) -> None:
        self._replicas[number].recover(now)
        self._changes[number] += 1
        for view in self._views:
            view.readmit(number, DRAINED, now)
        if self._health is not None:
            self._when_probed(now, number, self._health.rise, 0.0, self._back)

    def _tell(self, now: float, number: int, silent_s: float | None) -> None:
        """Have every balancer find out; a probe of a stopped replica takes its whole time-out."""
        self._changes[number] += 1
        if self._health is not None:
            silent_s = self._health.timeout_s if silent_s is None else silent_s
            self._when_probed(now, number, self._health.fall, silent_s, self._gone)

    def _when_probed(
        self,
        now: float,
        number: int,
        times: int,
        silent_s: float,
        act: Callable[[float, tuple[View, int, int]], None],
    ) -> None:
        if self._health is None:
            return
        interval_s = self._health.interval_s
        for view in self._views:
            first_s = now + self._random.random() * interval_s
            found_s = first_s + (times - 1) * (interval_s + silent_s) + silent_s
            self._clock.at(found_s, act, (view, number, self._changes[number]))

    def _gone(self, now: float, subject: tuple[View, int, int]) -> None:
        del now
        view, number, change = subject
        if self._changes[number] == change:
            view.block(number, PROBED)

    def _back(self, now: float, subject: tuple[View, int, int]) -> None:
        view, number, change = subject
        if self._changes[number] == change:
            view.readmit(number, PROBED, now)
