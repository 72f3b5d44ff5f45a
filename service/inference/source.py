"""Where workers come from: forked from one loader, or spawned, each with its own copy."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

from service.errors import Unavailable
from service.inference.limits import Limits
from service.inference.process import Forked, Loaded, LoaderProcess

StartMethod = Literal["fork", "spawn"]
OnEnded = Callable[[int, int], None]


class WorkerSource(Protocol):
    """Loads versions and makes workers that have them."""

    @property
    def method(self) -> StartMethod:
        """How the workers are made."""

    @property
    def is_alive(self) -> bool:
        """Whether workers can be made."""

    def start(self) -> None:
        """Start what loads."""

    async def load(
        self, name: str, version: int, timeout_s: float, *, plain: bool = False
    ) -> Loaded:
        """Load a version; raises `Unavailable` with the reason if it is refused."""

    def fall_back(self, model: int, reason: str) -> None:
        """Let scikit-learn compute a version in all workers that are made from now on."""

    def preload(self, modules: Sequence[str]) -> None:
        """Import modules before the next worker is made."""

    def end_if_stuck(self) -> None:
        """Look whether it can still make workers, from time to time; end it if it hangs."""

    async def fork(self, worker: int, timeout_s: float) -> Forked:
        """Make a worker that has all loaded versions."""

    async def stop(self, timeout_s: float) -> None:
        """End; workers that are left end too."""


class SpawnSource:
    """Starts a process a worker, which loads every version itself.

    For models that start threads when they are loaded: a process with threads must not fork.
    The price is a copy of the models in each worker.

    Args:
        store: the store's folder.
        limits: what the workers may be asked.
        on_ended: hears the pid and the exit status of a worker that has ended.
    """

    method: StartMethod = "spawn"
    is_alive = True
    """Each worker is a process of its own."""

    def __init__(self, store: Path, limits: Limits, on_ended: OnEnded) -> None:
        self._store = store
        self._limits = limits
        self._on_ended = on_ended
        self._versions: list[tuple[str, int, float]] = []
        self._plain: dict[int, str] = {}
        """Place of a version in the list → why scikit-learn computes it."""
        self._first: LoaderProcess | None = None
        self._watchers: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start the process that loads each version first, and will be the first worker."""
        self._first = self._start()

    def fall_back(self, model: int, reason: str) -> None:
        """Let scikit-learn compute a version in all workers that are made from now on."""
        self._plain[model] = reason

    async def load(
        self, name: str, version: int, timeout_s: float, *, plain: bool = False
    ) -> Loaded:
        """Load a version in the first worker's process, to see that it can be.

        Raises:
            Unavailable: it was refused, with the reason.
            TimeoutError: it took too long.
        """
        if self._first is None:
            raise Unavailable("the source was not started")
        loaded = await self._first.load(name, version, timeout_s, plain=plain)
        if plain:
            self._plain[loaded.model] = "it was asked for so"
        self._versions.append((name, version, timeout_s))
        return loaded

    def preload(self, modules: Sequence[str]) -> None:
        """Do nothing: each worker imports what it needs."""

    def end_if_stuck(self) -> None:
        """Do nothing: no process makes workers."""

    async def fork(self, worker: int, timeout_s: float) -> Forked:
        """Start a process, let it load every version, and make it a worker.

        Raises:
            Unavailable: a version was refused this time, with the reason.
            TimeoutError: it took too long.
        """
        process, self._first = self._first, None
        if process is None:
            process = self._start()
            for name, version, limit_s in self._versions:
                await process.load(name, version, limit_s)
            for model, reason in self._plain.items():
                process.fall_back(model, reason)
        forked = await process.become(worker, timeout_s)
        watcher = asyncio.create_task(self._watch(forked.pid, process))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        return forked

    async def stop(self, timeout_s: float) -> None:
        """Wait until every worker has ended by its end of file."""
        if self._first is not None:
            await self._first.stop(timeout_s)
        if self._watchers:
            await asyncio.wait(self._watchers, timeout=timeout_s)

    def _start(self) -> LoaderProcess:
        process = LoaderProcess(self._store, self._limits, self._on_ended, lambda: None)
        process.start()
        return process

    async def _watch(self, pid: int, process: LoaderProcess) -> None:
        self._on_ended(pid, await process.ended() or 0)
