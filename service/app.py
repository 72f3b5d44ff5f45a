"""The composition root: every part is made and joined here, and nowhere else."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from models.store import Store
from service import __version__
from service.docs import docs_router
from service.edge import Edge, Paths
from service.errors import NotFound, ServiceError, Unavailable, Unfit
from service.log import Sampler
from service.metrics import Metrics
from service.openapi import describe_api
from service.openapi_parts import Access
from service.protocols.certificate import Certificate
from service.protocols.cors import Cors
from service.protocols.edge_state import EdgeState
from service.protocols.http import Reply, error_reply, http_error
from service.protocols.invocations import PATH as INVOCATIONS
from service.protocols.invocations import DefaultModel, Invocations
from service.protocols.keys import ApiKeys, KeyGate
from service.protocols.long_way import as_response
from service.protocols.predictions import Predictions, Wire
from service.protocols.seam import connection_class
from service.protocols.tokens import AdminToken
from service.protocols.v1 import PredictV1, predict_paths
from service.protocols.v2.infer import (
    PREFIX,
    InferV2,
    infer_paths,
    is_v2,
    v2_error,
    v2_http_error,
)
from service.protocols.v2.routes import v2_admin_router, v2_router
from service.replica import NothingToServe, Replica
from service.routes import (
    about_router,
    admin_router,
    health_router,
    invocations_router,
    models_router,
    ping_router,
    predict_router,
    report_router,
)
from service.settings import Settings

if TYPE_CHECKING:
    from service.protocols.grpc.server import GrpcServer

BACKLOG = 2048
PING = "/ping"
OPEN_FOLDERS = ("/health/", f"{PREFIX}/health/", "/docs/", "/admin/")
"""Paths in them need no API key."""
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_NOTHING_TO_SERVE = 3
EXIT_CANNOT_START = 4
"""Workers end before they are ready: a crash loop, which starting again would only repeat."""

log = structlog.get_logger()


class Wires(NamedTuple):
    """The protocols that predict requests come by."""

    v1: PredictV1
    v2: InferV2
    invocations: Invocations
    default: DefaultModel

    def paths(self) -> list[tuple[Wire, Paths]]:
        """Return each protocol with its paths; of two that claim a path, the last has it."""
        return [
            (self.v1, predict_paths),
            (self.v2, infer_paths),
            (self.invocations, self.default.served_paths),
        ]


def make_wires(settings: Settings) -> Wires:
    """Return the protocols."""
    v1 = PredictV1(settings.inline_body_bytes)
    paths = dict.fromkeys([INVOCATIONS, settings.predict_route or INVOCATIONS])
    return Wires(
        v1,
        InferV2(settings.inline_body_bytes),
        Invocations(v1, settings.inline_body_bytes),
        DefaultModel(settings.default_model, tuple(paths)),
    )


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


class Signals:
    """What signals ask for: TERM to stop gently, INT or a second one to hurry, HUP to reload."""

    def __init__(self, reload: Sequence[Callable[[], None]]) -> None:
        self.stop = asyncio.Event()
        self._hurry = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._on_stop, False)
        loop.add_signal_handler(signal.SIGINT, self._on_stop, True)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload)
        self._reload = reload

    async def hurried(self, delay_s: float) -> None:
        """Wait so long, or until somebody hurries."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._hurry.wait()

    def _on_reload(self) -> None:
        for reload in self._reload:
            reload()

    def _on_stop(self, hurry: bool) -> None:
        if hurry or self.stop.is_set():
            self._hurry.set()
        self.stop.set()


def create_app(
    replica: Replica,
    predictions: Predictions,
    wires: Wires,
    metrics: Metrics,
    settings: Settings,
) -> FastAPI:
    """Return the FastAPI application with all routes and error answers."""
    app = FastAPI(
        title="Percore",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would send the client to whatever Host it named
    )
    app.include_router(predict_router(replica, predictions, wires.v1))
    app.include_router(invocations_router(replica, predictions, wires.invocations, wires.default))
    app.include_router(ping_router(replica, health_paths(settings)))
    app.include_router(about_router())
    app.include_router(models_router(replica))
    app.include_router(report_router(replica, Store(settings.store)))
    app.include_router(health_router(replica, metrics))
    app.include_router(docs_router())
    if token := settings.admin_token.get_secret_value():
        admin = AdminToken(token)
        app.include_router(admin_router(replica, admin))
        app.include_router(v2_admin_router(replica, admin))
    app.include_router(v2_router(replica, predictions, wires.v2, settings.max_batch_rows))

    is_open = None if settings.api_keys_file is None else open_paths(settings)
    access = Access(is_open, has_admin=bool(token))

    def openapi() -> dict[str, Any]:
        return describe_api(app, replica.catalogue, wires.default, access)

    app.openapi = openapi  # type: ignore[method-assign]

    _refuse_in_form(app)
    return app


def health_paths(settings: Settings) -> list[str]:
    """Return the paths by which platforms ask for health."""
    return list(dict.fromkeys([PING, settings.health_route or PING]))


def open_paths(settings: Settings) -> Callable[[str], bool]:
    """Return what tells whether a path needs no key: health, metrics, docs.

    What changes something is left to the admin token, without which it does not exist.
    """
    whole = frozenset({*health_paths(settings), "/metrics", "/docs", "/openapi.json"})
    repository = f"{PREFIX}/repository/models/"

    def is_open(path: str) -> bool:
        return (
            path in whole
            or path.startswith(OPEN_FOLDERS)
            or (path.startswith(repository) and path.endswith(("/load", "/unload")))
        )

    return is_open


def _refuse_in_form(app: FastAPI) -> None:
    """Give every error of the application the form of its path's protocol."""

    def to_response(request: Request, error: ServiceError) -> Response:
        scope = request.scope
        return as_response(refuse_in_form(scope["path"], error, scope["state"]["request_id"]))

    @app.exception_handler(ServiceError)
    async def refuse(request: Request, error: ServiceError) -> Response:
        return to_response(request, error)

    @app.exception_handler(HTTPException)
    async def refuse_route(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            missing = NotFound("There is no such path; see /docs.", code="not_found")
            return to_response(request, missing)
        form = v2_http_error if is_v2(request.scope["path"]) else http_error
        return as_response(
            form(error.status_code, request.scope["state"]["request_id"], error.headers)
        )

    @app.exception_handler(RequestValidationError)
    async def refuse_parameters(request: Request, _: RequestValidationError) -> Response:
        return to_response(request, Unfit("A parameter of the path or query does not fit."))


def refuse_in_form(path: str, error: ServiceError, id_: bytes) -> Reply:
    """Return the answer that an error is, in the form of the path's protocol."""
    return (v2_error if is_v2(path) else error_reply)(error, id_)


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
