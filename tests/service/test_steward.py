"""What is decided when those who serve cannot follow; the store is real, all else is not."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import service.steward as steward_module
from models.manifest import Manifest
from service.catalogue import Catalogue
from service.errors import Unavailable
from service.loadout import Loadout, Name
from service.settings import Settings
from service.steward import NothingToServe, Steward
from tests.service.conftest import MakeManifest

LIMIT_S = 10.0


class Source:
    """Notes whether it was stopped."""

    method = "fork"

    def __init__(self) -> None:
        self.stopped = False

    async def stop(self, timeout_s: float) -> None:
        self.stopped = True


class Loads:
    """Stands where the builder stands: everything loads, at once."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.stale: list[set[Name]] = []
        self.distrusted: dict[Name, str] = {}

    async def load(
        self, wanted: dict[Name, Manifest], held: Loadout | None, stale: set[Name]
    ) -> Loadout:
        self.stale.append(stale)
        before = set() if held is None else set(held.numbers)
        names = sorted(before | set(wanted))
        self.sources.append(Source())
        numbers = {name: number for number, name in enumerate(names)}
        return Loadout(self.sources[-1], numbers, tried=set(names))  # type: ignore[arg-type]

    async def add(self, loadout: Loadout, wanted: dict[Name, Manifest]) -> None:
        """Everything is there."""

    def keep(self, loadout: Loadout, keep: set[Name]) -> None:
        loadout.numbers = {name: number for name, number in loadout.numbers.items() if name in keep}
        loadout.tried &= keep


class Serves:
    """Stands where those who serve stand; of some versions it cannot make workers."""

    def __init__(self) -> None:
        self.catalogue = Catalogue({})
        self.builder = Loads()
        self.on_loader_gone: Callable[[], None] = lambda: None
        self.unable: set[Name] = set()
        self.served: dict[Name, Manifest] = {}
        self.loadout: Loadout | None = None

    def held(self) -> Loadout | None:
        return self.loadout

    def manifests(self) -> dict[Name, Manifest]:
        return dict(self.served)

    async def serve(
        self, catalogue: Catalogue, manifests: dict[Name, Manifest], loadout: Loadout | None
    ) -> None:
        if loadout is not None:
            if self.unable & set(manifests):
                raise Unavailable("its workers end")
            self.loadout, self.served = loadout, dict(manifests)
        self.catalogue = catalogue


@pytest.fixture
def store(tmp_path: Path, make_manifest: MakeManifest) -> Path:
    for version in (1, 2):
        folder = tmp_path / "toy" / str(version)
        folder.mkdir(parents=True)
        manifest = make_manifest().model_copy(update={"version": version})
        (folder / "manifest.json").write_text(manifest.to_json())
    promote(tmp_path, 1)
    return tmp_path


def promote(store: Path, version: int) -> None:
    (store / "toy" / "aliases.json").write_text(f'{{"production": {version}}}')


def play(store: Path, serves: Serves, *acts: Callable[[], None]) -> None:
    """Start, and look at the store after each act."""

    async def bounded() -> None:
        steward = Steward(Settings(store=store, watch_store_s=0), serves)  # type: ignore[arg-type]
        await steward.start()
        following = asyncio.create_task(steward.follow_store())
        async with asyncio.timeout(LIMIT_S):
            for act in acts:
                act()
                await steward.show("toy")
        following.cancel()

    asyncio.run(bounded())


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not reached():  # noqa: ASYNC110  # nobody sets an event
            await asyncio.sleep(0.01)


def test_a_promoted_version_is_served(store: Path) -> None:
    serves = Serves()
    play(store, serves, lambda: promote(store, 2))
    assert set(serves.served) == {("toy", 2)}
    assert serves.catalogue.models["toy"].effective == {"production": 2}
    assert serves.catalogue.models["toy"].refused == {}


def test_without_workers_for_it_a_version_is_refused_and_the_one_before_stays(
    store: Path,
) -> None:
    serves = Serves()
    serves.unable = {("toy", 2)}
    play(store, serves, lambda: promote(store, 2))
    assert set(serves.served) == {("toy", 1)}
    assert serves.catalogue.models["toy"].effective == {"production": 1}
    assert serves.catalogue.models["toy"].refused == {2: "its workers end"}
    assert serves.catalogue.complete()
    assert [source.stopped for source in serves.builder.sources] == [False, True]


def test_a_loader_that_died_is_replaced_at_a_later_try(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steward_module, "RENEW_AGAIN_S", 0.01)
    serves = Serves()

    async def bounded() -> None:
        steward = Steward(Settings(store=store, watch_store_s=0), serves)  # type: ignore[arg-type]
        await steward.start()
        first = serves.loadout
        following = asyncio.create_task(steward.follow_store())
        serves.unable = {("toy", 1)}
        serves.on_loader_gone()
        await until(lambda: len(serves.builder.sources) > 3)
        assert serves.loadout is first
        serves.unable.clear()
        await until(lambda: serves.loadout is not first)
        tries = len(serves.builder.sources)
        await asyncio.sleep(0.1)
        assert len(serves.builder.sources) == tries
        following.cancel()

    asyncio.run(bounded())


def test_it_is_tried_again_when_somebody_asks(store: Path) -> None:
    serves = Serves()
    serves.unable = {("toy", 2)}
    play(store, serves, lambda: promote(store, 2), serves.unable.clear)
    assert set(serves.served) == {("toy", 2)}
    assert serves.catalogue.models["toy"].refused == {}


def test_what_cannot_start_is_said_at_once(store: Path) -> None:
    serves = Serves()
    serves.unable = {("toy", 1)}
    with pytest.raises(Unavailable, match="its workers end"):
        play(store, serves)


def test_an_empty_store_has_nothing_to_serve(tmp_path: Path) -> None:
    with pytest.raises(NothingToServe, match="python -m models train"):
        play(tmp_path, Serves())


def test_a_version_that_was_planned_anew_is_loaded_again_and_trusted_again(store: Path) -> None:
    serves = Serves()

    def plan() -> None:
        serves.builder.distrusted[("toy", 1)] = "it lied"
        (store / "toy" / "plans" / "1").mkdir(parents=True)
        (store / "toy" / "plans" / "1" / "0123456789abcdef.json").write_text("{}")

    def withdraw() -> None:
        assert serves.builder.distrusted == {}
        serves.builder.distrusted[("toy", 1)] = "it lied again"
        (store / "toy" / "plans" / "1" / "0123456789abcdef.withdrawn").write_text("it lied again")

    play(store, serves, lambda: None, plan, withdraw)
    assert serves.builder.stale == [set(), {("toy", 1)}]
    assert serves.builder.distrusted == {("toy", 1): "it lied again"}
    assert serves.loadout is not None
