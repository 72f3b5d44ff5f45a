"""Predict requests that come by FastAPI's routes: paths that the short way does not know (yet)."""

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from service.protocols.http import ClientGone, Reply, client_of, send_reply
from service.protocols.predictions import Predictions
from service.protocols.wire import Find, Wire

CLIENT_CLOSED = 499
"""The status of a request whose client has gone, as nginx counts it; nobody receives it."""


async def answer(request: Request, predictions: Predictions, wire: Wire, find: Find) -> Response:
    """Answer one predict request.

    Args:
        request: as FastAPI has it; its body was not read.
        predictions: answers it.
        wire: the protocol that it speaks.
        find: returns the version that the path names now, or raises a `ServiceError`.
    """
    scope = request.scope
    client = client_of(scope, request.receive)
    headers = dict(scope["headers"])
    try:
        reply = await predictions.handle(wire, find, headers, scope["query_string"], client)
    except ClientGone:
        return Response(status_code=CLIENT_CLOSED)
    return as_response(reply)


class StreamedResponse(Response):
    """An answer that is written in pieces, as FastAPI sends it."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(status_code=reply.status)
        self._reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; its connection is told of the client's leaving by other ways."""
        del scope
        await send_reply(self._reply, receive, send)


def as_response(reply: Reply) -> Response:
    """Return a reply as FastAPI sends it."""
    if reply.stream is not None:
        return StreamedResponse(reply)
    response = Response(reply.body, reply.status)
    response.raw_headers.extend(reply.headers)
    return response
