"""One API process's inside: the generation that serves, and what leads requests to it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from models.manifest import Manifest
from service.builder import Builder
from service.catalogue import Catalogue, ServedVersion
from service.generation import Generation
from service.generations import Generations
from service.inference.source import StartMethod
from service.inference.states import PoolStatistics
from service.loadout import Loadout, Name
from service.metrics import Gauge, Metrics
from service.settings import Settings
from service.steward import Steward
from service.whole import Overview, Whole

HEARD_LIMIT_S = 5.0
"""A pool of which no worker said anything for so long is not ready."""

Flip = Callable[[Catalogue], None]
"""Hears what is served from now on."""


class Replica:
    """Everything behind the HTTP layer.

    Args:
        settings: the replica's settings.
        metrics: where it counts.
        cores: one a worker, which it is pinned to; none if workers run where the system likes.

    Attributes:
        catalogue: what is served.
        whole: the service that this is, or is a part of; set by whoever joins the parts.
        on_flip: hears what is served from now on, in the turn of the loop in which it begins.
        on_loader_gone: called when the loader has ended by itself.
        on_differs: hears of a version whose forms are not used any more, and what differed.
    """

    whole: Whole

    def __init__(self, settings: Settings, metrics: Metrics, cores: Sequence[int] = ()) -> None:
        self._settings = settings
        self._metrics = metrics
        self._cores = tuple(cores)
        self._generations = Generations(settings)
        on_ended = self._generations.on_worker_ended
        self.builder = Builder(settings, metrics, on_ended, self._on_loader_gone, self._on_differs)
        self._served: dict[Name, ServedVersion] = {}
        self._next: tuple[Generation, dict[Name, ServedVersion]] | None = None
        self._stopping = False
        self.catalogue = Catalogue({})
        self.on_flip: Flip = lambda _: None
        self.on_loader_gone: Callable[[], None] = lambda: None
        self.on_differs: Callable[[Name, str], None] = lambda *_: None
        metrics.add_gauges(self._gauges)

    def held(self) -> Loadout | None:
        """Return what the serving workers were made from."""
        current = self._generations.current
        return None if current is None else current.loadout

    def manifests(self) -> dict[Name, Manifest]:
        """Return the versions that can be served at once."""
        return {name: served.manifest for name, served in self._served.items()}

    async def serve(
        self, catalogue: Catalogue, manifests: dict[Name, Manifest], loadout: Loadout | None
    ) -> None:
        """Prepare a loadout if there is one, and flip.

        Raises:
            Unavailable: its workers cannot be made; what served before goes on.
            TimeoutError: they do not get ready; what served before goes on.
        """
        if loadout is not None:
            await self.prepare(loadout, manifests)
        self.flip(catalogue, set(manifests), hold=False)

    async def prepare(self, loadout: Loadout, manifests: dict[Name, Manifest]) -> None:
        """Start the workers of the next generation.

        Raises:
            Unavailable: they end before they are ready, or cannot be made; the text says why.
            TimeoutError: they do not get ready.
        """
        generation = self.builder.generation(loadout, manifests, self._cores)
        if self._generations.current is not None:
            generation.inherit(self._generations.current)
        try:
            await generation.start()
        except BaseException:
            generation.batcher.close()
            generation.pool.stop()
            raise
        served = {}
        for name, manifest in manifests.items():
            known = self._served.get(name)
            if known is None or known.manifest != manifest:
                # Types take a while to make; the loop has requests to answer meanwhile.
                known = await asyncio.to_thread(
                    ServedVersion, manifest, self._metrics.model(*name), self._settings.max_rows
                )
            served[name] = known
        self._next = (generation, served)

    async def abandon(self) -> None:
        """End the workers of a generation that was prepared and shall not serve."""
        if self._next is not None:
            (generation, _), self._next = self._next, None
            await generation.retire(0.0)

    def flip(self, catalogue: Catalogue, keep: set[Name], *, hold: bool) -> None:
        """Let every request from now on find what was prepared, in one turn of the loop.

        Args:
            catalogue: what is served from now on.
            keep: the versions that answer.
            hold: whether no worker begins a batch until `release`.
        """
        if self._next is not None:
            (generation, served), self._next = self._next, None
            self._served |= served
            self._generations.replace(generation)
        current = self._generations.current
        if current is not None:
            if hold:
                current.batcher.hold()
            for name in keep:
                known = self._served[name]
                batcher, lane = current.batcher, current.lanes[name]
                known.admit = partial(batcher.admit, lane)
                known.submit = partial(batcher.submit, lane)
                known.outlook = partial(batcher.outlook, lane)
                known.refuse_guilty = partial(batcher.refuse_guilty, lane)
                known.condemn = partial(batcher.condemn, lane)
                known.streams = current.streams
                known.computed_by(*current.loadout.plans[name])
                catalogue.models[name[0]].served[name[1]] = known
        # What the generation has though nothing is asked of it, it may be asked again.
        has = current.lanes.keys() if current is not None else set()
        for name in self._served.keys() - keep - has:
            del self._served[name]
        self.catalogue = catalogue
        self.on_flip(catalogue)

    def release(self) -> None:
        """Let workers begin batches again."""
        if self._generations.current is not None:
            self._generations.current.batcher.release()

    def begin_stop(self) -> None:
        """Be not ready from now on; what comes is answered all the same."""
        self._stopping = True

    async def stop(self) -> None:
        """Answer what was accepted, then end all processes."""
        self._stopping = True
        await self._generations.stop()

    def is_ready(self) -> bool:
        """Return whether every alias in use is answered by workers that were heard lately."""
        workers = self.workers()
        heard_lately = workers.heard_s is not None and workers.heard_s < HEARD_LIMIT_S
        return (
            not self._stopping and workers.ready > 0 and heard_lately and self.catalogue.complete()
        )

    def start_method(self) -> StartMethod | None:
        """Return how workers are made, once that is known."""
        held = self.held()
        return None if held is None else held.source.method

    def workers(self) -> PoolStatistics:
        """Return a snapshot of the serving workers."""
        return self._generations.workers()

    def _on_loader_gone(self) -> None:
        if not self._stopping:
            self.on_loader_gone()

    def _on_differs(self, name: Name, told: str) -> None:
        """Trust no plan of a version any more, until it is planned anew."""
        self._metrics.model(*name).plan_differences += 1
        self.fall_back(name, told)
        self.on_differs(name, told)

    def fall_back(self, name: Name, told: str) -> None:
        """Let scikit-learn compute a version from now on, in all workers."""
        reason = f"in service a form answered otherwise than scikit-learn: {told}"
        self.builder.distrusted[name] = reason
        self._generations.fall_back(name, reason)
        if self._next is not None:
            self._next[0].fall_back(name, reason)
        served = self._served.get(name)
        if served is not None:
            served.computed_by((), reason)

    def _gauges(self) -> Iterator[Gauge]:
        workers = self.workers()
        yield "percore_workers_wanted", "Workers that should run", workers.wanted
        yield "percore_workers_ready", "Workers that can take a batch or have one", workers.ready
        yield "percore_workers_spare", "Workers that wait for another one's death", workers.spare
        yield "percore_workers_busy", "Workers that compute a batch", workers.busy
        yield "percore_worker_restarts_total", "Workers that were replaced", workers.restarts
        retried = self._generations.retried()
        yield "percore_requests_retried_total", "Requests of dead workers", retried
        if self._generations.current is not None:
            queue = self._generations.current.batcher.statistics()
            yield "percore_requests_waiting", "Requests that wait for a worker", queue.waiting
            yield "percore_requests_in_flight", "Requests that workers compute", queue.in_flight
            wait_s = queue.wait_s
            yield "percore_predicted_wait_seconds", "Wait of a request behind all others", wait_s
            yield "percore_inputs_quarantined", "Inputs that ended two workers", queue.quarantined


class Alone:
    """A service of one API process: it decides for itself, and its own numbers are all there are.

    Args:
        replica: all of it.
        steward: decides what it serves.
        metrics: where it counts.
    """

    def __init__(self, replica: Replica, steward: Steward, metrics: Metrics) -> None:
        self._replica = replica
        self._steward = steward
        self._metrics = metrics
        self.show = steward.show
        self.hide = steward.hide

    async def overview(self) -> Overview:
        """Return how this process is now."""
        return Overview(self._replica.is_ready(), self._replica.workers(), self._metrics)

    async def reload(self) -> None:
        """Look at the store now."""
        self._steward.reload()
