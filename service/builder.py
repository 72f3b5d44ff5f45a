"""Builds generations, each beside the one that serves.

Its loader is forked from the running one, so that unchanged models come for nothing, loads what is
new, and tries it in a throw-away worker. Only then do requests go to it.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import structlog

from models.manifest import Manifest
from service.batching.lane import Lane
from service.batching.quarantine import Quarantine
from service.errors import Unavailable
from service.generation import STOP_S, Generation, OnDiffers
from service.inference.limits import Limits
from service.inference.process import Forked, LoaderProcess
from service.inference.rehearsal import Rehearsal
from service.inference.source import OnEnded, SpawnSource, StartMethod, WorkerSource
from service.loadout import Loadout, Name, PlanInUse
from service.metrics import Metrics
from service.settings import Settings

QUARANTINED_INPUTS = 1024
QUARANTINE_S = 600.0

log = structlog.get_logger()


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
