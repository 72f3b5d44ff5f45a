"""All API processes together, as who serves what the steward decides: swapped in two phases."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from random import random
from time import monotonic
from typing import Any

import structlog

from models.manifest import Manifest
from service.builder import Builder
from service.catalogue import Catalogue
from service.errors import Unavailable
from service.generation import STOP_S
from service.inference.pool import DEATHS_REMEMBERED, FORK_TIMEOUT_S
from service.inference.process import LoaderProcess
from service.inference.restarts import pause_s
from service.loadout import Loadout, Name
from service.many.api_process import ApiProcess
from service.many.catalogues import pack
from service.many.line import Message
from service.many.roster import Roster
from service.many.swap import Abandon, Outcome, after_flip, after_prepare
from service.metrics import Metrics
from service.settings import Settings

RETRY_S = 0.5
"""Pause before one is started again that could not begin."""

log = structlog.get_logger()


class Crew:
    """Serves with several API processes, and replaces those that end.

    Args:
        settings: the service's settings.
        on_asked: hears what an API process asks for, but for its loader.

    Attributes:
        roster: the processes.
        catalogue: what is served.
        builder: loads what they shall serve.
        on_loader_gone: called when the common loader has ended by itself.
        on_able: called when one more takes connections.
    """

    def __init__(self, settings: Settings, on_asked: Callable[[ApiProcess, Message], None]) -> None:
        self._on_asked = on_asked
        self.roster = Roster(settings, self._hear, self._on_gone)
        self.catalogue = Catalogue({})
        self.on_able: Callable[[], None] = lambda: None
        self.on_loader_gone: Callable[[], None] = lambda: None
        self.builder = Builder(settings, Metrics(), lambda *_: None, self._on_loader_gone)
        self._held: Loadout | None = None
        self._able: dict[Name, Manifest] = {}
        self._served: dict[Name, Manifest] = {}
        self._deaths: deque[float] = deque(maxlen=DEATHS_REMEMBERED)
        self._swapping = asyncio.Lock()
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start every API process, and wait until each can answer.

        Raises:
            Unavailable: one cannot; the text says why.
            TimeoutError: it took too long.
        """
        await asyncio.gather(*map(self._begin, self.roster.numbers()))

    def held(self) -> Loadout | None:
        """Return what is served from, of which the next is a branch."""
        return self._held

    def manifests(self) -> dict[Name, Manifest]:
        """Return the versions that can be served at once."""
        return dict(self._able)

    async def serve(
        self, catalogue: Catalogue, manifests: dict[Name, Manifest], loadout: Loadout | None
    ) -> None:
        """Take all API processes to what the catalogue says, in two phases.

        Raises:
            Unavailable: one cannot make its workers; nobody has flipped; the text says why.
        """
        if loadout is not None and not isinstance(loadout.source, LoaderProcess):
            raise Unavailable(
                "a model starts threads, so that its loader cannot be forked, "
                "and with several API processes it must be: use --api-processes 1"
            )
        async with self._swapping:
            processes = await self._prepare_all(catalogue, manifests, loadout)
            # From here on nobody who begins anew begins with what was before.
            self.catalogue, self._served = catalogue, dict(manifests)
            former = self._held
            if loadout is not None:
                self._held, self._able = loadout, dict(manifests)
            await self._flip(processes)
        if loadout is not None:
            await self._stand_by(loadout)
            if former is not None:
                self._keep(former.stop(STOP_S))

    def begin_stop(self) -> None:
        """Replace nobody any more, and let all answers be the last of their connections."""
        self._stopping = True
        self.roster.order("drain")

    async def stop(self, limit_s: float) -> None:
        """Let all answer what they have, and end; kill who does not."""
        self._stopping = True
        await self.roster.stop(limit_s)
        if self._held is not None:
            await self._held.stop(STOP_S)

    # The two phases

    async def _prepare_all(
        self, catalogue: Catalogue, manifests: dict[Name, Manifest], loadout: Loadout | None
    ) -> list[ApiProcess]:
        """Let all prepare; return those that shall flip."""
        packed = pack(catalogue, manifests)
        able = {one.number: one for one in self.roster.begun()}
        outcomes = await asyncio.gather(
            *(self._prepare(one, packed, loadout) for one in able.values())
        )
        step = after_prepare(dict(zip(able, outcomes, strict=True)))
        if isinstance(step, Abandon):
            for number in step.processes:
                able[number].order("abandon")
            raise Unavailable(step.reason)
        return [able[number] for number in step.processes]

    async def _prepare(
        self, process: ApiProcess, packed: Any, loadout: Loadout | None
    ) -> tuple[Outcome, str]:
        if loadout is None:
            return await process.prepare(packed, [], None)
        alive = loadout.alive()
        if alive is None:
            return Outcome.FAILED, "the common loader is gone"
        try:
            forked = await alive.branch_off(FORK_TIMEOUT_S)
        except (Unavailable, TimeoutError) as error:
            return Outcome.FAILED, str(error) or "the common loader does not fork"
        numbers = [
            [*name, number, *loadout.plans[name]] for name, number in loadout.numbers.items()
        ]
        return await process.prepare(packed, numbers, forked)

    async def _flip(self, processes: list[ApiProcess]) -> None:
        """Let them flip, and when all have, let them begin to answer."""
        flipped = await asyncio.gather(*(one.flip() for one in processes))
        by_number = {one.number: one for one in processes}
        step = after_flip(dict(zip(by_number, flipped, strict=True)))
        for number in step.end:
            log.warning("api_process_killed", pid=by_number[number].pid, reason="it did not flip")
            by_number[number].kill()
        for number in step.processes:
            by_number[number].serves = True
            by_number[number].order("release")
        self.on_able()

    # One process

    async def _begin(self, number: int) -> ApiProcess:
        process = await self.roster.begin(number, pack(self.catalogue, {}))
        self.on_able()
        return process

    async def _join(self, process: ApiProcess) -> None:
        """Let one process serve what the others serve, with workers of a new branch."""
        async with self._swapping:
            if self._held is None or not process.has_begun:
                return  # it comes with the next swap, which is the first; or it is gone
            packed = pack(self.catalogue, self._served)
            outcome = await self._prepare(process, packed, self._held)
            step = after_prepare({process.number: outcome})
            if isinstance(step, Abandon):
                process.order("abandon")
                raise Unavailable(step.reason)
            await self._flip([process])

    def _on_gone(self, process: ApiProcess) -> None:
        if not self._stopping:
            self.roster.restarts += 1
            self._deaths.append(monotonic())
            self._keep(self._replace(process))

    async def _replace(self, process: ApiProcess) -> None:
        log.warning("api_process_ended", pid=process.pid, status=await process.ended())
        successor = None
        while successor is None and not self._stopping:
            await asyncio.sleep(pause_s(self._deaths, monotonic(), random()))  # noqa: S311
            try:
                successor = await self._begin(process.number)
            except (Unavailable, TimeoutError) as error:
                log.warning("api_process_not_replaced", reason=str(error) or "it took too long")
                await asyncio.sleep(RETRY_S)
        while successor is not None and successor.has_begun and not successor.serves:
            await self._renew(successor)
            await asyncio.sleep(0.0 if successor.serves else RETRY_S)

    async def _renew(self, process: ApiProcess) -> None:
        try:
            await self._join(process)
        except (Unavailable, TimeoutError) as error:
            log.error("workers_not_made", reason=str(error) or "it took too long")  # noqa: TRY400

    def _hear(self, process: ApiProcess, message: Message) -> None:
        if message.get("did") == "lost loader":
            log.error("loader_gone", pid=process.pid, reason="its workers go on; it gets another")
            self._keep(self._renew(process))
        elif message.get("did") == "differs":
            self._fall_back((message["name"], message["version"]), message["told"])
        else:
            self._on_asked(process, message)

    def _fall_back(self, name: Name, told: str) -> None:
        """Let scikit-learn compute a version everywhere: in one process a form was wrong."""
        reason = f"in service a form answered otherwise than scikit-learn: {told}"
        self.builder.distrusted[name] = reason
        if self._held is not None:
            self._held.fall_back(name, reason)
        for process in self.roster.begun():
            process.fall_back(*name, told)

    # The common loader

    async def _stand_by(self, loadout: Loadout) -> None:
        try:
            await loadout.stand_by(FORK_TIMEOUT_S)
        except (Unavailable, TimeoutError) as error:
            log.warning("no_standby", reason=str(error) or "it took too long")

    def _on_loader_gone(self) -> None:
        if not self._stopping:
            self.on_loader_gone()

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
