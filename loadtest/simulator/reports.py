"""Replicas report what they did of late, and how busy they were for it (ORCA)."""

from collections.abc import Callable, Sequence

from loadtest.simulator.clock import Clock
from loadtest.simulator.replica import Replica
from loadtest.simulator.weighted import ReportedWeights, reported_weight


class Reports:
    """Reports of all replicas at regular times, to all balancers.

    Args:
        clock: of the simulation.
        replicas: all of them.
        views: who is told.
        every_s: how often.
        goes_on: whether requests still come at a time; the last report is before they end.
    """

    def __init__(
        self,
        clock: Clock,
        replicas: Sequence[Replica],
        views: Sequence[ReportedWeights],
        every_s: float,
        goes_on: Callable[[float], bool],
    ) -> None:
        self._clock, self._replicas, self._views = clock, replicas, views
        self._every_s, self._goes_on = every_s, goes_on
        self._before = [(0, 0, 0.0)] * len(replicas)

    def start(self) -> None:
        """Put the first report into the clock."""
        self._clock.at(self._every_s, self._report)

    def _report(self, now: float, subject: None) -> None:
        del subject
        weights = []
        for replica in self._replicas:
            served, failed, busy_s = self._before[replica.number]
            self._before[replica.number] = (replica.served, replica.failed, replica.busy_s)
            errors_per_s = (replica.failed - failed) / self._every_s
            answers_per_s = (replica.served - served) / self._every_s + errors_per_s
            utilisation = (replica.busy_s - busy_s) / self._every_s / replica.workers
            weights.append(reported_weight(answers_per_s, errors_per_s, min(utilisation, 1.0)))
        for view in self._views:
            view.set_weights(weights)
        if self._goes_on(now + self._every_s):
            self._clock.at(now + self._every_s, self._report)
