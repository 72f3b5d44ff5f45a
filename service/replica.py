"""One replica's inside: it serves what the store says, and swaps when the store says otherwise."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import structlog

from models.manifest import Manifest
from models.store import Store
from service.catalogue import Catalogue, CataloguedModel, ServedVersion
from service.errors import Unavailable
from service.generation import STOP_S, Builder, Loadout, Name
from service.generations import Generations
from service.inference.pidfds import adopt_orphans
from service.inference.source import StartMethod
from service.inference.states import PoolStatistics
from service.metrics import Gauge, Metrics
from service.settings import Settings
from service.storekeeper import Storekeeper

HEARD_LIMIT_S = 5.0
"""A pool of which no worker said anything for so long is not ready."""

Flip = Callable[[Catalogue], None]
"""Hears what is served from now on."""

log = structlog.get_logger()


class NothingToServe(Exception):
    """No version of the store can be served; the text says why and what to do."""


class Replica:
    """Everything behind the HTTP layer.

    Args:
        settings: the replica's settings.
        metrics: where it counts.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._storekeeper = Storekeeper(Store(settings.store), settings.aliases, self._refuse)
        self._generations = Generations(settings)
        on_ended = self._generations.on_worker_ended
        self._builder = Builder(settings, metrics, on_ended, self._on_loader_gone)
        self._served: dict[Name, ServedVersion] = {}
        self._refusals = 0
        self._reload = asyncio.Event()
        self._looked: list[asyncio.Future[None]] = []
        self._renew = False
        self._stopping = False
        # Before it is read: what changes then is seen at the next look.
        self._state = self._storekeeper.state()
        self.catalogue = self._storekeeper.read()
        metrics.add_gauges(self._gauges)

    async def start(self, flip: Flip) -> None:
        """Load every version that shall be served, try it, and start the workers.

        Raises:
            NothingToServe: the store is empty, or every version was refused.
            Unavailable: the workers cannot be made; the text says why.
            TimeoutError: they do not get ready.
        """
        if not self.catalogue.models:
            raise NothingToServe(
                f"The store {self._settings.store} has no models. Train some with "
                "`python -m models train --all`, or register your own with "
                "`python -m models register FILE.joblib --name NAME --sample ROWS.csv`."
            )
        adopt_orphans()
        await self._swap(self.catalogue, flip)
        if not self._served:
            raise NothingToServe("Every model of the store was refused; the log says why.")

    async def follow_store(self, flip: Flip) -> None:
        """Swap whenever the store changes, somebody asks, or the loader has died; for ever."""
        while True:
            await self._wait_for_reason()
            looked, self._looked = self._looked, []
            try:
                await self._look_at_store(flip)
            except (OSError, Unavailable, TimeoutError) as error:
                self._refusals += 1
                log.error("swap_failed", reason=str(error) or "it took too long")  # noqa: TRY400
            for future in looked:
                if not future.done():
                    future.set_result(None)

    async def _look_at_store(self, flip: Flip) -> None:
        now = await asyncio.to_thread(self._storekeeper.state)
        if now == self._state and not self._renew and not self._reload.is_set():
            return
        self._state, renew, self._renew = now, self._renew, False
        self._reload.clear()
        if now:
            await self._swap(self._storekeeper.read(), flip, renew)
        else:
            log.error("store_empty", reason="what is served is kept; is the store still there?")

    def reload(self) -> None:
        """Look at the store now."""
        self._reload.set()

    async def show(self, name: str) -> None:
        """Serve what the store says of a name (again), and look at it now.

        Raises:
            Unavailable: that took too long.
        """
        self._storekeeper.hidden.discard(name)
        await self._look()

    async def hide(self, name: str) -> None:
        """Serve nothing of a name until it is shown again, or the service starts anew.

        Raises:
            Unavailable: that took too long.
        """
        self._storekeeper.hidden.add(name)
        await self._look()

    async def _look(self) -> None:
        looked = asyncio.get_running_loop().create_future()
        self._looked.append(looked)
        self._reload.set()
        try:
            async with asyncio.timeout(self._settings.load_timeout_s):
                await looked
        except TimeoutError:
            raise Unavailable("It takes longer than the time to load a model.") from None

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
        current = self._generations.current
        return None if current is None else current.loadout.source.method

    def workers(self) -> PoolStatistics:
        """Return a snapshot of the serving workers."""
        return self._generations.workers()

    async def _wait_for_reason(self) -> None:
        try:
            async with asyncio.timeout(self._settings.watch_store_s or None):
                await self._reload.wait()
        except TimeoutError:
            pass  # it is time to look

    async def _swap(self, catalogue: Catalogue, flip: Flip, renew: bool = False) -> None:
        """Build the generation that the catalogue asks for beside the running one, and flip."""
        running = self._generations.current
        wanted = catalogue.wanted()
        stale = {
            name
            for name, served in self._served.items()
            if name in wanted and served.manifest != wanted[name]
        }
        if running is not None and not renew and not stale:
            keep = self._choose(catalogue, running.loadout.tried)
            if wanted.keys() | keep == running.lanes.keys():
                self._flip(catalogue, keep, flip)  # aliases moved among versions that are there
                return
        loadout = await self._builder.load(wanted, running, stale)
        keep = await self._settle(catalogue, loadout)
        manifests = {name: served.manifest for name, served in self._served.items()} | wanted
        same = running is not None and keep == running.lanes.keys()
        if not keep or (same and not renew and not stale):
            await loadout.stop(STOP_S)
        else:
            try:
                await self._start_next(loadout, keep, manifests)
            except BaseException:
                await loadout.stop(STOP_S)
                raise
        self._flip(catalogue, keep, flip)

    async def _settle(self, catalogue: Catalogue, loadout: Loadout) -> set[Name]:
        """Note what was refused, and return the versions that shall be served."""
        for name, reason in loadout.refused.items():
            self._refuse(catalogue.models[name[0]], name[1], reason)
        keep = self._choose(catalogue, loadout.tried)
        formers = {
            name: served.manifest
            for name, served in self._served.items()
            if name[0] in {model.name for model in catalogue.models.values() if model.missing()}
        }
        if formers:  # a loader that is no branch does not have them yet
            await self._builder.add(loadout, formers)
            keep = self._choose(catalogue, loadout.tried)
        return keep

    async def _start_next(
        self, loadout: Loadout, keep: set[Name], manifests: dict[Name, Manifest]
    ) -> None:
        generation = self._builder.generation(loadout, keep, manifests)
        if self._generations.current is not None:
            generation.inherit(self._generations.current)
        await generation.start()
        for name in keep:
            known = self._served.get(name)
            if known is None or known.manifest != manifests[name]:
                # Types take a while to make; the loop has requests to answer meanwhile.
                self._served[name] = await asyncio.to_thread(
                    ServedVersion,
                    manifests[name],
                    self._metrics.model(*name),
                    self._settings.max_rows,
                )
        self._generations.replace(generation)

    def _flip(self, catalogue: Catalogue, keep: set[Name], flip: Flip) -> None:
        """Let every request from now on find the new generation, in one turn of the loop."""
        generation = self._generations.current
        if generation is not None:
            for name in keep:
                served = self._served[name]
                batcher, lane = generation.batcher, generation.lanes[name]
                served.admit = partial(batcher.admit, lane)
                served.submit = partial(batcher.submit, lane)
                served.outlook = partial(batcher.outlook, lane)
                served.refuse_guilty = partial(batcher.refuse_guilty, lane)
                served.condemn = partial(batcher.condemn, lane)
                served.streams = generation.streams
                catalogue.models[name[0]].served[name[1]] = served
        # What the generation has though nothing is asked of it, it may be asked again.
        has = generation.lanes.keys() if generation is not None else set()
        for name in self._served.keys() - keep - has:
            del self._served[name]
        self.catalogue = catalogue
        flip(catalogue)
        log.info("serving", models=sorted(f"{name} {version}" for name, version in keep))

    def _choose(self, catalogue: Catalogue, able: set[Name]) -> set[Name]:
        """Choose who answers for each alias: its version, or else the one that answered before."""
        keep = set()
        for model in catalogue.models.values():
            before = self.catalogue.models.get(model.name)
            for alias, version in model.aliases.items():
                if version not in model.wanted:
                    continue
                former = before.effective.get(alias) if before is not None else None
                for candidate in (version, former):
                    if candidate is not None and (model.name, candidate) in able:
                        model.effective[alias] = candidate
                        keep.add((model.name, candidate))
                        break
        return keep

    def _refuse(self, model: CataloguedModel, version: int, reason: str) -> None:
        model.refused[version] = reason
        self._refusals += 1
        log.error("model_refused", model=model.name, version=version, reason=reason)

    def _on_loader_gone(self) -> None:
        if not self._stopping:
            log.error("loader_gone", reason="its workers go on serving; a new one is built")
            self._renew = True
            self._reload.set()

    def _gauges(self) -> Iterator[Gauge]:
        workers = self.workers()
        yield "percore_workers_wanted", "Workers that should run", workers.wanted
        yield "percore_workers_ready", "Workers that can take a batch or have one", workers.ready
        yield "percore_workers_spare", "Workers that wait for another one's death", workers.spare
        yield "percore_workers_busy", "Workers that compute a batch", workers.busy
        yield "percore_worker_restarts_total", "Workers that were replaced", workers.restarts
        yield "percore_swaps_total", "Generations that were replaced", self._generations.swaps
        yield "percore_swaps_refused_total", "Versions that were refused", self._refusals
        retried = self._generations.retried()
        yield "percore_requests_retried_total", "Requests of dead workers", retried
        if self._generations.current is not None:
            queue = self._generations.current.batcher.statistics()
            yield "percore_requests_waiting", "Requests that wait for a worker", queue.waiting
            yield "percore_requests_in_flight", "Requests that workers compute", queue.in_flight
            wait_s = queue.wait_s
            yield "percore_predicted_wait_seconds", "Wait of a request behind all others", wait_s
            yield "percore_inputs_quarantined", "Inputs that ended two workers", queue.quarantined
