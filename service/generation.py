"""A generation: one loader with its workers and their queue, for one set of versions.

The next one is built beside the one that serves: its loader is forked from the running one, so
that unchanged models come for nothing, loads what is new, and tries it in a throw-away worker.
Only then do requests go to it. The old one answers what it has, and ends.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import structlog

from models.manifest import Manifest
from service.batching.batcher import Batcher
from service.batching.lane import Lane
from service.batching.open_streams import OpenStreams
from service.batching.quarantine import Quarantine
from service.errors import FrameError, Unavailable
from service.inference.limits import Limits
from service.inference.pool import FORK_TIMEOUT_S, WorkerPool
from service.inference.process import STANDBY, Forked, LoaderProcess
from service.inference.rehearsal import Rehearsal
from service.inference.source import OnEnded, SpawnSource, StartMethod, WorkerSource
from service.metrics import Metrics
from service.settings import Settings

STOP_S = 5.0
QUARANTINED_INPUTS = 1024
QUARANTINE_S = 600.0
DRAIN_LOOK_S = 0.02

Name = tuple[str, int]
"""A model's name and version."""

OnDiffers = Callable[[Name, str], None]
"""Hears of a version of which a form answered otherwise than scikit-learn, and what differed."""


class PlanInUse(NamedTuple):
    """How a version is computed."""

    ranges: tuple[dict[str, Any], ...]
    """Of each range of batch sizes the `form`, and `up_to_rows`: the largest, None for the last."""
    reason: str
    """Why scikit-learn computes all; empty if there is a plan."""


log = structlog.get_logger()


@dataclass(slots=True)
class Loadout:
    """What a source holds."""

    source: WorkerSource
    numbers: dict[Name, int] = field(default_factory=dict)
    """Version → the loader's number for it."""
    refused: dict[Name, str] = field(default_factory=dict)
    """Version that was asked for → why it is not held."""
    tried: set[Name] = field(default_factory=set)
    """Versions whose golden rows came out right."""
    plans: dict[Name, PlanInUse] = field(default_factory=dict)
    """Version → how it is computed."""
    standby: LoaderProcess | None = None
    """Has the same versions, and does nothing: if the loader dies, the next is forked from it."""
    is_branch: bool = False
    """Whether another process holds a loader with the same versions: then it needs no standby."""

    def alive(self) -> LoaderProcess | None:
        """Return a process that can be forked and has these versions, if one is left."""
        for source in (self.source, self.standby):
            if isinstance(source, LoaderProcess) and source.is_alive:
                return source
        return None

    async def stand_by(self, timeout_s: float) -> None:
        """Fork the standby; it shares all memory with the loader."""
        if isinstance(self.source, LoaderProcess) and not self.is_branch:
            self.standby = await self.source.branch(timeout_s, STANDBY)

    def fall_back(self, name: Name, reason: str) -> None:
        """Let scikit-learn compute a version in all workers that are made from now on."""
        if name in self.numbers:
            for source in (self.source, self.standby):
                if source is not None:
                    source.fall_back(self.numbers[name], reason)
            self.plans[name] = PlanInUse((), reason)

    async def stop(self, limit_s: float) -> None:
        """End all processes."""
        if self.standby is not None:
            await self.standby.stop(limit_s)
        await self.source.stop(limit_s)


