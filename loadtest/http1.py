"""The words of HTTP/1.1 as the asking side uses them: where to, what came back, or why nothing."""

from dataclasses import dataclass
from enum import StrEnum

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class LossCause(StrEnum):
    """Why there is no answer."""

    CONNECT = "connect"
    """No connection could be had."""
    CLOSED = "closed"
    """The connection ended before the first byte of the answer."""
    CUT = "cut"
    """The connection ended in the middle of the answer."""
    MALFORMED = "malformed"
    """What came is not HTTP, or longer than allowed."""
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. `done_s` is when its last byte was read, by time.monotonic()."""

    status: int
    reason: bytes
    headers: Headers
    body: bytes
    keep_alive: bool
    done_s: float

    def header(self, name: bytes) -> bytes:
        """Return the first header of this lower-case name, or empty bytes."""
        for key, value in self.headers:
            if key == name or key.lower() == name:
                return value
        return b""


@dataclass(frozen=True, slots=True)
class Loss:
    """No answer. `done_s` is when that was known, by time.monotonic()."""

    cause: LossCause
    done_s: float


def head(start_line: bytes, headers: Headers) -> bytes:
    """Return a message's head, blank line included."""
    lines = [start_line, *(name + b": " + value for name, value in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n"
