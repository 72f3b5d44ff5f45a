"""FastAPI's routes: everything rare. They call; the work is done elsewhere."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from models.errors import StoreError
from models.store import Store, open_artefact
from service import __version__
from service.catalogue import REPORT, CataloguedModel, ServedVersion
from service.errors import NotFound
from service.protocols.invocations import DefaultModel, Invocations
from service.protocols.long_way import answer
from service.protocols.predictions import Predictions
from service.protocols.tokens import AdminToken
from service.protocols.wire import Wire
from service.replica import Replica

REPORT_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
}
"""A report has words of the training data in it: whatever they are, nothing of them runs."""


def predict_router(replica: Replica, predictions: Predictions, wire: Wire) -> APIRouter:
    """Return the predict routes, for paths that the short way does not know (yet)."""
    router = APIRouter(include_in_schema=False)

    async def predict(request: Request, name: str, which: int | str) -> Response:
        def find() -> ServedVersion:
            return replica.catalogue.model(name).resolve(which)

        return await answer(request, predictions, wire, find)

    @router.post("/v1/models/{name}:predict")
    async def predict_production(request: Request, name: str) -> Response:
        return await predict(request, name, "production")

    @router.post("/v1/models/{name}/versions/{version}:predict")
    async def predict_version(request: Request, name: str, version: str) -> Response:
        return await predict(request, name, _number(version))

    @router.post("/v1/models/{name}/labels/{alias}:predict")
    async def predict_alias(request: Request, name: str, alias: str) -> Response:
        return await predict(request, name, alias)

    return router


def invocations_router(
    replica: Replica, predictions: Predictions, wire: Invocations, default: DefaultModel
) -> APIRouter:
    """Return the paths that name no model, for as long as the short way does not know them."""
    router = APIRouter(include_in_schema=False)

    async def invoke(request: Request) -> Response:
        return await answer(request, predictions, wire, lambda: default.find(replica.catalogue))

    for path in default.paths:
        router.add_api_route(path, invoke, methods=["POST"])
    return router


def ping_router(replica: Replica, paths: Sequence[str]) -> APIRouter:
    """Return the paths by which SageMaker, MLflow and Vertex AI ask for health."""
    router = APIRouter(tags=["platforms"])

    async def ping() -> Response:
        is_ready = (await replica.whole.overview()).ready
        return _json({"ready": is_ready}, 200 if is_ready else 503)

    for path in paths:
        router.add_api_route(
            path,
            ping,
            methods=["GET"],
            summary="The service is ready",
            responses={503: {"description": "Not ready"}},
        )
    return router


def about_router() -> APIRouter:
    """Return the paths by which KServe's client asks for life, and MLflow's for the version."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def alive() -> dict[str, str]:
        return {"status": "alive", "docs": "/docs"}

    @router.get("/version")
    async def version() -> Response:
        return Response(__version__, media_type="text/plain")

    return router


def models_router(replica: Replica) -> APIRouter:
    """Return the routes that tell what is served."""
    router = APIRouter(tags=["models"])

    @router.get("/v1/models", summary="What is served")
    async def list_models() -> Response:
        models = replica.catalogue.models
        workers = (await replica.whole.overview()).workers
        return _json(
            {
                "models": [model.describe() for model in models.values()],
                "workers": workers._asdict(),
                "start_method": replica.start_method(),
                "models_in_memory": "once for all workers"
                if replica.start_method() == "fork"
                else "once in each worker",
            }
        )

    @router.get(
        "/v1/models/{name}",
        summary="One model: schema, versions, aliases",
        responses={404: {"description": "No such model"}},
    )
    async def show_model(name: str) -> Response:
        if name.endswith(":predict"):
            raise HTTPException(405, headers={"allow": "POST"})
        model = replica.catalogue.model(name)
        workers = (await replica.whole.overview()).workers
        is_ready = model.production() in model.served and workers.ready > 0
        return _json(model.describe() | {"ready": is_ready})  # where KServe's client looks for it

    return router


def report_router(replica: Replica, store: Store) -> APIRouter:
    """Return the route to the report of a version, which need not be served."""
    router = APIRouter(tags=["models"])

    @router.get(
        "/v1/models/{name}/versions/{version}/report",
        summary="The report of a version, a page for people",
        response_class=HTMLResponse,
        responses={404: {"description": "No such version, or it has no report"}},
    )
    async def show_report(name: str, version: str) -> Response:
        model, number = replica.catalogue.model(name), _number(version)
        page = await run_in_threadpool(_report, store, model, number)
        return HTMLResponse(page, headers=REPORT_HEADERS)

    return router


def admin_router(replica: Replica, token: AdminToken) -> APIRouter:
    """Return the routes that change something, for whoever knows the token."""
    router = APIRouter(tags=["admin"], dependencies=[Depends(token)])

    @router.post("/admin/reload", status_code=202, summary="Look at the store now")
    async def reload() -> Response:
        await replica.whole.reload()
        return _json({"reloading": True}, 202)

    return router


def health_router(replica: Replica) -> APIRouter:
    """Return the routes for probes and for Prometheus."""
    router = APIRouter(tags=["health"])

    @router.get("/health/live", summary="The event loop turns")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @router.get(
        "/health/ready",
        summary="Every model is served by workers that answered lately",
        responses={503: {"description": "Not ready"}},
    )
    async def ready() -> Response:
        is_ready, workers, _ = await replica.whole.overview()
        body = {"ready": is_ready, "workers": workers.ready, "wanted": workers.wanted}
        return _json(body, 200 if is_ready else 503)

    @router.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def read_metrics() -> Response:
        metrics = (await replica.whole.overview()).metrics
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


def _report(store: Store, model: CataloguedModel, version: int) -> bytes:
    """Return a report's bytes, if they are those that were published.

    Raises:
        NotFound: they are not, or there are none.
    """
    if version not in model.versions:
        raise NotFound(
            f"The model {model.name} has no version {version}.", code="version_not_found"
        )
    try:
        entry = store.manifest(model.name, version).files.get(REPORT)
        if entry is None:
            raise NotFound(f"{model.name} {version} has no report.", code="no_report")
        with open_artefact(store.folder(model.name, version) / REPORT) as file:
            page = file.read(entry.size_bytes + 1)
    except StoreError as error:
        raise NotFound(
            f"The report of {model.name} {version} cannot be read.", code="no_report"
        ) from error
    if hashlib.sha256(page).hexdigest() != entry.sha256:
        raise NotFound(
            f"The report of {model.name} {version} was changed after it was published;"
            " python -m models verify says more.",
            code="no_report",
        )
    return page


def _number(version: str) -> int:
    """Return the version that a path names; -1, which there never is, if it is no number."""
    is_number = version.isascii() and version.isdecimal() and len(version) < 10
    return int(version) if is_number else -1


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