class Generation:
    """Workers that serve a loadout, and the queue before them.

    Args:
        loadout: what is served.
        lanes: a queue for each version of it.
        settings: the replica's settings.
        quarantine: inputs that are not tried, in no generation.
        cores: one a worker, which it is pinned to; none if workers are not pinned.
        on_differs: hears of forms that are not used any more.
    """

    def __init__(
        self,
        loadout: Loadout,
        lanes: dict[Name, Lane],
        settings: Settings,
        quarantine: Quarantine,
        cores: Sequence[int] = (),
        on_differs: OnDiffers | None = None,
    ) -> None:
        self.loadout = loadout
        self.lanes = lanes
        self.streams = OpenStreams()
        self._tell_differs = on_differs
        self.pool = WorkerPool(settings.worker_count(), cores, self._on_differs)
        self.batcher = Batcher(
            self.pool,
            settings.max_batch_rows,
            settings.max_waiting,
            settings.max_queue_wait_s,
            settings.hang_limit_s,
            quarantine,
        )
        for lane in lanes.values():
            self.batcher.add_lane(lane)

    def fall_back(self, name: Name, reason: str) -> None:
        """Let scikit-learn compute a version from now on, in this generation's workers."""
        if name in self.loadout.numbers:
            self.pool.fall_back(self.loadout.numbers[name])
            self.loadout.fall_back(name, reason)

    def _on_differs(self, model: int, found: bytes) -> None:
        names = {number: name for name, number in self.loadout.numbers.items()}
        name = names.get(model)
        if name is None:
            raise FrameError("a difference in a model that is not there")
        told = found.decode(errors="replace")
        log.error("plan_differs", model=name[0], version=name[1], found=told)
        self.fall_back(name, f"in service a form answered otherwise than scikit-learn: {told}")
        if self._tell_differs is not None:
            self._tell_differs(name, told)

    def inherit(self, former: "Generation") -> None:
        """Take over what was learned of the versions that both serve."""
        for name in self.lanes.keys() & former.lanes.keys():
            self.lanes[name].cost = former.lanes[name].cost

    async def start(self) -> None:
        """Start the workers.

        Raises:
            Unavailable: they end before they are ready, or cannot be made; the text says why.
            TimeoutError: they do not get ready.
        """
        await self.pool.start(self.loadout.source, self.batcher)
        await self.loadout.stand_by(FORK_TIMEOUT_S)

    async def retire(self, limit_s: float) -> None:
        """Answer what was accepted, and streams to their end; then end all processes."""
        deadline = asyncio.get_running_loop().time() + limit_s
        while any(self.batcher.statistics()[:2]) or self.streams:
            if asyncio.get_running_loop().time() > deadline:
                cut_off = self.batcher.statistics()._asdict()
                log.warning("drain_cut_off", streams=len(self.streams), **cut_off)
                self.streams.cut()
                break
            await asyncio.sleep(DRAIN_LOOK_S)
        self.batcher.close()
        self.pool.stop()
        await self.loadout.stop(STOP_S)


