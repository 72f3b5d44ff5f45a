"""What every HTTP protocol here shares: bodies within limits, replies, errors, request ids."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from http import HTTPStatus
from itertools import count
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

import orjson

from service.errors import (
    DeadlineExceeded,
    HeadTooLarge,
    Internal,
    ModelFailed,
    NotAcceptable,
    NotFound,
    Overloaded,
    PoisonInput,
    ServiceError,
    TooLarge,
    TooManyRequests,
    TooSlow,
    Unauthenticated,
    Unavailable,
    Unfit,
    Unreadable,
    UnsupportedMedia,
)
from service.protocols.encodings import check_coding, decoded

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Mapping[bytes, bytes]

STATUS: dict[type[ServiceError], int] = {
    Unreadable: 400,
    Unauthenticated: 401,
    NotFound: 404,
    NotAcceptable: 406,
    TooSlow: 408,
    TooLarge: 413,
    UnsupportedMedia: 415,
    Unfit: 422,
    TooManyRequests: 429,
    HeadTooLarge: 431,
    Internal: 500,
    ModelFailed: 500,
    PoisonInput: 500,
    Overloaded: 503,
    Unavailable: 503,
    DeadlineExceeded: 504,
}
RETRY_AFTER_S = b"1"
UNKNOWN = "unknown"
"""The address of a client that has none, as on a Unix socket."""
LINGER_S = 2.0
"""How long a client may go on sending a body that was refused for its size."""
JSON = b"application/json"
CLIENT = "percore.client"
"""Where a scope's extensions have its `Client`."""

_REQUEST_ID = re.compile(rb"[\w.-]{1,64}")
_prefix = os.urandom(6).hex().encode()
_numbers = count(1)


class Reply(NamedTuple):
    """A whole answer, ready to be sent; or the beginning of one that is written in pieces."""

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]]
    stream: "Streamed | None" = None


class Streamed(Protocol):
    """An answer that is written while its request comes in."""

    async def send(self, reply: Reply, send: Send) -> None:
        """Send the answer's beginning and all that follows."""


class Pace(Protocol):
    """A connection on which an answer is written while its request comes in."""

    def begin_stream(self) -> None:
        """Let the client read later than it sends, within limits."""

    def await_body(self, is_awaited: bool) -> None:
        """Give the client its whole time for the next bytes; or none, as it is we who wait."""

    def end_stream(self, *, whole: bool) -> None:
        """Go on as usual; or, if the answer is not whole, let nobody take it for that."""


class ClientGone(Exception):
    """The client closed the connection before its request was whole."""


class Client:
    """Who sent a request: gives its body, and may go before it is answered.

    There is one a connection, as a connection works on one request at a time.

    Attributes:
        address: where the connection comes from.
        receive: gives the body of the request that is worked on, as in ASGI.
        waiting: what that request waits for, so that its work is not begun once nobody wants it.
        write: answers it in one step, and returns whether it could; a server that is not ours
            cannot.
        pace: its connection, if that is ours.
    """

    __slots__ = ("address", "pace", "receive", "waiting", "write")

    def __init__(self) -> None:
        self.address = UNKNOWN
        self.receive: Receive = _nothing_to_receive
        self.waiting: asyncio.Future[Any] | None = None
        self.write: Callable[[Reply], bool] = _cannot_write
        self.pace: Pace | None = None

    def leave(self) -> None:
        """Let the request under way end with `ClientGone`."""
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(ClientGone())


async def _nothing_to_receive() -> Message:
    return {"type": "http.disconnect"}


def _cannot_write(reply: Reply) -> bool:
    del reply
    return False


def client_of(scope: Scope, receive: Receive) -> Client:
    """Return the client of a request; a server that is not ours tells nothing of its leaving."""
    client: Client = scope.get("extensions", {}).get(CLIENT) or Client()
    client.receive = receive
    peer = scope.get("client")
    if peer:
        client.address = peer[0]
    return client


