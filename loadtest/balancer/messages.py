"""What passes through the balancer, and what it changes on the way."""

import json
from dataclasses import dataclass

from loadtest.balancer.stream import BodyStream
from loadtest.http1 import Headers, Reply, head

REPLICA_HEADER = b"X-Percore-Replica"

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_FRAMING = frozenset({b"content-length", b"expect"})


@dataclass(frozen=True, slots=True)
class Inbound:
    """A request of a client: whole, or its head with a body that follows."""

    method: bytes
    path: bytes
    headers: Headers
    body: bytes
    keep_alive: bool
    version: str
    stream: BodyStream | None = None
    """The whole body, if it is too large to be held."""


def forwarded_request(request: Inbound, client: str) -> bytes:
    """Return the request as the replica gets it: same end-to-end headers, body framed anew."""
    headers = _end_to_end(request.headers)
    headers.append((b"X-Forwarded-For", client.encode("latin-1")))
    if request.stream is not None:
        headers.append(_body_framing(request.stream.length))
    elif request.body or request.method in {b"POST", b"PUT", b"PATCH"}:
        headers.append((b"Content-Length", str(len(request.body)).encode()))
    return head(request.method + b" " + request.path + b" HTTP/1.1", headers) + request.body


def forwarded_answer(reply: Reply, replica: str, *, bodiless: bool, keep_alive: bool) -> bytes:
    """Return the replica's answer as the client gets it, with the replica's name in a header."""
    headers = _end_to_end(reply.headers)
    headers.append((REPLICA_HEADER, replica.encode("latin-1")))
    if bodiless:
        headers += [(k, v) for k, v in reply.headers if k.lower() == b"content-length"]
    elif reply.status not in {204, 304}:
        headers.append((b"Content-Length", str(len(reply.body)).encode()))
    headers.append(_connection(keep_alive=keep_alive))
    return head(b"HTTP/1.1 %d %s" % (reply.status, reply.reason), headers) + reply.body


def forwarded_head(reply: Reply, replica: str, length: int | None, *, keep_alive: bool) -> bytes:
    """Return the head of an answer whose body follows; a length of None announces chunks."""
    headers = _end_to_end(reply.headers)
    headers.append((REPLICA_HEADER, replica.encode("latin-1")))
    headers.append(_body_framing(length))
    headers.append(_connection(keep_alive=keep_alive))
    return head(b"HTTP/1.1 %d %s" % (reply.status, reply.reason), headers)


def own_answer(
    status: int, reason: str, code: str, replica: str = "", *, keep_alive: bool = False
) -> bytes:
    """Return an answer that the balancer gives itself, in the project's form of an error."""
    body = json.dumps({"error": f"{reason}.", "code": code, "details": []}).encode()
    headers = [
        (b"Content-Type", b"application/json"),
        (b"Content-Length", str(len(body)).encode()),
        _connection(keep_alive=keep_alive),
    ]
    if replica:
        headers.append((REPLICA_HEADER, replica.encode("latin-1")))
    if status == 503:
        headers.append((b"Retry-After", b"1"))
    return head(f"HTTP/1.1 {status} {reason}".encode(), headers) + body


def _end_to_end(headers: Headers) -> Headers:
    """Drop what speaks of one connection only, what Connection names included."""
    named = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }
    dropped = _HOP_BY_HOP | _FRAMING | named
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def _body_framing(length: int | None) -> tuple[bytes, bytes]:
    if length is None:
        return (b"Transfer-Encoding", b"chunked")
    return (b"Content-Length", str(length).encode())


def _connection(*, keep_alive: bool) -> tuple[bytes, bytes]:
    return (b"Connection", b"keep-alive" if keep_alive else b"close")
