"""Replicas report what they did of late, and how busy they were for it (ORCA)."""

from collections.abc import Sequence

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
        until_s: the last report is before this.
    """

    def __init__(
        self,
        clock: Clock,
        replicas: Sequence[Replica],
        views: Sequence[ReportedWeights],
        every_s: float,
        until_s: float,
    ) -> None:
        self._clock, self._replicas, self._views = clock, replicas, views
        self._every_s, self._until_s = every_s, until_s
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
        if now + self._every_s < self._until_s:
            self._clock.at(now + self._every_s, self._report)
