"""One replica's inside: store → loader → workers → batcher, started and stopped in order."""

from collections.abc import Iterator
from typing import Literal

import structlog

from models.errors import StoreError
from models.store import PRODUCTION, Store
from service.batching.batcher import Batcher
from service.batching.lane import Lane
from service.catalogue import Catalogue, CataloguedModel, ServedVersion
from service.errors import Unavailable
from service.inference.limits import Limits
from service.inference.pool import PoolStatistics, WorkerPool
from service.inference.process import LoaderProcess, adopt_orphans
from service.inference.rehearsal import Rehearsal
from service.inference.source import SpawnSource, StartMethod, WorkerSource
from service.metrics import Gauge, Metrics
from service.settings import Settings

STOP_S = 5.0
HEARD_LIMIT_S = 5.0
"""A pool of which no worker said anything for so long is not ready."""

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
        self._store = Store(settings.store)
        self._source: WorkerSource | None = None
        self._pool = WorkerPool(settings.worker_count())
        self.batcher = Batcher(
            self._pool, settings.max_batch_rows, settings.max_waiting, settings.hang_limit_s
        )
        self.catalogue = self._read_store()
        self._indices: dict[tuple[str, int], int] = {}
        self._started = False
        self._stopping = False
        metrics.add_gauges(self._gauges)

    async def start(self) -> None:
        """Load every version that shall be served, try it, and start the workers.

        Raises:
            NothingToServe: the store is empty, or every version was refused.
        """
        if not self.catalogue.models:
            raise NothingToServe(
                f"The store {self._settings.store} has no models. Train some with "
                "`python -m models train --all`, or register your own with "
                "`python -m models register FILE.joblib --name NAME --sample ROWS.csv`."
            )
        adopt_orphans()
        source = await self._load_all(self._settings.start_method)
        await self._rehearse_all(source)
        if not any(model.served for model in self.catalogue.models.values()):
            raise NothingToServe("Every model of the store was refused; the log says why.")
        await self._pool.start(source, self.batcher)
        self._started = True

    async def stop(self) -> None:
        """End workers and loader; what is in flight has been waited for by then."""
        self._stopping = True
        self.batcher.close()
        self._pool.stop()
        if self._source is not None:
            await self._source.stop(STOP_S)

    def is_ready(self) -> bool:
        """Return whether every version is served by workers that answered lately."""
        workers = self._pool.statistics()
        heard_lately = workers.heard_s is not None and workers.heard_s < HEARD_LIMIT_S
        return (
            self._started
            and not self._stopping
            and workers.ready > 0
            and heard_lately
            and self.catalogue.complete()
        )

    def start_method(self) -> StartMethod | None:
        """Return how workers are made, once that is known."""
        return None if self._source is None else self._source.method

    def workers(self) -> PoolStatistics:
        """Return a snapshot of the workers."""
        return self._pool.statistics()

    def _read_store(self) -> Catalogue:
        models = {}
        for name in self._store.names():
            try:
                model = CataloguedModel(name, self._store.versions(name), self._store.aliases(name))
            except StoreError as error:
                log.error("model_unreadable", model=name, reason=str(error))  # noqa: TRY400
                continue
            wanted = {PRODUCTION, *self._settings.aliases} & model.aliases.keys()
            for version in sorted({model.aliases[alias] for alias in wanted}):
                model.wanted.add(version)
                try:
                    model.manifests[version] = self._store.manifest(name, version)
                except StoreError as error:
                    self._refuse(model, version, str(error))
            models[name] = model
        return Catalogue(models)

    async def _load_all(self, method: StartMethod | Literal["auto"]) -> WorkerSource:
        """Load every version that shall be served; remember its index, or why it was refused."""
        source = self._source = self._make_source(method)
        source.start()
        threads = 1
        for model in self.catalogue.models.values():
            for version in model.manifests:
                try:
                    loaded = await source.load(model.name, version, self._settings.load_timeout_s)
                except (Unavailable, TimeoutError) as error:
                    self._refuse(model, version, str(error) or "it took too long to load")
                    continue
                self._indices[model.name, version] = loaded.model
                if loaded.threads > threads:
                    threads = loaded.threads
                    log.warning("model_with_threads", model=model.name, threads=threads)
        if threads == 1 or method != "auto":
            return source
        log.warning(
            "spawning", reason="a process with threads must not fork: each worker loads a copy"
        )
        await source.stop(STOP_S)
        return await self._load_all("spawn")

    def _make_source(self, method: StartMethod | Literal["auto"]) -> WorkerSource:
        store, ended = self._settings.store, self._on_worker_ended
        limits = Limits(self._settings.max_rows, self._settings.max_image_pixels)
        if method == "spawn":
            return SpawnSource(store, limits, ended)
        return LoaderProcess(store, limits, ended, self._on_loader_gone)

    async def _rehearse_all(self, source: WorkerSource) -> None:
        """Let every loaded version predict its golden rows; serve those that answer as they did."""
        rehearsal = Rehearsal(source, self._settings.load_timeout_s)
        for (name, version), index in self._indices.items():
            model = self.catalogue.models[name]
            try:
                await rehearsal.try_golden_rows(model.manifests[version], index)
            except Unavailable as error:
                self._refuse(model, version, str(error))
            else:
                self._serve(model, version, index)
        rehearsal.close()

    def _serve(self, model: CataloguedModel, version: int, index: int) -> None:
        manifest = model.manifests[version]
        metrics = self._metrics.model(model.name, version)
        lane = Lane(f"{model.name}/{version}", index, manifest.output, metrics.on_batch)
        self.batcher.add_lane(lane)
        model.served[version] = ServedVersion(manifest, lane, metrics, self._settings.max_rows)
        log.info("model_served", model=model.name, version=version)

    def _refuse(self, model: CataloguedModel, version: int, reason: str) -> None:
        model.refused[version] = reason
        log.error("model_refused", model=model.name, version=version, reason=reason)

    def _on_worker_ended(self, worker: int, status: int) -> None:
        if worker > 0:
            self._pool.on_ended(worker, status)

    def _on_loader_gone(self) -> None:
        if not self._stopping:
            log.error("loader_gone", reason="the loader ended; its workers go on serving")

    def _gauges(self) -> Iterator[Gauge]:
        workers, queue = self._pool.statistics(), self.batcher.statistics()
        yield "percore_workers_wanted", "Workers that should run", workers.wanted
        yield "percore_workers_ready", "Workers that can take a batch or have one", workers.ready
        yield "percore_workers_busy", "Workers that compute a batch", workers.busy
        yield "percore_worker_restarts_total", "Workers that were replaced", workers.restarts
        yield "percore_requests_waiting", "Requests that wait for a worker", queue.waiting
        yield "percore_requests_in_flight", "Requests that workers compute", queue.in_flight
        yield "percore_requests_retried_total", "Requests of dead workers", queue.retried
        yield "percore_inputs_quarantined", "Inputs that ended two workers", queue.quarantined
