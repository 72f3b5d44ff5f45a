"""A fleet with its front and its faults, for as long as a load lasts."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loadtest.faults.impact import Event, Impact, Promise, impacts
from loadtest.faults.injector import Injector
from loadtest.faults.site import Site, running_site
from loadtest.fleet import Replica
from loadtest.front import Front, FrontFigures, running_front
from loadtest.record import LoadResult
from loadtest.scenario import Scenario


class Stage:
    """What a run needs of fleet, front and faults.

    Args:
        scenario: with its faults.
        site: the fleet.
        front: where requests go.
    """

    def __init__(self, scenario: Scenario, site: Site, front: Front) -> None:
        self.front = front
        self._scenario = scenario
        self._site = site
        self._injector = Injector(site, scenario.faults)
        self._start_s = 0.0

    def started(self, start_s: float) -> None:
        """Let the faults' clock begin with the load's, by time.monotonic()."""
        self._start_s = start_s
        self._injector.start(start_s)

    def finish(self) -> list[str]:
        """End the faults; return sentences on processes that ended, and on faults that failed."""
        self._injector.finish()
        children = dict.fromkeys(self._site.children + self.front.children)
        return [
            f"{child.name} ended with code {child.exit_code} during the run; see {child.log}."
            for child in children
            if child.exit_code is not None and child.name not in self._site.ended_on_purpose
        ] + self._injector.errors

    def impacts(self, result: LoadResult) -> list[Impact]:
        """Return what each fault did; call it when the front has ended and written its events."""
        scenario = self._scenario
        slo = scenario.slo
        promise = Promise(
            limit_s=slo.limit_s if slo else scenario.load.timeout_s,
            share=slo.p if slo else 1.0,
            open_loop=scenario.load.is_open,
        )
        events = [
            Event(line["event"], line["replica"], line["at_s"] - self._start_s)
            for line in read_events(self.front)
            if "replica" in line
        ]
        return impacts(
            self._injector.finish(), result.records, events, promise, scenario.load.duration_s
        )

    def figures(self) -> FrontFigures:
        """Return what the front counted; call it when the front has ended."""
        totals = [line for line in read_events(self.front) if line["event"] == "totals"]
        known = (
            {k: v for k, v in totals[-1].items() if k not in {"event", "at_s"}} if totals else {}
        )
        return FrontFigures(self.front.product, known)


@contextmanager
def running_stage(
    scenario: Scenario,
    replicas: Sequence[Replica],
    folder: Path,
    swap: tuple[str, int] | None = None,
) -> Iterator[Stage]:
    """Put the front, and what faults need, before running replicas.

    Args:
        scenario: balancer, faults and cores.
        replicas: ready ones.
        folder: where logs go.
        swap: model and version that swap_version promotes.
    """
    with running_site(scenario.fleet, scenario.faults, replicas, folder) as (site, addresses):
        site.swap = swap
        cores = scenario.fleet.balancer_cores
        with running_front(scenario.balancer, addresses, folder, cores) as front:
            site.front = front
            stage = Stage(scenario, site, front)
            try:
                yield stage
            finally:
                stage.finish()


def read_events(front: Front) -> list[dict[str, Any]]:
    """Return the lines that our balancer wrote; none of the others' does."""
    if front.events is None or not front.events.exists():
        return []
    return [json.loads(line) for line in front.events.read_text(encoding="utf-8").splitlines()]
