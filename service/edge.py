"""The outermost ASGI layer: predictions take the short way, everything else goes to FastAPI."""

from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic

from models.store import PRODUCTION
from service.catalogue import Catalogue, ServedVersion
from service.errors import NotFound
from service.metrics import Metrics
from service.protocols.http import (
    ClientGone,
    Message,
    Receive,
    Scope,
    Send,
    client_of,
    request_id,
    send_reply,
)
from service.protocols.v1 import Find, PredictV1

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class Edge:
    """Knows the paths of all served versions, so that a prediction needs no routing.

    Args:
        app: the FastAPI application.
        predict: answers predictions.
        metrics: where all other requests are counted.
    """

    def __init__(self, app: ASGIApp, predict: PredictV1, metrics: Metrics) -> None:
        self._app = app
        self._predict = predict
        self._metrics = metrics
        self._paths: dict[str, ServedVersion] = {}
        self._finds: dict[str, Find] = {}

    def serve(self, catalogue: Catalogue) -> None:
        """Take the paths of what the catalogue serves, all at once."""
        self._paths = predict_paths(catalogue)
        self._finds = {path: partial(self._find, path) for path in self._paths}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        find = self._finds.get(scope["path"])
        if find is None or scope["method"] != "POST":
            await self._long_way(scope, receive, send)
            return
        client = client_of(scope, receive)
        try:
            reply = await self._predict.handle(
                find, dict(scope["headers"]), scope["query_string"], client
            )
        except ClientGone:
            return
        if not client.write(reply):
            await send_reply(reply, receive, send)

    def _find(self, path: str) -> ServedVersion:
        served = self._paths.get(path)
        if served is None:
            text = "The version was taken out of service while the request came in."
            raise NotFound(text, code="version_not_served")
        return served

    async def _long_way(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = monotonic()
        id_ = request_id(dict(scope["headers"]))
        scope.setdefault("state", {})["request_id"] = id_

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in message["headers"]}
                total = b"total;dur=%.3f" % ((monotonic() - started) * 1e3)
                message["headers"] = [
                    *message["headers"],
                    *(() if b"x-request-id" in names else ((b"x-request-id", id_),)),
                    *(() if b"server-timing" in names else ((b"server-timing", total),)),
                ]
                route = getattr(scope.get("route"), "path", "none")
                self._metrics.count_other(route, message["status"])
            await send(message)

        await self._app(scope, receive, send_with_headers)


def predict_paths(catalogue: Catalogue) -> dict[str, ServedVersion]:
    """Return every path that means a served version."""
    paths = {}
    for name, model in catalogue.models.items():
        root = f"/v1/models/{name}"
        for version, served in model.served.items():
            paths[f"{root}/versions/{version}:predict"] = served
        for alias, version in model.effective.items():
            paths[f"{root}/labels/{alias}:predict"] = model.served[version]
        production = model.effective.get(PRODUCTION)
        if production is not None:
            paths[f"{root}:predict"] = model.served[production]
    return paths
