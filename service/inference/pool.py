"""The workers of one generation, and their life: forked, ready, busy, gone, replaced.

    Batcher ── send ──▶ WorkerPool ── frames ──▶ worker
       ▲                    │  ▲
       └─ idle, done, lost ─┘  └── end of file, hang limit, silence

A worker has one batch in flight at the most. Its death is seen as the end of file on its socket;
the pool says which worker is lost, puts a spare in its place at once, and has a new spare made.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from random import random
from time import monotonic
from typing import Protocol

import structlog

from service.errors import FrameError, Unavailable
from service.inference.channel import WorkerChannel
from service.inference.deaths import OomKills, is_outside, is_stopped
from service.inference.messages import (
    BatchResult,
    Kind,
    decode_model,
    decode_result,
    encode_fall_back,
)
from service.inference.pidfds import bury, kill
from service.inference.pins import Pins
from service.inference.restarts import pause_s
from service.inference.source import WorkerSource
from service.inference.states import Lost, PoolStatistics, WorkerState

FORK_TIMEOUT_S = 10.0
PING_EVERY_S = 1.0
SILENCE_LIMIT_S = 3.0
RETRY_FORK_S = 0.5
SPARES = 1
AFTERWARDS_S = 0.03
DEATHS_REMEMBERED = 256
START_TRIES = 3
"""Workers that may end before they are ready, before the start is given up."""

log = structlog.get_logger()


class WorkerEnded(Unavailable):
    """A new worker ended before it was ready."""


class PoolListener(Protocol):
    """Who hears what becomes of the workers."""

    def on_idle(self, worker: int) -> None:
        """Take notice that the worker can take a batch."""

    def on_result(self, worker: int, result: BatchResult) -> None:
        """Take the result of the worker's batch.

        Raises:
            FrameError: it is no result of that batch; the worker is ended.
        """

    def on_lost(self, worker: int) -> None:
        """Take notice that the worker is gone, with its batch if it had one."""

    def on_cause(self, worker: int, is_outside: bool) -> None:
        """Hear, later, whether somebody else ended a lost worker, or its batch may have."""


class WorkerPool:
    """Keeps `size` workers alive.

    Args:
        size: how many.
        cores: one a worker, which it is pinned to; none if workers run where the system likes.
        on_differs: hears the number of a model whose forms answered otherwise than scikit-learn,
            and as JSON what differed.
    """

    def __init__(
        self,
        size: int,
        cores: Sequence[int] = (),
        on_differs: Callable[[int, bytes], None] | None = None,
    ) -> None:
        self._on_differs = on_differs
        self._fallen: list[int] = []
        self._source: WorkerSource | None = None
        self._size = size
        self._listener: PoolListener | None = None
        self._workers: dict[int, WorkerState] = {}
        self._spares: list[int] = []
        self._pins = Pins(cores)
        self._deaths: deque[float] = deque(maxlen=DEATHS_REMEMBERED)
        self._lost: dict[int, Lost] = {}
        self._oom_kills = OomKills()
        self._numbers = 0
        self._restarts = 0
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, source: WorkerSource, listener: PoolListener) -> None:
        """Have all workers and the spare made, and wait until each is ready.

        Raises:
            Unavailable: a worker could not be made, or ended each time, with the reason.
            TimeoutError: a worker did not get ready.
        """
        self._source = source
        self._listener = listener
        # A spawned spare would hold one more copy of the models for nothing.
        spares = SPARES if source.method == "fork" else 0
        await asyncio.gather(*(self._add_surely() for _ in range(self._size + spares)))
        self._keep(self._watch())

    def send(self, worker: int, parts: Sequence[bytes], hang_limit_s: float) -> None:
        """Send a batch to an idle worker; end the worker if it takes longer."""
        state = self._workers[worker]
        state.busy_since = monotonic()
        state.hang_limit_s = hang_limit_s
        state.channel.send(parts)

    def fall_back(self, model: int) -> None:
        """Let scikit-learn compute a model in all workers."""
        self._fallen.append(model)
        for state in self._workers.values():
            state.channel.send(encode_fall_back(model))

    def is_deserted(self) -> bool:
        """Return whether no worker is left, and none can be made."""
        return not self._workers and self._source is not None and not self._source.is_alive

    def statistics(self) -> PoolStatistics:
        """Return a snapshot."""
        heard = max((state.heard_at for state in self._workers.values()), default=0.0)
        active = {
            worker: state
            for worker, state in self._workers.items()
            if state.heard_at and worker not in self._spares
        }
        return PoolStatistics(
            self._size,
            len(active),
            len(self._spares),
            sum(state.busy_since > 0 for state in active.values()),
            self._restarts,
            monotonic() - heard if heard else None,
            tuple(state.pid for state in active.values()),
        )

    def stop(self) -> None:
        """Close every connection: the workers end by their end of file."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        for state in self._workers.values():
            state.channel.close()

    def on_frame(self, worker: int, kind: Kind, body: memoryview) -> None:
        """Take a frame from a worker's channel."""
        state = self._workers.get(worker)
        if state is None or self._listener is None:
            return
        state.heard_at = monotonic()
        state.asked_at = 0.0
        if kind is Kind.RESULT and state.busy_since:
            result = decode_result(body)
            state.busy_since = 0.0
            self._listener.on_result(worker, result)
        elif kind is Kind.READY and not state.ready.is_set():
            state.ready.set()
            for model in self._fallen:  # it may have been forked before the loader heard
                state.channel.send(encode_fall_back(model))
            self._spares.append(worker)
            self._activate()
        elif kind is Kind.DIFFERS:
            model, found = decode_model(body)
            if self._on_differs is not None:
                self._on_differs(model, found)
        elif kind is not Kind.PONG:
            raise FrameError(f"a worker sent {kind.name}")

    def on_closed(self, worker: int) -> None:
        """Take the end of file of a worker's channel: it is dead, or will be at once."""
        state = self._workers.pop(worker, None)
        if state is None:
            return
        kill(state.pidfd)
        bury(state.pidfd, partial(self.on_ended, state.pid))
        was_ready = state.ready.is_set()
        state.ready.set()
        if self._stopping:
            return
        if was_ready:  # or else whoever waits for a new worker hears that it has ended
            self._lose(worker)
        self._lost[state.pid] = Lost(worker, state.is_ours or state.channel.was_torn)
        if state.status is not None:
            self.on_ended(state.pid, state.status)

    def _lose(self, worker: int) -> None:
        self._deaths.append(monotonic())
        if worker in self._spares:
            self._spares.remove(worker)
        else:
            self._restarts += 1
            self._pins.free(worker)
            self._activate()
            if self._listener is not None:
                self._listener.on_lost(worker)
        self._keep(self._replace())

    def on_ended(self, pid: int, status: int) -> None:
        """Take notice of how a process ended (negative: by that signal), if it is a worker."""
        lost = self._lost.pop(pid, None)
        if lost is None:
            for state in self._workers.values():
                if state.pid == pid:
                    state.status = status
            return
        outside = is_outside(status, lost.is_ours, self._oom_kills.since_last_look())
        log.warning("worker_ended", worker=lost.worker, pid=pid, status=status, outside=outside)
        if self._listener is not None:
            self._listener.on_cause(lost.worker, outside)

    def _activate(self) -> None:
        """Give spares to the listener until it has as many workers as it should."""
        active = sum(state.heard_at > 0 for state in self._workers.values()) - len(self._spares)
        while self._spares and active < self._size and self._listener is not None:
            active += 1
            worker = self._spares.pop(0)
            self._pins.pin(worker, self._workers[worker].pid)
            self._listener.on_idle(worker)

    async def _add_surely(self) -> None:
        for tries_left in reversed(range(START_TRIES)):
            try:
                await self._add()
            except WorkerEnded:
                if not tries_left:
                    raise
            else:
                return

    async def _add(self) -> None:
        self._numbers += 1
        worker = self._numbers
        started_at = monotonic()
        assert self._source is not None  # noqa: S101
        forked = await self._source.fork(worker, FORK_TIMEOUT_S)
        channel = WorkerChannel(worker, self)
        state = WorkerState(forked.pid, forked.pidfd, channel, started_at)
        self._workers[worker] = state
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: channel, sock=forked.connection)
        try:
            async with asyncio.timeout(FORK_TIMEOUT_S):
                await state.ready.wait()
        except TimeoutError:
            self._end(worker, state, "it did not get ready")
            raise
        if worker not in self._workers and not self._stopping:
            raise WorkerEnded("a worker ended before it was ready; its standard error may say why")
        log.info("worker_ready", worker=worker, pid=state.pid, s=monotonic() - started_at)

    async def _replace(self) -> None:
        while not self._stopping:
            pause = pause_s(self._deaths, monotonic(), random())  # noqa: S311
            # The loader tells of the death first, and the batch is tried again: a spare serves.
            await asyncio.sleep(max(pause, AFTERWARDS_S))
            try:
                await self._add()
            except (Unavailable, TimeoutError) as error:
                self._deaths.append(monotonic())
                log.warning("worker_not_replaced", reason=str(error) or "it did not get ready")
                await asyncio.sleep(RETRY_FORK_S)
            else:
                return

    async def _watch(self) -> None:
        """End who hangs, is stopped or silent; ask idle workers for a sign of life."""
        while True:
            await asyncio.sleep(PING_EVERY_S / 10)
            now = monotonic()
            if self._source is not None:
                self._source.end_if_stuck()
            for worker, state in list(self._workers.items()):
                if not state.ready.is_set():
                    continue
                was_stopped, state.is_stopped = state.is_stopped, is_stopped(state.pid)
                if was_stopped and state.is_stopped:
                    self._end(worker, state, "it was stopped by a signal")
                elif state.busy_since:
                    if now - state.busy_since > state.hang_limit_s:
                        self._end(worker, state, "a batch ran into the hang limit")
                elif state.asked_at:
                    if now - state.asked_at > SILENCE_LIMIT_S:
                        self._end(worker, state, "it gave no sign of life")
                elif now - state.heard_at > PING_EVERY_S:
                    state.asked_at = now
                    state.channel.ping()

    def _end(self, worker: int, state: WorkerState, reason: str) -> None:
        state.is_ours = not state.is_stopped
        log.warning("worker_killed", worker=worker, pid=state.pid, reason=reason)
        kill(state.pidfd)
        state.channel.close()

    def _keep(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
