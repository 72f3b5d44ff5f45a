"""One of several API processes: it serves what the supervisor says, on connections it is given.

    python -m service.many.member LINE_FD

    {"do": "begin", …}        settings, cores, and the catalogue while nothing is loaded: answered
    {"do": "prepare", …}      catalogue, versions, and the loader of the next set attached, if the
                              set is another: answered when its workers are ready
    {"do": "flip"}            serve it, but begin no batch: answered
    {"do": "release"}         begin batches
    {"do": "abandon"}         forget what was prepared
    {"do": "take"}            a client's connection is attached
    {"do": "tell"}            answered with what was counted
    {"do": "fall back", …}    let scikit-learn compute a version from now on
    {"do": "reload"}          read keys and certificate again
    {"do": "drain"}           be not ready, and let every answer be its connection's last
    {"do": "stop"}            answer what there is, and end

It tells {"did": "connections", …}, {"did": "lost loader"}, {"did": "differs", …}, and asks for what
only the supervisor knows or does: overview, reload, show, hide. When the supervisor is gone, it
ends.
"""

# isort: off
import service.without_rich  # noqa: F401  # before whatever imports structlog
# isort: on

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Coroutine
from typing import Any

import structlog
import uvloop

from service.catalogue import Catalogue
from service.errors import Unavailable
from service.front import CannotServe, Front, Server, make_front, read_keys, spare_collector
from service.generation import STOP_S
from service.inference.process import Forked
from service.loadout import Name, PlanInUse
from service.log import configure_logging
from service.many.catalogues import unpack
from service.many.connections import Connections
from service.many.line import Line, Message
from service.many.part import Part
from service.many.sums import take
from service.metrics import Metrics
from service.replica import Replica
from service.settings import Settings

BEGIN_S = 30.0
EXIT_OK = 0
EXIT_FAILED = 1

log = structlog.get_logger()


class Member:
    """An API process's part of the service.

    Args:
        line: to the supervisor.
        settings: this process's share of what the service may use.
        cores: which of its workers are pinned to; none if they are not.
    """

    def __init__(self, line: Line, settings: Settings, cores: tuple[int, ...]) -> None:
        keys = read_keys(settings)
        self._line = line
        self._metrics = Metrics()
        self._replica = Replica(settings, self._metrics, cores)
        self._replica.whole = Part(line, settings.load_timeout_s)
        self._replica.on_loader_gone = lambda: line.send({"did": "lost loader"})
        self._replica.on_differs = self._tell_differs
        self._front: Front = make_front(self._replica, self._metrics, settings, keys)
        self._server = Server(self._front.config)
        self._connections = Connections(self._server, self._tell_connections)
        self._next: tuple[Catalogue, set[Name]] | None = None
        self._settled = False
        self._preparing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    def show_loading(self, packed: dict[str, Any]) -> None:
        """Say of every model that it is loading."""
        self._replica.catalogue, _ = unpack(packed)

    async def run(self) -> None:
        """Serve until the supervisor says stop, or is gone; then answer what there is."""
        serving = asyncio.create_task(self._server.serve([]))
        watching = [asyncio.create_task(one.follow()) for one in self._front.watched()]
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        self._replica.begin_stop()
        self._replica.release()
        self._server.should_exit = True
        await serving
        for task in (stopping, *watching):
            task.cancel()
        self._front.edge_state.close()
        await self._replica.stop()

    def stop(self) -> None:
        """End when everything was answered."""
        self._stopping.set()

    def obey(self, order: Message, descriptors: list[int]) -> None:
        """Do what the supervisor says."""
        match order["do"]:
            case "take":
                self._connections.take(descriptors)
            case "tell":
                replica = self._replica
                told = take(replica.is_ready(), replica.workers(), self._metrics)
                self._line.answer(order, told)
            case "prepare":
                self._preparing = self._keep(self._prepare(order, descriptors))
            case "flip":
                self._flip()
                self._line.answer(order, {})
            case "release":
                self._release()
            case "abandon":
                self._keep(self._abandon())
            case "fall back":
                self._replica.fall_back((order["name"], order["version"]), order["told"])
            case "reload":
                for reload in self._front.reloads():
                    reload()
            case "drain":
                self._replica.begin_stop()
                self._front.edge_state.drain()
            case "stop":
                self.stop()

    async def _prepare(self, order: Message, descriptors: list[int]) -> None:
        catalogue, manifests = unpack(order["catalogue"])
        reason = ""
        if order["pid"] and len(descriptors) < 2:
            reason = "this process may open no more files: see ulimit -n"
        elif order["pid"]:
            control, pidfd = descriptors
            forked = Forked(order["pid"], pidfd, socket.socket(fileno=control))
            numbers: dict[Name, int] = {(name, v): at for name, v, at, _, _ in order["numbers"]}
            plans: dict[Name, PlanInUse] = {
                (name, v): PlanInUse(tuple(ranges), reason)
                for name, v, _, ranges, reason in order["numbers"]
            }
            loadout = self._replica.builder.adopt(forked, numbers, plans)
            try:
                await self._replica.prepare(loadout, manifests)
            except BaseException as error:
                await loadout.stop(STOP_S)
                if not isinstance(error, Unavailable | TimeoutError):
                    raise
                reason = str(error) or "a worker did not get ready"
        self._next = (catalogue, set(manifests))
        self._line.answer(order, {"reason": reason})

    async def _abandon(self) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.wait({self._preparing})
        await self._replica.abandon()

    def _flip(self) -> None:
        if self._next is not None:
            self._replica.flip(*self._next, hold=True)

    def _release(self) -> None:
        self._replica.release()
        if not self._settled:
            spare_collector()
            self._settled = True

    def _tell_differs(self, name: Name, told: str) -> None:
        model, version = name
        self._line.send({"did": "differs", "name": model, "version": version, "told": told})

    def _tell_connections(self, taken: int, open_: int) -> None:
        self._line.send({"did": "connections", "taken": taken, "open": open_})

    def _keep(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def serve(end: socket.socket) -> int:
    """Be one of several API processes until the supervisor ends it; return the exit code."""
    begins: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    members: list[Member] = []

    def on_message(order: Message, descriptors: list[int]) -> None:
        if members:
            members[0].obey(order, descriptors)
        else:
            begins.set_result(order)

    def on_gone() -> None:
        for member in members:
            member.stop()
        if not begins.done():
            begins.set_exception(Unavailable("the supervisor is gone"))

    line = Line(end, on_message, on_gone)
    async with asyncio.timeout(BEGIN_S):
        begin = await begins
    settings = Settings.model_validate(begin["settings"])
    configure_logging(settings.log_level)
    try:
        member = Member(line, settings, tuple(begin["cores"]))
    except CannotServe as error:
        log.error(error.event, reason=str(error))  # noqa: TRY400
        line.answer(begin, {"reason": str(error), "event": error.event})
        return EXIT_FAILED
    member.show_loading(begin["catalogue"])
    members.append(member)
    line.answer(begin, {"reason": ""})
    if not line.is_open:  # between the fork and here
        return EXIT_FAILED
    await member.run()
    return EXIT_OK if line.is_open else EXIT_FAILED


def main() -> int:
    """Run the API process on the descriptor that the command line names."""
    # Ctrl-C and service managers signal the whole group; only the supervisor decides.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end = socket.socket(fileno=int(sys.argv[1]))
    with contextlib.suppress(TimeoutError, Unavailable):  # nobody is left to hear it
        return uvloop.run(serve(end))
    return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
