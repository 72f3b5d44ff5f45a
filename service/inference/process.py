"""The loader as the API process sees it: started by exec, asked by small messages."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import structlog

from service.errors import Unavailable
from service.inference.deaths import is_stopped
from service.inference.limits import Limits
from service.inference.pidfds import kill, reap

MAX_MESSAGE_BYTES = 1 << 16
MODULES_A_MESSAGE = 200
LOADER = "percore-loader"
STANDBY = "percore-standby"
BRANCH = 0
"""Stands where a worker's number stands, for a loader that is forked from a loader."""

SINGLE_THREADED = {
    # One thread a worker: N workers with N threads each would fight for N cores.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    # pyarrow starts a thread at import otherwise, and a process with threads must not fork.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
}

log = structlog.get_logger()


class Loaded(NamedTuple):
    """A version that a loader holds."""

    model: int
    """The number that `messages.PredictBatch.model` calls it by."""
    threads: int
    """Threads of the loader by then; with more than one it must not fork."""
    plan: dict[str, Any]
    """`ranges` of batch sizes and the form of each, or the `reason` why scikit-learn computes."""


class Forked(NamedTuple):
    """A worker or a loader that was made: its process and our end of its socketpair."""

    pid: int
    pidfd: int
    connection: socket.socket


class LoaderProcess:
    """A running loader, from which workers are forked.

    Args:
        store: the store's folder.
        limits: what the workers may be asked.
        on_ended: hears the pid and the exit status (negative: the signal) of a worker that the
            loader has reaped.
        on_gone: hears that the loader itself is gone.
    """

    method: Literal["fork", "spawn"] = "fork"

    def __init__(
        self,
        store: Path,
        limits: Limits,
        on_ended: Callable[[int, int], None],
        on_gone: Callable[[], None],
    ) -> None:
        self._store = store
        self._limits = limits
        self._on_ended = on_ended
        self._on_gone = on_gone
        self._process: subprocess.Popen[bytes] | None = None
        self._pidfd: int | None = None  # of a branch, which no Popen has started
        self._pid = 0
        self._was_stopped = False
        self._control: socket.socket | None = None
        self._waiting: dict[tuple[str, object], asyncio.Future[Any]] = {}
        self._branching = asyncio.Lock()

    @property
    def is_alive(self) -> bool:
        """Whether it still obeys."""
        return self._control is not None

    def start(self) -> None:
        """Start the process; it answers `load` and `fork` when its imports are done."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [
                    sys.executable,
                    "-m",
                    "service.inference.loader",
                    str(theirs.fileno()),
                    str(self._store),
                    str(self._limits.max_rows),
                    str(self._limits.max_pixels),
                    self._limits.plans,
                    str(self._limits.plan_tolerance),
                ],
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                env=os.environ | SINGLE_THREADED,
            )
        self._pid = self._process.pid
        self._attach(ours)

    def is_stopped(self) -> bool:
        """Return whether a signal has stopped it."""
        return is_stopped(self._pid)

    def end_if_stuck(self) -> None:
        """Kill it if a signal had stopped it at the last look, too: then another one is made."""
        was_stopped, self._was_stopped = self._was_stopped, self.is_alive and self.is_stopped()
        if was_stopped and self._was_stopped:
            self._kill("it was stopped by a signal")

    async def branch(self, timeout_s: float, name: str = LOADER) -> "LoaderProcess":
        """Fork a loader that has the same models, and lives on when this one ends.

        Args:
            timeout_s: how long that may take.
            name: what `ps` shows it as.

        Raises:
            Unavailable: it could not be forked, with the reason, or this one is gone.
            TimeoutError: it took too long.
        """
        branch = LoaderProcess(self._store, self._limits, self._on_ended, self._on_gone)
        branch.adopt(await self.branch_off(timeout_s, name))
        return branch

    async def branch_off(self, timeout_s: float, name: str = LOADER) -> Forked:
        """Fork a loader as `branch` does, for another process to adopt."""
        async with self._branching:  # answers tell workers apart by number, and branches not
            return await self._forked({"do": "branch", "name": name}, BRANCH, timeout_s)

    def adopt(self, forked: Forked) -> None:
        """Be the master of a loader that was forked from another one."""
        self._pid, self._pidfd = forked.pid, forked.pidfd
        self._attach(forked.connection)

    def drop(self, models: Sequence[int]) -> None:
        """Forget versions, by their numbers, before the next worker is forked."""
        if models and self._control is not None:
            self._control.send(json.dumps({"do": "drop", "models": list(models)}).encode())

    def fall_back(self, model: int, reason: str) -> None:
        """Let scikit-learn compute a version in all workers that are forked from now on."""
        if self._control is not None:
            order = {"do": "fall_back", "model": model, "reason": reason}
            self._control.send(json.dumps(order).encode())

    async def load(
        self, name: str, version: int, timeout_s: float, *, plain: bool = False
    ) -> Loaded:
        """Load a version.

        Args:
            name: the model's name.
            version: its number.
            timeout_s: how long that may take.
            plain: whether scikit-learn shall compute it, whatever plan there is.

        Raises:
            Unavailable: the loader refused it, with the reason, or is gone.
            TimeoutError: it took too long.
        """
        message = {"do": "load", "name": name, "version": version, "plain": plain}
        answer = await self._ask(message, ("load", (name, version)), timeout_s)
        if answer["did"] == "refused":
            raise Unavailable(answer["reason"])
        return Loaded(answer["index"], answer["threads"], answer["plan"])

    def preload(self, modules: Sequence[str]) -> None:
        """Import modules in the loader, so that the workers it forks have them already."""
        for start in range(0, len(modules), MODULES_A_MESSAGE):
            if self._control is not None:
                names = modules[start : start + MODULES_A_MESSAGE]
                self._control.send(json.dumps({"do": "import", "modules": names}).encode())

    async def fork(self, worker: int, timeout_s: float) -> Forked:
        """Fork a worker.

        Raises:
            Unavailable: the loader could not, with the reason, or is gone.
            TimeoutError: it took too long; the loader hangs, and is killed.
        """
        try:
            return await self._forked({"do": "fork", "worker": worker}, worker, timeout_s)
        except TimeoutError:
            self._kill("it did not fork a worker in time")
            raise

    async def become(self, worker: int, timeout_s: float) -> Forked:
        """Make the process itself a worker; after that it obeys no more.

        Raises:
            Unavailable: it is gone.
            TimeoutError: it took too long.
        """
        forked = await self._forked({"do": "become", "worker": worker}, worker, timeout_s)
        self._close()
        return forked

    async def ended(self) -> int | None:
        """Wait until the process has ended.

        Returns:
            Its exit status (negative: the signal), or None for a branch whose parent reaped it.
        """
        pidfd = self._pidfd
        if pidfd is None:
            assert self._process is not None  # noqa: S101
            pidfd = os.pidfd_open(self._process.pid)
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(pidfd, ended.set)
        try:
            await ended.wait()
            if self._process is not None:
                return self._process.wait()
            reap(pidfd)
            return None
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            self._pidfd = None

    async def stop(self, timeout_s: float) -> None:
        """Let it end with all its workers; kill it if it does not."""
        self._close()
        if self._process is None and self._pidfd is None:
            return
        ending = asyncio.ensure_future(self.ended())
        await asyncio.wait({ending}, timeout=timeout_s)
        if not ending.done():
            self._kill("it did not end")
            await ending

    def _kill(self, reason: str) -> None:
        log.warning("loader_killed", pid=self._pid, reason=reason)
        if self._pidfd is not None:
            kill(self._pidfd)
        elif self._process is not None:
            self._process.kill()

    def _attach(self, control: socket.socket) -> None:
        control.setblocking(False)
        self._control = control
        asyncio.get_running_loop().add_reader(control, self._receive)

    async def _forked(self, message: dict[str, Any], worker: int, timeout_s: float) -> Forked:
        answer = await self._ask(message, ("fork", worker), timeout_s)
        if answer["did"] == "failed":
            raise Unavailable(answer["reason"])
        connection, pidfd = answer["descriptors"]
        return Forked(answer["pid"], pidfd, socket.socket(fileno=connection))

    async def _ask(
        self, message: dict[str, Any], key: tuple[str, object], timeout_s: float
    ) -> dict[str, Any]:
        if self._control is None:
            raise Unavailable("the loader is gone")
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        try:
            self._send(message)
            async with asyncio.timeout(timeout_s):
                return await future
        finally:
            self._waiting.pop(key, None)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._control is not None  # noqa: S101
        try:
            self._control.send(json.dumps(message).encode())
        except OSError as error:
            raise Unavailable("the loader is gone") from error

    def _receive(self) -> None:
        assert self._control is not None  # noqa: S101
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, MAX_MESSAGE_BYTES, 2)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if not data:
            self._close()
            self._on_gone()
            return
        message = json.loads(data)
        if message["did"] == "ended":
            self._on_ended(message["pid"], message["status"])
            return
        if message["did"] in {"loaded", "refused"}:
            key: tuple[str, object] = ("load", (message["name"], message["version"]))
        else:
            key = ("fork", message["worker"])
        future = self._waiting.get(key)
        if future is None or future.done():
            for descriptor in descriptors:  # whoever asked has given up: the worker ends
                os.close(descriptor)
            return
        future.set_result(message | {"descriptors": descriptors})

    def _close(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Unavailable("the loader is gone"))
