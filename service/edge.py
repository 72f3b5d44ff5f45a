"""The outermost ASGI layer: predictions take the short way, everything else goes to FastAPI."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import monotonic

from service.catalogue import Catalogue, ServedVersion
from service.errors import NotFound
from service.metrics import Metrics
from service.protocols.cors import Cors
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
from service.protocols.predictions import Predictions
from service.protocols.short_way import ShortWay
from service.protocols.wire import Find, Wire

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Paths = Callable[[Catalogue], dict[str, ServedVersion]]
"""Returns every path of a protocol that means a served version."""


class Edge:
    """Knows the paths of all served versions, so that a prediction needs no routing.

    Args:
        app: the FastAPI application.
        predictions: answers predict requests.
        wires: the protocols, each with its paths.
        metrics: where all other requests are counted.
        cors: marks answers for pages of other origins; None if there are none.
        short: answers ordinary predictions before they come here; None if there is no such way.
    """

    def __init__(
        self,
        app: ASGIApp,
        predictions: Predictions,
        wires: Sequence[tuple[Wire, Paths]],
        metrics: Metrics,
        cors: Cors | None = None,
        short: ShortWay | None = None,
    ) -> None:
        self._app = app if cors is None else cors.around(app)
        self._cors = cors
        self._handle = predictions.handle
        self._wires = tuple(wires)
        self._metrics = metrics
        self._short = short
        self._paths: dict[str, ServedVersion] = {}
        self._finds: dict[str, tuple[Wire, Find]] = {}

    def serve(self, catalogue: Catalogue) -> None:
        """Take the paths of what the catalogue serves, all at once."""
        served: dict[str, ServedVersion] = {}
        finds: dict[str, tuple[Wire, Find]] = {}
        for wire, paths in self._wires:
            for path, version in paths(catalogue).items():
                served[path] = version
                finds[path] = (wire, partial(self._find, path))
        self._paths, self._finds = served, finds
        if self._short is not None:
            # What stands for another character is for uvicorn to read.
            raw = {path.encode(): known for path, known in finds.items() if "%" not in path}
            self._short.serve(raw)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        known = self._finds.get(scope["path"])
        if known is None or scope["method"] != "POST":
            await self._long_way(scope, receive, send)
            return
        client = client_of(scope, receive)
        headers = dict(scope["headers"])
        try:
            reply = await self._handle(*known, headers, scope["query_string"], client)
        except ClientGone:
            return
        if self._cors is not None:
            reply = self._cors.marked(reply, headers)
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