def request_id(headers: Headers) -> bytes:
    """Return the client's X-Request-Id if it is a harmless word, else a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    return b"%b-%x" % (_prefix, next(_numbers))


def error_reply(error: ServiceError, id_: bytes) -> Reply:
    """Return the answer that an error is: code and words, nothing of the inside."""
    status = STATUS.get(type(error), 500)
    body = orjson.dumps(
        {
            "error": error.message,
            "code": error.word,
            "details": error.details,
            "request_id": id_.decode(),
        }
    )
    headers = [(b"content-type", JSON), (b"x-request-id", id_)]
    if isinstance(error, Overloaded):
        headers.append((b"retry-after", str(error.retry_after_s).encode()))
    elif status == 503:
        headers.append((b"retry-after", RETRY_AFTER_S))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status == 413:
        headers.append((b"connection", b"close"))  # the rest of the body will not be read
    return Reply(status, body, headers)


def http_words(status: int, headers: Mapping[str, str] | None) -> str:
    """Return what a status that no route has answered says; of 405, what the path takes."""
    allowed = {name.lower(): value for name, value in (headers or {}).items()}.get("allow")
    return HTTPStatus(status).phrase + (f": this path takes {allowed}." if allowed else ".")


def http_error(status: int, id_: bytes, headers: Mapping[str, str] | None) -> Reply:
    """Return the answer to a request that no route takes, such as 405."""
    phrase = HTTPStatus(status).phrase
    body = orjson.dumps(
        {
            "error": http_words(status, headers),
            "code": phrase.lower().replace(" ", "_"),
            "details": [],
            "request_id": id_.decode(),
        }
    )
    more = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    return Reply(status, body, [(b"content-type", JSON), (b"x-request-id", id_), *more])


async def read_body(receive: Receive, headers: Headers, max_bytes: int) -> bytes:
    """Return the request's body, decoded if it is compressed.

    Raises:
        UnsupportedMedia: it is compressed in a way that is not taken.
        Unreadable: it cannot be decoded.
        TooLarge: it has more than `max_bytes`; told by its length before it is read.
        ClientGone: it will not come.
    """
    coding = headers.get(b"content-encoding")
    if coding is None:
        return await _read_all(receive, headers, max_bytes)
    check_coding(coding)
    return await decoded(await _read_all(receive, headers, max_bytes), coding, max_bytes)


async def _read_all(receive: Receive, headers: Headers, max_bytes: int) -> bytes:
    length = headers.get(b"content-length")
    if length is not None and length.isdigit() and int(length) > max_bytes:
        raise _too_large(max_bytes)
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if message["type"] == "http.disconnect":
            raise ClientGone
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > max_bytes:
            raise _too_large(max_bytes)
    return b"".join(parts)


def length_of(raw: Headers) -> int | None:
    """Return the length of a body, or None if its head does not tell it."""
    length = raw.get(b"content-length", b"")
    return int(length) if length.isdigit() else None


def check_encoding(headers: Headers) -> None:
    """Refuse a body that is compressed as a whole.

    Raises:
        UnsupportedMedia: it is.
    """
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnsupportedMedia("Compressed bodies are not taken; send it as it is.")


def read_options(query: bytes, known: frozenset[str]) -> dict[str, str]:
    """Return the query's options.

    Raises:
        Unreadable: an option that nobody knows; a misspelt one must not be ignored.
    """
    options = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    unknown = options.keys() - known
    if unknown:
        raise Unreadable(
            f"Unknown option {min(unknown)[:64]!r}; known: {', '.join(sorted(known))}.",
            code="unknown_option",
        )
    return options


async def send_reply(reply: Reply, receive: Receive, send: Send) -> None:
    """Send an answer through ASGI."""
    if reply.stream is not None:
        await reply.stream.send(reply, send)
        return
    headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if reply.status == 413:
        await send({"type": "http.response.body", "body": reply.body, "more_body": True})
        await _discard_body(receive)
        await send({"type": "http.response.body"})
    else:
        await send({"type": "http.response.body", "body": reply.body})


async def _discard_body(receive: Receive) -> None:
    """Read on for a while: closed on a client that still sends, it would not see its answer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while (await receive()).get("more_body"):
                pass


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The body is larger than {max_bytes} bytes.")