class Builder:
    """Builds generations.

    Args:
        settings: the replica's settings.
        metrics: where the versions' batches are counted.
        on_ended: hears the pid and the exit status of a worker that has ended.
        on_loader_gone: hears that a loader ended by itself.
        on_differs: hears of forms that are not used any more.

    Attributes:
        distrusted: versions that scikit-learn computes, whatever plan there is, and why.
    """

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        on_ended: OnEnded,
        on_loader_gone: Callable[[], None],
        on_differs: OnDiffers | None = None,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._on_differs = on_differs
        self.distrusted: dict[Name, str] = {}
        self._quarantine = Quarantine(QUARANTINED_INPUTS, QUARANTINE_S)
        self._on_ended = on_ended
        self._on_loader_gone = on_loader_gone

    async def load(
        self, wanted: dict[Name, Manifest], held: Loadout | None, stale: set[Name]
    ) -> Loadout:
        """Load and try every wanted version; what is refused is noted, with the reason.

        Args:
            wanted: versions to serve, with their manifests.
            held: what is served, whose models need not be loaded again.
            stale: versions of it that are others now, though they have the same number.

        Raises:
            Unavailable: the running loader could not be forked.
            TimeoutError: that took too long.
        """
        loadout = await self._branch(held) or self._afresh(self._settings.start_method)
        self._drop(loadout, stale & loadout.numbers.keys())
        threads = await self._load_missing(loadout, wanted)
        if (
            threads > 1
            and self._settings.start_method == "auto"
            and loadout.source.method == "fork"
        ):
            log.warning(
                "spawning", reason="a process with threads must not fork: each loads a copy"
            )
            await loadout.stop(STOP_S)
            loadout = self._afresh("spawn")
            await self._load_missing(loadout, wanted)
        await self._try_new(loadout, wanted)
        return loadout

    async def add(self, loadout: Loadout, wanted: dict[Name, Manifest]) -> None:
        """Load and try further versions; what is refused is noted, with the reason."""
        await self._load_missing(loadout, wanted)
        await self._try_new(loadout, wanted)

    def adopt(
        self, forked: Forked, numbers: dict[Name, int], plans: dict[Name, PlanInUse]
    ) -> Loadout:
        """Return the loadout of a loader that another process has forked and tried."""
        store, gone = self._settings.store, self._on_loader_gone
        source = LoaderProcess(store, self._limits(), self._on_ended, gone)
        source.adopt(forked)
        return Loadout(source, numbers, tried=set(numbers), plans=plans, is_branch=True)

    def keep(self, loadout: Loadout, keep: set[Name]) -> None:
        """Let the loader forget all other versions."""
        self._drop(loadout, loadout.numbers.keys() - keep)
        for name in self.distrusted.keys() & loadout.numbers.keys():
            loadout.fall_back(name, self.distrusted[name])  # it may be a branch from before

    def generation(
        self, loadout: Loadout, manifests: dict[Name, Manifest], cores: Sequence[int] = ()
    ) -> Generation:
        """Make a generation of a loadout, of whose versions these are the manifests."""
        lanes = {
            name: Lane(
                f"{name[0]}/{name[1]}",
                number,
                manifests[name].output,
                self._metrics.model(*name).on_batch,
                self._metrics.model(*name).on_result,
            )
            for name, number in loadout.numbers.items()
        }
        return Generation(loadout, lanes, self._settings, self._quarantine, cores, self._on_differs)

    def _drop(self, loadout: Loadout, names: set[Name]) -> None:
        if isinstance(loadout.source, LoaderProcess):
            loadout.source.drop([loadout.numbers[name] for name in names])
        for name in names:
            del loadout.numbers[name]
            loadout.plans.pop(name, None)
            loadout.tried.discard(name)

    async def _branch(self, held: Loadout | None) -> Loadout | None:
        alive = None if held is None else held.alive()
        if held is None or alive is None:
            return None
        branch = await alive.branch(self._settings.load_timeout_s)
        return Loadout(branch, dict(held.numbers), {}, set(held.tried), dict(held.plans))

    def _afresh(self, method: StartMethod | Literal["auto"]) -> Loadout:
        limits, store = self._limits(), self._settings.store
        source: WorkerSource
        if method == "spawn":
            source = SpawnSource(store, limits, self._on_ended)
        else:
            source = LoaderProcess(store, limits, self._on_ended, self._on_loader_gone)
        source.start()
        return Loadout(source)

    def _limits(self) -> Limits:
        settings = self._settings
        return Limits(
            settings.max_rows, settings.max_image_pixels, settings.plans, settings.plan_tolerance
        )

    async def _load_missing(self, loadout: Loadout, wanted: dict[Name, Manifest]) -> int:
        """Load what is not there yet; return the most threads that the loader had."""
        threads = 1
        for name in wanted.keys() - loadout.numbers.keys():
            try:
                loaded = await loadout.source.load(
                    *name, self._settings.load_timeout_s, plain=name in self.distrusted
                )
            except (Unavailable, TimeoutError) as error:
                loadout.refused[name] = str(error) or "it took too long to load"
                continue
            loadout.numbers[name] = loaded.model
            loadout.plans[name] = PlanInUse(tuple(loaded.plan["ranges"]), loaded.plan["reason"])
            if loaded.plan["reason"] and self._settings.plans != "off":
                about = {"model": name[0], "version": name[1], "reason": loaded.plan["reason"]}
                log.info("no_plan", **about)
            threads = max(threads, loaded.threads)
        return threads

    async def _try_new(self, loadout: Loadout, wanted: dict[Name, Manifest]) -> None:
        """Let each new version predict its golden rows; refuse what does not answer as it did."""
        rehearsal = Rehearsal(loadout.source, self._settings.load_timeout_s)
        for name in [name for name in loadout.numbers if name not in loadout.tried]:
            try:
                await self._try(rehearsal, loadout, name, wanted[name])
            except (Unavailable, TimeoutError) as error:
                loadout.refused[name] = str(error) or "its golden rows took too long"
            else:
                loadout.tried.add(name)
        rehearsal.close()

    async def _try(
        self, rehearsal: Rehearsal, loadout: Loadout, name: Name, manifest: Manifest
    ) -> None:
        """Try the golden rows; if a plan is in use and they fail, once more without it."""
        number, plan = loadout.numbers[name], loadout.plans.get(name)
        try:
            await rehearsal.try_golden_rows(manifest, number)
        except (Unavailable, TimeoutError) as error:
            if plan is None or not plan.ranges:
                raise
            reason = str(error) or "its golden rows took too long"
            log.error("plan_failed", model=name[0], version=name[1], reason=reason)  # noqa: TRY400
            loadout.fall_back(name, f"on the golden rows: {reason}")
            rehearsal.close()  # its worker has the forms still
            await rehearsal.try_golden_rows(manifest, number)
