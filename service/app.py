"""The composition root: every part is made and joined here, and nowhere else."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from service import __version__
from service.docs import docs_router
from service.edge import Edge
from service.errors import NotFound, ServiceError, Unavailable, Unfit
from service.log import Sampler
from service.metrics import Metrics
from service.openapi import describe_api
from service.protocols.http import http_error
from service.protocols.v1 import PredictV1
from service.replica import NothingToServe, Replica
from service.routes import health_router, models_router, predict_router, to_response
from service.settings import Settings

BACKLOG = 2048
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_NOTHING_TO_SERVE = 3

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
    try:
        listening = listen(settings)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        log.error("cannot_listen", address=where, reason=error.strerror)  # noqa: TRY400
        return EXIT_FAILED
    metrics = Metrics()
    replica = Replica(settings, metrics)
    predict = PredictV1(replica.batcher, settings, Sampler(settings.access_log_per_s))
    edge = Edge(create_app(replica, predict, metrics), predict, metrics)
    server = Server(_configure(settings, edge))
    # The port answers /health/live while models load: a probe must see a slow start as alive.
    serving = asyncio.create_task(server.serve([listening]))
    code = await _run(replica, edge, serving)
    server.should_exit = True
    await serving
    await replica.stop()
    log.info("stopped", code=code)
    return code


def listen(settings: Settings) -> socket.socket:
    """Open the listening socket and say where it is.

    Raises:
        OSError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    opened = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    host, port = opened.getsockname()[:2]
    log.info("listening", host=host, port=port, docs=f"http://{host}:{port}/docs")
    return opened


async def _run(replica: Replica, edge: Edge, serving: "asyncio.Task[None]") -> int:
    """Start the replica, then wait for the end; return the exit code."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(stop.wait())
    starting = asyncio.create_task(replica.start())
    try:
        await asyncio.wait({starting, stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            return EXIT_OK if stop.is_set() else EXIT_FAILED
        starting.result()
        edge.serve(replica.catalogue)
        # What lives as long as the process need not be looked at by every collection.
        gc.collect()
        gc.freeze()
        log.info("ready", models=sorted(replica.catalogue.models))
        await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
    except NothingToServe as error:
        log.error("nothing_to_serve", reason=str(error))  # noqa: TRY400
        return EXIT_NOTHING_TO_SERVE
    except (Unavailable, TimeoutError) as error:
        log.error("cannot_start", reason=str(error) or "a worker did not get ready")  # noqa: TRY400
        return EXIT_FAILED
    finally:
        for task in (starting, stopping):
            task.cancel()
    return EXIT_OK if stop.is_set() else EXIT_FAILED


def create_app(replica: Replica, predict: PredictV1, metrics: Metrics) -> FastAPI:
    """Return the FastAPI application with all routes and error answers."""
    app = FastAPI(
        title="Percore",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would send the client to whatever Host it named
    )
    app.include_router(predict_router(replica, predict))
    app.include_router(models_router(replica))
    app.include_router(health_router(replica, metrics))
    app.include_router(docs_router())

    def openapi() -> dict[str, Any]:
        return describe_api(app, replica.catalogue)

    app.openapi = openapi  # type: ignore[method-assign]

    @app.exception_handler(ServiceError)
    async def refuse(request: Request, error: ServiceError) -> Response:
        return to_response(error, request)

    @app.exception_handler(HTTPException)
    async def refuse_route(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return to_response(
                NotFound("There is no such path; see /docs.", code="not_found"), request
            )
        return http_error(error.status_code, request.scope["state"]["request_id"], error.headers)

    @app.exception_handler(RequestValidationError)
    async def refuse_parameters(request: Request, _: RequestValidationError) -> Response:
        return to_response(Unfit("A parameter of the path or query does not fit."), request)

    return app


def _configure(settings: Settings, edge: Edge) -> uvicorn.Config:
    return uvicorn.Config(
        edge,
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=int(settings.drain_s),
    )
