"""What a connection itself refuses, before any route has seen a request."""

from http import HTTPStatus

from service.errors import HeadTooLarge, Overloaded, ServiceError, TooLarge, TooSlow, Unreadable
from service.protocols.http import Headers, error_reply, request_id
from service.protocols.v2.infer import is_v2, v2_error

BENT = Unreadable("This is not HTTP as it should be.", code="bad_request")
CROWDED = Overloaded("Too many connections are open; try again in a moment.")
LARGE_HEAD = HeadTooLarge("The head of the request is too large.")
LATE_HEAD = TooSlow("The head of the request did not come in time.")
LATE_BODY = TooSlow("The body of the request did not come in time.")
LARGE_BODY = TooLarge("The body takes too many bytes on its way.")
MANY_CHUNKS = TooLarge("The body comes in too many chunks.", code="too_many_chunks")


class StopParsing(Exception):
    """Raised in a callback of the parser, whose caller then asks what to answer."""


def on_the_wire(error: ServiceError, headers: Headers, target: bytes) -> bytes:
    """Return the bytes of an answer that is the last of its connection.

    Args:
        error: what is wrong.
        headers: the request's, as far as they are known, for its id.
        target: its URL, as far as it is known, for the form of its protocol.
    """
    path = target.partition(b"?")[0].decode("latin-1")
    reply = (v2_error if is_v2(path) else error_reply)(error, request_id(headers))
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}".encode()]
    lines += [b"%s: %s" % pair for pair in reply.headers if pair[0] != b"connection"]
    lines += [b"content-length: %d" % len(reply.body), b"connection: close", b"", reply.body]
    return b"\r\n".join(lines)
