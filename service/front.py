"""What stands before a replica: the protocols, the edge, and uvicorn, joined once."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import structlog
import uvicorn

from service.api import create_app, make_wires, open_paths, refuse_in_form
from service.edge import Edge
from service.log import Sampler
from service.metrics import Metrics
from service.protocols.certificate import Certificate
from service.protocols.cors import Cors
from service.protocols.edge_state import EdgeState
from service.protocols.keys import ApiKeys, KeyGate
from service.protocols.predictions import Predictions
from service.protocols.seam import connection_class
from service.protocols.short_way import ShortWay
from service.protocols.terms import Terms
from service.replica import Replica
from service.settings import Settings

GARBAGE = (10_000, 20, 50)
"""Requests are freed when they are answered; what is left for the collector is rare, and looking
for it among those under way after each 700 new objects takes a twentieth of the time."""

log = structlog.get_logger()


class CannotServe(Exception):
    """What the settings name cannot be used.

    Args:
        event: what is logged of it.
        reason: why.
    """

    def __init__(self, event: str, reason: str) -> None:
        super().__init__(reason)
        self.event = event


class Server(uvicorn.Server):
    """uvicorn, without its signals and sockets: ours decide when to stop, and accept connections.

    Args:
        config: of the service.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._joining: set[asyncio.Task[None]] = set()

    def joining(self) -> int:
        """Return how many connections are being taken over."""
        return len(self._joining)

    def take(self, accepted: socket.socket) -> "asyncio.Task[None]":
        """Answer on an accepted connection.

        Returns:
            What ends when it was taken over, or is at its end.
        """
        task = asyncio.get_running_loop().create_task(self._join(accepted))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)
        return task

    async def _join(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        loop, config = asyncio.get_running_loop(), self.config

        def make_protocol() -> asyncio.Protocol:
            arguments: Any = {"config": config, "server_state": self.server_state}
            protocol: Any = config.http_protocol_class
            made: asyncio.Protocol = protocol(**arguments, app_state={}, _loop=loop)
            return made

        # A client that has gone by now, or speaks no TLS, harms nobody else.
        with contextlib.suppress(OSError):
            await loop.connect_accepted_socket(make_protocol, accepted, ssl=config.ssl)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class Front(NamedTuple):
    """All that answers for a replica."""

    predictions: Predictions
    edge_state: EdgeState
    keys: ApiKeys | None
    tls: Certificate | None
    config: uvicorn.Config

    def watched(self) -> list[ApiKeys | Certificate]:
        """Return what has files that may change."""
        return [one for one in (self.keys, self.tls) if one is not None]

    def reloads(self) -> list[Callable[[], None]]:
        """Return what reads those files again."""
        return [one.reload for one in self.watched()]


def read_keys(settings: Settings) -> ApiKeys | None:
    """Return the keys that may ask, or None if everybody may.

    Raises:
        CannotServe: the file cannot be read.
    """
    if settings.api_keys_file is None:
        return None
    keys = ApiKeys(settings.api_keys_file)
    try:
        keys.load()
    except (OSError, ValueError) as error:
        raise CannotServe("cannot_read_api_keys", str(error)) from error
    return keys


def make_front(
    replica: Replica, metrics: Metrics, settings: Settings, keys: ApiKeys | None
) -> Front:
    """Join everything before a replica, which then tells it what is served.

    Raises:
        CannotServe: the certificate cannot be used.
    """
    terms = Terms(settings, Sampler(settings.access_log_per_s), keys)
    predictions = Predictions(terms, settings)
    wires = make_wires(settings)
    app = create_app(replica, predictions, wires, settings)
    guarded = app if keys is None else KeyGate(app, keys, open_paths(settings), refuse_in_form)
    cors = Cors(settings.cors_origins) if settings.cors_origins else None
    short = ShortWay(terms, settings, cors) if settings.http == "fast" else None
    edge = Edge(guarded, predictions, wires.paths(), metrics, cors, short)
    replica.on_flip = edge.serve
    edge_state = EdgeState(settings)
    metrics.add_gauges(edge_state.gauges)
    if short is not None:
        metrics.add_gauges(short.gauges)
    config = _configure(settings, edge, connection_class(edge_state, short))
    tls = None if settings.tls_cert is None else Certificate(settings.tls_cert, settings.tls_key)
    try:
        config.load()
    except OSError as error:  # as ssl's own are
        edge_state.close()
        raise CannotServe("cannot_use_tls", str(error)) from error
    if tls is not None:
        tls.serve(config.ssl)
    return Front(predictions, edge_state, keys, tls, config)


def spare_collector() -> None:
    """Keep from every collection what lives as long as the process, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def _configure(
    settings: Settings, edge: Edge, connection: type[asyncio.Protocol]
) -> uvicorn.Config:
    return uvicorn.Config(
        edge,
        http=connection,
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
