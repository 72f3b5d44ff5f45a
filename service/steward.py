"""Decides what is served: follows the store, loads and tries what is new, chooses, and swaps."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Protocol

import structlog

from models.manifest import Manifest
from models.store import Store
from service.builder import Builder
from service.catalogue import Catalogue, CataloguedModel
from service.errors import Unavailable
from service.generation import STOP_S
from service.inference.pidfds import adopt_orphans
from service.loadout import Loadout, Name
from service.metrics import Gauge
from service.settings import Settings
from service.storekeeper import Storekeeper

RENEW_AGAIN_S = 2.0

log = structlog.get_logger()


class NothingToServe(Exception):
    """No version of the store can be served; the text says why and what to do."""


class Serving(Protocol):
    """Who serves what was decided: this process, or several that it looks after.

    Attributes:
        catalogue: what is served now.
        builder: builds its loadouts.
        on_loader_gone: called when the loader that it holds has ended by itself.
    """

    catalogue: Catalogue
    builder: Builder
    on_loader_gone: Callable[[], None]

    def held(self) -> Loadout | None:
        """Return what is served from, of which the next is a branch."""

    def manifests(self) -> dict[Name, Manifest]:
        """Return the versions that can be served at once."""

    async def serve(
        self, catalogue: Catalogue, manifests: dict[Name, Manifest], loadout: Loadout | None
    ) -> None:
        """Let every request from now on find what the catalogue says.

        Args:
            catalogue: what it says.
            manifests: those of the versions that answer.
            loadout: holds them all, and nothing else; None if what serves now has them.

        Raises:
            Unavailable: workers cannot be made; what served before goes on; the text says why.
            TimeoutError: they do not get ready; what served before goes on.
        """


class Steward:
    """Follows the store on behalf of who serves.

    Args:
        settings: the replica's settings.
        serving: who serves what is decided here.
    """

    def __init__(self, settings: Settings, serving: Serving) -> None:
        self._settings = settings
        self._serving = serving
        self._builder = serving.builder
        self._storekeeper = Storekeeper(Store(settings.store), settings.aliases, self._refuse)
        self._plans: dict[Name, object] = {}
        """Version → what tells one state of its plans from the next."""
        self._swaps = 0
        self._refusals = 0
        self._reload = asyncio.Event()
        self._looked: list[asyncio.Future[None]] = []
        self._renew = False
        # Before it is read: what changes then is seen at the next look.
        self._state = self._storekeeper.state()
        serving.catalogue = self._storekeeper.read()
        serving.on_loader_gone = self._on_loader_gone

    async def start(self) -> None:
        """Load every version that shall be served, try it, and start the workers.

        Raises:
            NothingToServe: the store is empty, or every version was refused.
            Unavailable: the workers cannot be made; the text says why.
            TimeoutError: they do not get ready.
        """
        if not self._serving.catalogue.models:
            raise NothingToServe(
                f"The store {self._settings.store} has no models. Train some with "
                "`python -m models train --all`, or register your own with "
                "`python -m models register FILE.joblib --name NAME --sample ROWS.csv`."
            )
        adopt_orphans()
        await self._swap(self._serving.catalogue)
        if self._serving.held() is None:
            raise NothingToServe("Every model of the store was refused; the log says why.")

    async def follow_store(self) -> None:
        """Swap whenever the store changes, somebody asks, or the loader has died; for ever."""
        while True:
            await self._wait_for_reason()
            looked, self._looked = self._looked, []
            try:
                await self._look_at_store()
            except (OSError, Unavailable, TimeoutError) as error:
                self._refusals += 1
                log.error("swap_failed", reason=str(error) or "it took too long")  # noqa: TRY400
            for future in looked:
                if not future.done():
                    future.set_result(None)

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

    def gauges(self) -> Iterator[Gauge]:
        """Yield what Prometheus shall know."""
        yield "percore_swaps_total", "Generations that were replaced", self._swaps
        yield "percore_swaps_refused_total", "Versions that were refused", self._refusals

    async def _look(self) -> None:
        looked = asyncio.get_running_loop().create_future()
        self._looked.append(looked)
        self._reload.set()
        try:
            async with asyncio.timeout(self._settings.load_timeout_s):
                await looked
        except TimeoutError:
            raise Unavailable("It takes longer than the time to load a model.") from None

    async def _wait_for_reason(self) -> None:
        # There is no loader, and the last try to get another one has failed.
        limit_s = RENEW_AGAIN_S if self._renew else self._settings.watch_store_s
        try:
            async with asyncio.timeout(limit_s or None):
                await self._reload.wait()
        except TimeoutError:
            pass  # it is time to look

    async def _look_at_store(self) -> None:
        now = await asyncio.to_thread(self._storekeeper.state)
        if now == self._state and not self._renew and not self._reload.is_set():
            return
        self._state, renew, self._renew = now, self._renew, False
        self._reload.clear()
        if now:
            try:
                await self._swap(self._storekeeper.read(), renew)
            except BaseException:
                self._renew |= renew
                raise
        else:
            log.error("store_empty", reason="what is served is kept; is the store still there?")

    async def _swap(self, catalogue: Catalogue, renew: bool = False) -> None:
        """Prepare what the catalogue asks for beside what is served, and flip."""
        held, served = self._serving.held(), self._serving.manifests()
        wanted = catalogue.wanted()
        stale = {name for name in served.keys() & wanted.keys() if served[name] != wanted[name]}
        stale |= self._planned_anew(wanted) & served.keys()
        if held is not None and not renew and not stale:
            keep = self._choose(catalogue, held.tried)
            if wanted.keys() | keep == held.numbers.keys():
                await self._serve(catalogue, keep)  # aliases moved among versions that are there
                return
        loadout = await self._builder.load(wanted, held, stale)
        keep = await self._settle(catalogue, loadout)
        same = held is not None and keep == held.numbers.keys()
        if not keep or (same and not renew and not stale):
            await loadout.stop(STOP_S)
            await self._serve(catalogue, keep)
            return
        self._builder.keep(loadout, keep)
        try:
            await self._serve(catalogue, keep, loadout)
        except BaseException as error:
            await loadout.stop(STOP_S)
            new = keep - served.keys()
            if held is None or not new or not isinstance(error, Unavailable | TimeoutError):
                raise
            await self._serve_without(new, catalogue, str(error) or "its workers were too slow")
        else:
            self._swaps += held is not None

    def _planned_anew(self, wanted: dict[Name, Manifest]) -> set[Name]:
        """Return the versions whose plans are others than at the last look; they are trusted."""
        now = {name: self._storekeeper.plan_state(*name) for name in wanted}
        known, self._plans = self._plans, now
        anew = {name for name in wanted if name in known and known[name] != now[name]}
        for name in anew:
            self._builder.distrusted.pop(name, None)
        return anew

    async def _serve_without(self, new: set[Name], catalogue: Catalogue, reason: str) -> None:
        """Go on with the versions before those of which no workers could be made."""
        for name in new:
            self._refuse(catalogue.models[name[0]], name[1], reason)
        keep = self._choose(catalogue, set(self._serving.manifests()))
        await self._serve(catalogue, keep)

    async def _settle(self, catalogue: Catalogue, loadout: Loadout) -> set[Name]:
        """Note what was refused, and return the versions that shall be served."""
        for name, reason in loadout.refused.items():
            self._refuse(catalogue.models[name[0]], name[1], reason)
        keep = self._choose(catalogue, loadout.tried)
        missing = {model.name for model in catalogue.models.values() if model.missing()}
        formers = {
            name: manifest
            for name, manifest in self._serving.manifests().items()
            if name[0] in missing
        }
        if formers:  # a loader that is no branch does not have them yet
            await self._builder.add(loadout, formers)
            keep = self._choose(catalogue, loadout.tried)
        return keep

    async def _serve(
        self, catalogue: Catalogue, keep: set[Name], loadout: Loadout | None = None
    ) -> None:
        known = self._serving.manifests() | catalogue.wanted()
        await self._serving.serve(catalogue, {name: known[name] for name in keep}, loadout)
        log.info("serving", models=sorted(f"{name} {version}" for name, version in keep))

    def _choose(self, catalogue: Catalogue, able: set[Name]) -> set[Name]:
        """Choose who answers for each alias: its version, or else the one that answered before."""
        keep = set()
        for model in catalogue.models.values():
            before = self._serving.catalogue.models.get(model.name)
            formers = dict(before.effective) if before is not None else {}
            model.effective.clear()
            for alias, version in model.aliases.items():
                if version not in model.wanted:
                    continue
                former = formers.get(alias)
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
        log.error("loader_gone", reason="its workers go on serving; a new one is built")
        self._renew = True
        self._reload.set()
