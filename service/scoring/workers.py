"""The service's own loader, workers and queue, for one version and without HTTP."""

import asyncio
import os
from contextlib import suppress
from time import monotonic
from typing import Any

import structlog

from models.manifest import Manifest
from service.batching.answer import Answer
from service.batching.entry import Ask, Entry, Payload
from service.batching.lane import Lane
from service.batching.quarantine import Quarantine
from service.builder import QUARANTINE_S, QUARANTINED_INPUTS, Builder
from service.errors import Unavailable
from service.generation import STOP_S, Generation
from service.generations import Generations
from service.inference.messages import Media
from service.inference.pidfds import adopt_orphans, kill
from service.loadout import Loadout
from service.metrics import Metrics
from service.scoring.refusal import ScoringError
from service.settings import Settings

SLOW_S = 3.0
"""Nobody waits at a screen: no part is thought to hang before many times this."""
TRIES = 10
"""A part has the time of so many that run into the hang limit."""
RENEWALS = 5
RENEW_AGAIN_S = 1.0
"""How often another loader is tried to be had, and the pause before the next try."""

log = structlog.get_logger()


class PatientLane(Lane):
    """A queue whose batches may take longer than those before them."""

    __slots__ = ()

    def expected_s(self, rows: int) -> float:
        """Return what a batch has taken at the most, but no short time."""
        expected_s = super().expected_s(rows)
        return max(expected_s, SLOW_S) if expected_s else 0.0


class Workers:
    """Computes parts; a worker that dies, or a loader, loses none.

    Args:
        settings: which store, how many workers, which limits.
        manifest: the version.
    """

    def __init__(self, settings: Settings, manifest: Manifest) -> None:
        self._settings = settings
        self._manifest = manifest
        self._name = (manifest.name, manifest.version)
        self._metrics = Metrics()
        self._quarantine = Quarantine(QUARANTINED_INPUTS, QUARANTINE_S)
        self._generations = Generations(settings)
        on_ended = self._generations.on_worker_ended
        self._builder = Builder(settings, self._metrics, on_ended, self._on_loader_gone)
        self._renewal: asyncio.Task[None] | None = None
        self._stopping = False
        self._gone = asyncio.Event()

    async def start(self) -> None:
        """Load the version, try its golden rows, and start the workers.

        Raises:
            ScoringError: it is refused, or no worker gets ready; the text says why.
        """
        adopt_orphans()
        try:
            await self._renew()
        except (Unavailable, TimeoutError) as error:
            reason = str(error) or "no worker got ready in time"
            raise ScoringError(f"{self._manifest.name} cannot be scored with: {reason}") from error

    async def answer(self, body: bytes, rows: int, *, probabilities: bool) -> bytes:
        """Return the piece that a worker answers to a part's body.

        Raises:
            ServiceError: what is wrong with the part.
        """
        generation = self._generations.current
        assert generation is not None  # noqa: S101
        now = monotonic()
        ask = Ask("score", 0, now + TRIES * self._settings.hang_limit_s, rows, now)
        payload = Payload(rows, None, body, Media.PART, joins=False)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        entry = Entry(payload, probabilities, ask, future)
        generation.batcher.submit(generation.lanes[self._name], entry)
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            both: set[asyncio.Future[Any]] = {future, gone}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not future.done():
                raise ScoringError("The workers are gone, and no others can be made.")
            return future.result().text or b""
        finally:
            gone.cancel()
            future.cancel()

    def retried(self) -> int:
        """Return how many parts were computed anew, because their workers had died."""
        return self._generations.retried()

    async def stop(self) -> None:
        """End all processes; what they compute is dropped."""
        self._stopping = True
        if self._renewal is not None:
            self._renewal.cancel()
        busy: list[int] = []
        for pid in self._generations.workers().pids:
            with suppress(ProcessLookupError):
                busy.append(os.pidfd_open(pid))
        ending = asyncio.ensure_future(self._generations.stop())
        await asyncio.sleep(0)
        # One in the middle of a part would see the end of its connection only after it.
        for pidfd in busy:
            kill(pidfd)
            os.close(pidfd)
        await ending

    async def _renew(self) -> None:
        """Build a generation, from the one before it if there is one."""
        wanted = {self._name: self._manifest}
        current = self._generations.current
        held = None if current is None else current.loadout
        loadout = await self._builder.load(wanted, held, set())
        reason = loadout.refused.get(self._name)
        try:
            if reason is None:
                generation = self._generation(loadout)
                await generation.start()
        except BaseException:
            await loadout.stop(STOP_S)
            raise
        if reason is not None:
            await loadout.stop(STOP_S)
            raise Unavailable(reason)
        self._generations.replace(generation)

    def _generation(self, loadout: Loadout) -> Generation:
        counted = self._metrics.model(*self._name)
        lane = PatientLane(
            f"{self._name[0]}/{self._name[1]}",
            loadout.numbers[self._name],
            self._manifest.output,
            counted.on_batch,
            counted.on_result,
        )
        return Generation(loadout, {self._name: lane}, self._settings, self._quarantine)

    def _on_loader_gone(self) -> None:
        # The one that is being built may be meant: who builds it sees that.
        if not self._stopping and (self._renewal is None or self._renewal.done()):
            log.warning("loader_gone", reason="its workers go on; a new one is built")
            self._renewal = asyncio.get_running_loop().create_task(self._renew_surely())

    async def _renew_surely(self) -> None:
        for pause_s in (*[RENEW_AGAIN_S] * (RENEWALS - 1), 0.0):
            try:
                await self._renew()
            except (Unavailable, TimeoutError) as error:
                log.error("not_renewed", reason=str(error) or "it took too long")  # noqa: TRY400
            if self._has_loader():
                return
            await asyncio.sleep(pause_s)
        self._gone.set()

    def _has_loader(self) -> bool:
        current = self._generations.current
        return current is not None and current.loadout.source.is_alive
