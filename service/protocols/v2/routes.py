"""V2's rare paths: health, metadata, configuration, statistics and the model repository."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Depends, Request, Response

from service import __version__
from service.catalogue import CataloguedModel, ServedVersion
from service.errors import NotFound, ServiceError, Unreadable
from service.protocols.long_way import answer
from service.protocols.predictions import Predictions
from service.protocols.tokens import AdminToken
from service.protocols.v2 import repository
from service.protocols.v2.about import (
    Described,
    model_config,
    model_metadata,
    model_statistics,
    repository_index,
    server_metadata,
)
from service.protocols.v2.infer import PREFIX, InferV2
from service.replica import Replica

DIGITS = 9
Do = Callable[[Request, str, str | None], Awaitable[Response]]
"""Answers for a model, and for a version if the path names one."""


class _Paths:
    """What is answered on V2's paths that change nothing; see `v2_router` for the arguments."""

    def __init__(
        self, replica: Replica, predictions: Predictions, wire: InferV2, max_batch_rows: int
    ) -> None:
        self._replica = replica
        self._predictions = predictions
        self._wire = wire
        self._max_batch_rows = max_batch_rows

    async def describe_server(self) -> Response:
        return _json(server_metadata(__version__))

    async def live(self) -> Response:
        return _json({"live": True})

    async def ready(self) -> Response:
        is_ready = (await self._replica.whole.overview()).ready
        return _json({"ready": is_ready}, 200 if is_ready else 503)

    async def all_statistics(self) -> Response:
        models = self._replica.catalogue.models.values()
        return await self._counted([one for model in models for one in model.served.values()])

    async def index(self, request: Request) -> Response:
        said = _object(await request.body())
        only_ready = said.get("ready", False)
        if not isinstance(only_ready, bool):
            raise Unreadable("ready is true or false.")
        return _json(repository_index(self._replica.catalogue, only_ready=only_ready))

    async def describe_model(self, _: Request, name: str, version: str | None) -> Response:
        model, served = self._found(name, version)
        return _json(model_metadata(model, served.manifest))

    async def model_ready(self, _: Request, name: str, version: str | None) -> Response:
        model = self._replica.catalogue.model(name)
        try:
            self._found(name, version)
        except NotFound:
            raise
        except ServiceError:
            return _json({"name": model.name, "ready": False}, 503)
        is_ready = (await self._replica.whole.overview()).workers.ready > 0
        return _json({"name": model.name, "ready": is_ready}, 200 if is_ready else 503)

    async def configuration(self, _: Request, name: str, version: str | None) -> Response:
        manifest = self._found(name, version)[1].manifest
        return _json(model_config(manifest, self._max_batch_rows))

    async def statistics(self, _: Request, name: str, version: str | None) -> Response:
        return await self._counted([self._found(name, version)[1]])

    async def infer(self, request: Request, name: str, version: str | None) -> Response:
        who = partial(self._served, name, version)
        return await answer(request, self._predictions, self._wire, who)

    def _found(self, name: str, version: str | None) -> tuple[CataloguedModel, ServedVersion]:
        model = self._replica.catalogue.model(name)
        return model, model.resolve() if version is None else model.resolve(_number(version))

    def _served(self, name: str, version: str | None) -> ServedVersion:
        return self._found(name, version)[1]

    async def _counted(self, served: list[ServedVersion]) -> Response:
        metrics = (await self._replica.whole.overview()).metrics
        told: list[Described] = [
            model_statistics(one.manifest, metrics.model(one.manifest.name, one.manifest.version))
            for one in served
        ]
        return _json({"model_stats": told})


def v2_router(
    replica: Replica, predictions: Predictions, wire: InferV2, max_batch_rows: int
) -> APIRouter:
    """Return the paths of the Open Inference Protocol that change nothing.

    Args:
        replica: what is served, and how it is.
        predictions: answers inference requests.
        wire: reads and writes them.
        max_batch_rows: what a model's configuration tells.
    """
    paths = _Paths(replica, predictions, wire, max_batch_rows)
    router = APIRouter(prefix=PREFIX, tags=["v2"])
    router.get("")(paths.describe_server)
    router.get("/", include_in_schema=False)(paths.describe_server)
    router.get("/health/live")(paths.live)
    router.get("/health/ready")(paths.ready)
    router.get("/models/stats")(paths.all_statistics)
    _on_both(router, "GET", "", paths.describe_model)
    _on_both(router, "GET", "/ready", paths.model_ready)
    _on_both(router, "GET", "/config", paths.configuration)
    _on_both(router, "GET", "/stats", paths.statistics)
    _on_both(router, "POST", "/infer", paths.infer)
    router.post("/repository/index")(paths.index)
    return router


def v2_admin_router(replica: Replica, token: AdminToken) -> APIRouter:
    """Return the paths that load and unload, for whoever knows the token."""
    router = APIRouter(
        prefix=f"{PREFIX}/repository/models/{{name}}",
        tags=["v2"],
        dependencies=[Depends(token)],
    )

    @router.post("/load")
    async def load(request: Request, name: str) -> Response:
        given = _object(await request.body()).get("parameters")
        await repository.load(replica, name, has_parameters=bool(given))
        return Response(status_code=200)

    @router.post("/unload")
    async def unload(name: str) -> Response:
        await repository.unload(replica, name)
        return Response(status_code=200)

    return router


def _on_both(router: APIRouter, method: str, tail: str, do: Do) -> None:
    """Add a path below a model and the same below each of its versions.

    One function behind both would make `version` an option of the first.
    """
    summary = do.__name__.replace("_", " ").capitalize()

    async def of_model(request: Request, name: str) -> Response:
        return await do(request, name, None)

    async def of_version(request: Request, name: str, version: str) -> Response:
        return await do(request, name, version)

    path = f"/models/{{name}}{tail}"
    router.add_api_route(path, of_model, methods=[method], summary=summary)
    path = f"/models/{{name}}/versions/{{version}}{tail}"
    router.add_api_route(path, of_version, methods=[method], summary=f"{summary} of a version")


def _number(version: str) -> int:
    if not (version.isascii() and version.isdecimal() and len(version) <= DIGITS):
        raise NotFound(f"There is no version {version[:64]!r}.", code="version_not_found")
    return int(version)


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        raise Unreadable("The body is not valid JSON.") from None
    if not isinstance(said, dict):
        raise Unreadable("The body is a JSON object, or nothing.")
    return said


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
