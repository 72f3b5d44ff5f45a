"""A whole answer in one write: what uvicorn's cycle does in two messages, checked one by one."""

import asyncio
from collections.abc import Sequence

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from service.protocols.http import Reply
from service.protocols.one_write import COPIED_BYTES

LAST_STATUS = 413
"""After this status the rest of a body is read on for a while, and no request follows."""


class Openings:
    """What good answers begin with: uvicorn changes it once a second, with the date."""

    __slots__ = ("_of", "_text")

    def __init__(self) -> None:
        self._of: Sequence[tuple[bytes, bytes]] | None = None
        self._text = b""

    def after(self, default_headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """Return the status line and the headers that every answer has.

        Args:
            default_headers: those that uvicorn gives every answer; another list if they change.
        """
        if default_headers is not self._of:
            self._of = default_headers
            lines = [b"%b: %b\r\n" % pair for pair in default_headers]
            self._text = STATUS_LINE[200] + b"".join(lines)
        return self._text


def write_whole(cycle: RequestResponseCycle, transport: asyncio.Transport, reply: Reply) -> bool:
    """Answer a request that has no answer yet, and go on with the connection's next.

    Args:
        cycle: the request.
        transport: the connection's own.
        reply: the answer; names and values of its headers are ours, and no client's.

    Returns:
        Whether it was done; if not, nothing was written.
    """
    if (
        cycle.response_started
        or cycle.flow.write_paused
        or reply.status == LAST_STATUS
        or reply.stream is not None
    ):
        return False
    if cycle.disconnected:
        return True  # nobody is there to read it
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    write_reply(transport, cycle.default_headers, reply, keep_alive=cycle.keep_alive)
    cycle.message_event.set()
    if not cycle.keep_alive:
        transport.close()
    cycle.on_response()
    return True


def write_reply(
    transport: asyncio.Transport,
    default_headers: Sequence[tuple[bytes, bytes]],
    reply: Reply,
    *,
    keep_alive: bool,
) -> None:
    """Write a whole reply.

    Args:
        transport: the connection's own.
        default_headers: those that uvicorn gives every answer.
        reply: the answer; names and values of its headers are ours, and no client's.
        keep_alive: whether another request may follow.
    """
    parts = [STATUS_LINE[reply.status]]
    for name, value in (*default_headers, *reply.headers):
        parts += (name, b": ", value, b"\r\n")
    if not keep_alive and reply.status != LAST_STATUS:  # which says so itself
        parts.append(b"connection: close\r\n")
    parts.append(b"content-length: %d\r\n\r\n" % len(reply.body))
    if len(reply.body) <= COPIED_BYTES:
        parts.append(reply.body)
        transport.write(b"".join(parts))
    else:
        transport.writelines((b"".join(parts), reply.body))
