"""The composition root: every part is made and joined here, and nowhere else."""

import asyncio
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

import structlog

from service.acceptor import Acceptor
from service.errors import Unavailable
from service.front import CannotServe, Front, Server, make_front, read_keys, spare_collector
from service.inference.pins import share_cores
from service.metrics import Metrics
from service.replica import Alone, Replica
from service.settings import Settings, allowed_cores
from service.signals import Signals
from service.steward import NothingToServe, Steward

if TYPE_CHECKING:
    from service.protocols.grpc.server import GrpcServer

BACKLOG = 2048
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_NOTHING_TO_SERVE = 3
EXIT_CANNOT_START = 4
"""Workers end before they are ready: a crash loop, which starting again would only repeat."""

log = structlog.get_logger()


async def serve(settings: Settings) -> int:
    """Run a replica until a signal ends it.

    Returns:
        The exit code.
    """
    try:
        keys = read_keys(settings)
        listening = listen(settings)
    except CannotServe as error:
        log.error(error.event, reason=str(error))  # noqa: TRY400
        return EXIT_FAILED
    metrics = Metrics()
    cores = (
        share_cores(allowed_cores(), [settings.worker_count()])[0] if settings.pin_workers else ()
    )
    replica = Replica(settings, metrics, cores)
    steward = Steward(settings, replica)
    replica.whole = Alone(replica, steward, metrics)
    metrics.add_gauges(steward.gauges)
    try:
        front = make_front(replica, metrics, settings, keys)
        grpc_server = await start_grpc(replica, front, settings)
    except CannotServe as error:
        log.error(error.event, reason=str(error))  # noqa: TRY400
        listening.close()
        return EXIT_FAILED
    server = Server(front.config)
    # The port answers /health/live while models load: a probe must see a slow start as alive.
    serving = asyncio.create_task(server.serve([]))
    edge = front.edge_state
    acceptor = Acceptor(listening, lambda: server.take, lambda: edge.room() - server.joining())
    acceptor.resume()
    code = await _run(replica, steward, front, serving, settings)
    acceptor.close()
    server.should_exit = True
    if grpc_server is not None:
        await grpc_server.stop(settings.drain_s)
    await serving
    front.edge_state.close()
    await replica.stop()
    log.info("stopped", code=code)
    return code


async def start_grpc(replica: Replica, front: Front, settings: Settings) -> "GrpcServer | None":
    """Start the gRPC server if there shall be one.

    Raises:
        CannotServe: the extra `grpc` is not installed, or the port cannot be had.
    """
    if settings.grpc_port < 0:
        return None
    try:
        from service.protocols.grpc.server import GrpcServer  # noqa: PLC0415  # an optional extra

        server = GrpcServer(replica, front.predictions, front.keys, settings)
        await server.start(settings.host, settings.grpc_port, front.tls)
    except (ImportError, OSError) as error:
        front.edge_state.close()
        raise CannotServe("cannot_serve_grpc", str(error)) from error
    return server


def listen(settings: Settings) -> socket.socket:
    """Open the listening socket and say where it is.

    Raises:
        CannotServe: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    address = (settings.host, settings.port)
    try:
        opened = socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise CannotServe("cannot_listen", f"{where}: {error.strerror}") from error
    host, port = opened.getsockname()[:2]
    scheme = "http" if settings.tls_cert is None else "https"
    if settings.api_keys_file is None and not is_loopback(host):
        log.warning("open_to_all", host=host, reason="there are no API keys: see --api-keys-file")
    log.info("listening", host=host, port=port, docs=f"{scheme}://{host}:{port}/docs")
    return opened


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    return ip_address(host.partition("%")[0]).is_loopback


async def _run(
    replica: Replica,
    steward: Steward,
    front: Front,
    serving: "asyncio.Task[None]",
    settings: Settings,
) -> int:
    """Start the replica, follow the store until a signal comes, and drain; return the exit code."""
    signals = Signals([*front.reloads(), steward.reload])
    watching = [asyncio.create_task(files.follow()) for files in front.watched()]
    starting = asyncio.create_task(steward.start())
    stopping = asyncio.create_task(signals.stop.wait())
    following: asyncio.Task[None] | None = None
    try:
        await asyncio.wait({starting, stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            return EXIT_OK if signals.stop.is_set() else EXIT_FAILED
        starting.result()
        spare_collector()
        log.info("ready", models=sorted(replica.catalogue.models))
        following = asyncio.create_task(steward.follow_store())
        ends = {stopping, serving, following}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()
        replica.begin_stop()
        front.edge_state.drain()
        await signals.hurried(settings.drain_delay_s)
    except NothingToServe as error:
        log.error("nothing_to_serve", reason=str(error))  # noqa: TRY400
        return EXIT_NOTHING_TO_SERVE
    except (Unavailable, TimeoutError) as error:
        log.error("cannot_start", reason=str(error) or "a worker did not get ready")  # noqa: TRY400
        return EXIT_CANNOT_START
    finally:
        for task in (starting, stopping, following, *watching):
            if task is not None:
                task.cancel()
    return EXIT_OK if signals.stop.is_set() else EXIT_FAILED
