"""The composition root: every part is made and joined here, and nowhere else."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

import structlog
import uvicorn

from service.api import create_app, make_wires, open_paths, refuse_in_form
from service.edge import Edge
from service.errors import Unavailable
from service.log import Sampler
from service.metrics import Metrics
from service.protocols.certificate import Certificate
from service.protocols.cors import Cors
from service.protocols.edge_state import EdgeState
from service.protocols.keys import ApiKeys, KeyGate
from service.protocols.predictions import Predictions
from service.protocols.seam import connection_class
from service.replica import NothingToServe, Replica
from service.settings import Settings
from service.signals import Signals

if TYPE_CHECKING:
    from service.protocols.grpc.server import GrpcServer

BACKLOG = 2048
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_NOTHING_TO_SERVE = 3
EXIT_CANNOT_START = 4
"""Workers end before they are ready: a crash loop, which starting again would only repeat."""

log = structlog.get_logger()


class Server(uvicorn.Server):
    """uvicorn, without its signal handling: ours decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


async def serve(settings: Settings) -> int:
    """Run a replica until a signal ends it.

    Returns:
        The exit code.
    """
    keys = None if settings.api_keys_file is None else ApiKeys(settings.api_keys_file)
    try:
        if keys is not None:
            keys.load()
    except (OSError, ValueError) as error:
        log.error("cannot_read_api_keys", reason=str(error))  # noqa: TRY400
        return EXIT_FAILED
    try:
        listening = listen(settings)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        log.error("cannot_listen", address=where, reason=error.strerror)  # noqa: TRY400
        return EXIT_FAILED
    metrics = Metrics()
    replica = Replica(settings, metrics)
    predictions = Predictions(settings, Sampler(settings.access_log_per_s), keys)
    wires = make_wires(settings)
    app = create_app(replica, predictions, wires, metrics, settings)
    guarded = app if keys is None else KeyGate(app, keys, open_paths(settings), refuse_in_form)
    cors = Cors(settings.cors_origins) if settings.cors_origins else None
    edge = Edge(guarded, predictions, wires.paths(), metrics, cors)
    edge_state = EdgeState(settings)
    metrics.add_gauges(edge_state.gauges)
    config = _configure(settings, edge, edge_state)
    tls = None if settings.tls_cert is None else Certificate(settings.tls_cert, settings.tls_key)
    cause = "cannot_use_tls"
    try:
        config.load()
        if tls is not None:
            tls.serve(config.ssl)
        cause = "cannot_serve_grpc"
        grpc_server = await start_grpc(replica, predictions, keys, tls, settings)
    except (ImportError, OSError) as error:  # as ssl's own are
        log.error(cause, reason=str(error))  # noqa: TRY400
        edge_state.close()
        listening.close()
        return EXIT_FAILED
    server = Server(config)
    # The port answers /health/live while models load: a probe must see a slow start as alive.
    serving = asyncio.create_task(server.serve([listening]))
    watched = [one for one in (keys, tls) if one is not None]
    code = await _run(replica, edge, edge_state, serving, settings, watched)
    server.should_exit = True
    if grpc_server is not None:
        await grpc_server.stop(settings.drain_s)
    await serving
    edge_state.close()
    await replica.stop()
    log.info("stopped", code=code)
    return code


async def start_grpc(
    replica: Replica,
    predictions: Predictions,
    keys: ApiKeys | None,
    tls: Certificate | None,
    settings: Settings,
) -> "GrpcServer | None":
    """Start the gRPC server if there shall be one.

    Raises:
        ImportError: the extra `grpc` is not installed.
        OSError: the port cannot be had.
    """
    if settings.grpc_port < 0:
        return None
    from service.protocols.grpc.server import GrpcServer  # noqa: PLC0415  # an optional extra

    server = GrpcServer(replica, predictions, keys, settings)
    await server.start(settings.host, settings.grpc_port, tls)
    return server


def listen(settings: Settings) -> socket.socket:
    """Open the listening socket and say where it is.

    Raises:
        OSError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    opened = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
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
    edge: Edge,
    edge_state: EdgeState,
    serving: "asyncio.Task[None]",
    settings: Settings,
    watched: Sequence[ApiKeys | Certificate],
) -> int:
    """Start the replica, follow the store until a signal comes, and drain; return the exit code."""
    signals = Signals([*(files.reload for files in watched), replica.reload])
    watching = [asyncio.create_task(files.follow()) for files in watched]
    starting = asyncio.create_task(replica.start(edge.serve))
    stopping = asyncio.create_task(signals.stop.wait())
    following: asyncio.Task[None] | None = None
    try:
        await asyncio.wait({starting, stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            return EXIT_OK if signals.stop.is_set() else EXIT_FAILED
        starting.result()
        # What lives as long as the process need not be looked at by every collection.
        gc.collect()
        gc.freeze()
        log.info("ready", models=sorted(replica.catalogue.models))
        following = asyncio.create_task(replica.follow_store(edge.serve))
        ends = {stopping, serving, following}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()
        replica.begin_stop()
        edge_state.drain()
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


def _configure(settings: Settings, edge: Edge, edge_state: EdgeState) -> uvicorn.Config:
    return uvicorn.Config(
        edge,
        http=connection_class(edge_state),
        ws="none",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=int(settings.drain_s),
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
