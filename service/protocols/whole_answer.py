"""A whole answer in one write: what uvicorn's cycle does in two messages, checked one by one."""

import asyncio

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from service.protocols.http import Reply
from service.protocols.one_write import COPIED_BYTES

WITH_REST = 413
"""After this status the rest of a body is read on for a while, which takes more than one step."""


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
        or reply.status == WITH_REST
        or reply.stream is not None
    ):
        return False
    if cycle.disconnected:
        return True  # nobody is there to read it
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    parts = [STATUS_LINE[reply.status]]
    for name, value in (*cycle.default_headers, *reply.headers):
        parts += (name, b": ", value, b"\r\n")
    if not cycle.keep_alive:
        parts.append(b"connection: close\r\n")
    parts.append(b"content-length: %d\r\n\r\n" % len(reply.body))
    if len(reply.body) <= COPIED_BYTES:
        parts.append(reply.body)
        transport.write(b"".join(parts))
    else:
        transport.writelines((b"".join(parts), reply.body))
    cycle.message_event.set()
    if not cycle.keep_alive:
        transport.close()
    cycle.on_response()
    return True
