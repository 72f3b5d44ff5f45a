"""The FastAPI application: every route, and every error in the form of its path's protocol."""

from collections.abc import Callable
from typing import Any, NamedTuple

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from models.store import Store
from service import __version__
from service.docs import docs_router
from service.edge import Paths
from service.errors import NotFound, ServiceError, Unfit
from service.openapi import describe_api
from service.openapi_parts import Access
from service.protocols.http import Reply, error_reply, http_error
from service.protocols.invocations import PATH as INVOCATIONS
from service.protocols.invocations import DefaultModel, Invocations
from service.protocols.long_way import as_response
from service.protocols.predictions import Predictions
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
from service.protocols.wire import Wire
from service.replica import Replica
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

PING = "/ping"
OPEN_FOLDERS = ("/health/", f"{PREFIX}/health/", "/docs/", "/admin/")
"""Paths in them need no API key."""


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


def create_app(
    replica: Replica,
    predictions: Predictions,
    wires: Wires,
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
    app.include_router(health_router(replica))
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
