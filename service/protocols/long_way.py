"""Predict requests that come by FastAPI's routes: paths that the short way does not know (yet)."""

from fastapi import Request, Response

from service.protocols.http import ClientGone, Reply, client_of
from service.protocols.predictions import Find, Predictions, Wire

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


def as_response(reply: Reply) -> Response:
    """Return a reply as FastAPI sends it."""
    response = Response(reply.body, reply.status)
    response.raw_headers.extend(reply.headers)
    return response
