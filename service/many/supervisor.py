"""The supervisor: it has the port, the store, the common loader and the signals, and no request.

store ──▶ Steward ──▶ Crew ── line ──▶ API process ──▶ its workers
            │           ▲                  ▲               ▲
port ──▶ Acceptor ──────┴── connections ───┘               │ forked from
            └─ loads and tries ──▶ common loader ── branch a process
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from service.acceptor import Acceptor
from service.app import (
    EXIT_CANNOT_START,
    EXIT_FAILED,
    EXIT_NOTHING_TO_SERVE,
    EXIT_OK,
    listen,
)
from service.errors import Unavailable
from service.front import CannotServe, read_keys
from service.generation import STOP_S
from service.many.api_process import ApiProcess
from service.many.crew import Crew
from service.many.line import Message
from service.many.spreading import Turns
from service.protocols.certificate import Certificate
from service.settings import Settings
from service.signals import Signals
from service.steward import NothingToServe, Steward

log = structlog.get_logger()


async def supervise(settings: Settings) -> int:
    """Run a service of several API processes until a signal ends it.

    Returns:
        The exit code.
    """
    try:
        check(settings)
        listening = listen(settings)
    except CannotServe as error:
        log.error(error.event, reason=str(error))  # noqa: TRY400
        return EXIT_FAILED
    supervisor = Supervisor(settings)
    roster = supervisor.crew.roster
    acceptor = Acceptor(listening, Turns(roster.open_connections, roster.give).taker)
    supervisor.crew.on_able = acceptor.resume
    code = await supervisor.run()
    acceptor.close()
    # A connection has its time to be answered, and then a generation has its own.
    await supervisor.crew.stop(2 * settings.drain_s + STOP_S)
    log.info("stopped", code=code)
    return code


def check(settings: Settings) -> None:
    """See that every API process will be able to begin.

    Raises:
        CannotServe: what the settings name cannot be used.
    """
    read_keys(settings)
    if settings.tls_cert is not None:
        try:
            Certificate(settings.tls_cert, settings.tls_key).check()
        except OSError as error:  # as ssl's own are
            raise CannotServe("cannot_use_tls", str(error)) from error


class Supervisor:
    """Follows the store and the signals on behalf of all API processes.

    Args:
        settings: the service's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.crew = Crew(settings, self._hear)
        self._steward = Steward(settings, self.crew)
        self.crew.roster.count(self._steward.gauges)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> int:
        """Serve until a signal comes; return the exit code, with all still there to be stopped."""
        signals = Signals([lambda: self.crew.roster.order("reload"), self._steward.reload])
        starting = asyncio.create_task(self._start())
        stopping = asyncio.create_task(signals.stop.wait())
        watching = asyncio.create_task(self.crew.roster.watch())
        following: asyncio.Task[None] | None = None
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                return EXIT_OK
            starting.result()
            log.info("ready", models=sorted(self.crew.catalogue.models))
            following = asyncio.create_task(self._steward.follow_store())
            ends = {stopping, following, watching}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for lasting in (following, watching):
                if lasting.done():
                    lasting.result()
            self.crew.begin_stop()
            await signals.hurried(self._settings.drain_delay_s)
        except NothingToServe as error:
            log.error("nothing_to_serve", reason=str(error))  # noqa: TRY400
            return EXIT_NOTHING_TO_SERVE
        except (Unavailable, TimeoutError) as error:
            reason = str(error) or "a process did not get ready"
            log.error("cannot_start", reason=reason)  # noqa: TRY400
            return EXIT_CANNOT_START
        finally:
            for task in (starting, stopping, watching, following):
                if task is not None:
                    task.cancel()
        return EXIT_OK if signals.stop.is_set() else EXIT_FAILED

    async def _start(self) -> None:
        await self.crew.start()
        await self._steward.start()

    def _hear(self, process: ApiProcess, asked: Message) -> None:
        match asked.get("ask"):
            case "overview":
                self._keep(self._tell(process, asked))
            case "reload":
                self._steward.reload()
            case "show":
                self._keep(self._do(process, asked, self._steward.show(asked["name"])))
            case "hide":
                self._keep(self._do(process, asked, self._steward.hide(asked["name"])))

    async def _tell(self, process: ApiProcess, asked: Message) -> None:
        process.answer(asked, await self.crew.roster.overview())

    async def _do(
        self, process: ApiProcess, asked: Message, work: Coroutine[Any, Any, None]
    ) -> None:
        reason = ""
        try:
            await work
        except Unavailable as error:
            reason = str(error)
        process.answer(asked, {"reason": reason})

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
