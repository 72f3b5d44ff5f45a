"""A client with no mercy: raw sockets, no retries, every byte under the test's control."""

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, Self

Address = tuple[str, int]
JSON = {"Content-Type": "application/json"}
DEADLINE_S = 30.0


class Reply(NamedTuple):
    """A whole answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the parsed body, which must be strict JSON."""
        return json.loads(self.body, parse_constant=_refuse)


class NoReply(Exception):
    """The connection ended before a whole answer had come."""


class Connection:
    """One connection; bytes out, answers in."""

    def __init__(self, address: Address, timeout_s: float = DEADLINE_S) -> None:
        self.socket = socket.create_connection(address, timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request and read its answer."""
        self.send(request(method, target, body, headers))
        return self.reply(bodiless=method == "HEAD")

    def reply(self, *, bodiless: bool = False) -> Reply:
        """Read the next answer."""
        head = self._until(b"\r\n\r\n").decode("latin-1")
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        pairs = [line.split(":", 1) for line in lines]
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        status = int(first.split(" ")[1])
        if bodiless or status in {100, 204, 304}:
            return Reply(status, headers, b"")
        if "content-length" in headers:
            return Reply(status, headers, self._exactly(int(headers["content-length"])))
        if headers.get("transfer-encoding") == "chunked":
            return Reply(status, headers, self._chunks())
        return Reply(status, headers, self.rest())

    def rest(self) -> bytes:
        """Read until the other end closes."""
        with suppress(NoReply):
            while True:
                self._more()
        rest, self._buffer = self._buffer, b""
        return rest

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self._until(b"\r\n").split(b";")[0], 16):
            parts.append(self._exactly(size))
            self._until(b"\r\n")
        self._until(b"\r\n")
        return b"".join(parts)

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._more()
        return self._exactly(self._buffer.index(mark) + len(mark))

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _more(self) -> None:
        received = self.socket.recv(1 << 16)
        if not received:
            raise NoReply(self._buffer[:200])
        self._buffer += received


def request(
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return the bytes of a request; Content-Length and Host unless `headers` tell otherwise."""
    lines = {"Host": "localhost"}
    if body is not None:
        lines["Content-Length"] = str(len(body))
    lines |= headers or {}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (body or b"")


def chunked(body: bytes, size: int) -> bytes:
    """Return a body in chunks of `size` bytes."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def get(address: Address, target: str, headers: Mapping[str, str] | None = None) -> Reply:
    """GET on a connection of its own."""
    with Connection(address) as connection:
        return connection.ask("GET", target, None, headers)


def post(
    address: Address, target: str, body: Any, headers: Mapping[str, str] | None = None
) -> Reply:
    """POST bytes, or a value as JSON, on a connection of its own."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with Connection(address) as connection:
        return connection.ask("POST", target, data, JSON | dict(headers or {}))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
