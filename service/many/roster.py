"""The API processes of a service: begun, counted together, watched, and stopped."""

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import structlog

from service.generation import STOP_S
from service.inference.pins import share_cores
from service.many.api_process import ApiProcess
from service.many.line import Message
from service.many.orphans import reap_orphans
from service.many.shares import share_settings
from service.many.sums import NOBODY, Snapshot, add_up, bury, take
from service.metrics import Gauge, Metrics
from service.settings import Settings, allowed_cores

WATCH_S = 1.0
SILENCE_LIMIT_S = 10.0

log = structlog.get_logger()


class Roster:
    """Who is there, and what they and those before them have counted.

    Args:
        settings: the service's settings.
        on_heard: hears what an API process says.
        on_gone: hears that one is gone that had begun.

    Attributes:
        restarts: how many had to be replaced.
    """

    def __init__(
        self,
        settings: Settings,
        on_heard: Callable[[ApiProcess, Message], None],
        on_gone: Callable[[ApiProcess], None],
    ) -> None:
        self._shares = share_settings(settings)
        workers = [share.workers for share in self._shares]
        cores = share_cores(allowed_cores(), workers) if settings.pin_workers else []
        self._cores = cores or [()] * len(workers)
        self._on_heard = on_heard
        self._on_gone = on_gone
        self._processes: dict[int, ApiProcess] = {}
        self._buried = take(True, NOBODY, Metrics())
        self._own = Metrics()
        self._own.add_gauges(self._gauges)
        self.restarts = 0

    def numbers(self) -> range:
        """Return the number of each process that there shall be."""
        return range(len(self._shares))

    def begun(self) -> list[ApiProcess]:
        """Return those that can answer."""
        return [one for one in self._processes.values() if one.has_begun]

    async def begin(self, number: int, catalogue: Any) -> ApiProcess:
        """Start a process, and wait until it can answer.

        Raises:
            Unavailable: it cannot; the text says why.
            TimeoutError: it took too long.
        """
        process = ApiProcess(number, self._on_heard, self._go)
        try:
            await process.begin(self._shares[number], self._cores[number], catalogue)
        except BaseException:
            process.kill()
            raise
        self._processes[number] = process
        log.info("api_process_begun", number=number, pid=process.pid)
        return process

    def open_connections(self) -> dict[int, int]:
        """Return the open connections of those that take some.

        While nothing is served, all that can answer do: a probe must see a slow start as alive.
        """
        begun = self.begun()
        able = [one for one in begun if one.serves] or begun
        return {one.number: one.open_connections for one in able}

    def give(self, number: int, connection: int) -> None:
        """Give an API process a connection."""
        self._processes[number].give(connection)

    def order(self, what: str) -> None:
        """Give all an order that has no answer."""
        for one in self._processes.values():
            one.order(what)

    def count(self, read: Callable[[], Iterator[Gauge]]) -> None:
        """Tell of what somebody else counts for all."""
        self._own.add_gauges(read)

    async def overview(self) -> Snapshot:
        """Return how all are together, the counters of those that have ended included."""
        await self._hear_all()
        living = list(self._processes.values())
        ready = len(living) == len(self._shares) and all(one.serves and one.told for one in living)
        known = [one.snapshot for one in living if one.snapshot is not None]
        return take(*add_up([self._buried, *known, take(ready, NOBODY, self._own)]))

    async def watch(self) -> None:
        """Look after all, for ever: who gives no sign of life is ended."""
        while True:
            await asyncio.sleep(WATCH_S)
            reap_orphans({one.pid for one in self._processes.values()})
            await self._hear_all()
            for one in list(self._processes.values()):
                if monotonic() - one.heard_at > SILENCE_LIMIT_S:
                    log.warning("api_process_killed", pid=one.pid, reason="no sign of life")
                    one.kill()

    async def stop(self, limit_s: float) -> None:
        """Let all answer what they have, and end; kill who does not."""
        self.order("stop")
        processes = list(self._processes.values())
        endings = [asyncio.ensure_future(one.ended()) for one in processes]
        if not endings:
            return
        await asyncio.wait(endings, timeout=limit_s)
        for one, ending in zip(processes, endings, strict=True):
            if not ending.done():
                log.warning("api_process_killed", pid=one.pid, reason="it did not stop in time")
                one.kill()
        await asyncio.wait(endings, timeout=STOP_S)

    async def _hear_all(self) -> None:
        await asyncio.gather(*(one.tell() for one in list(self._processes.values())))

    def _go(self, process: ApiProcess) -> None:
        if process.snapshot is not None:
            left = add_up([self._buried, bury(process.snapshot)])
            self._buried = take(True, left.workers, left.metrics)
        if self._processes.get(process.number) is process:
            del self._processes[process.number]
        self._on_gone(process)

    def _gauges(self) -> Iterator[Gauge]:
        serving = sum(one.serves for one in self._processes.values())
        yield "percore_api_processes", "API processes that serve", serving
        yield "percore_api_process_restarts_total", "API processes replaced", self.restarts
