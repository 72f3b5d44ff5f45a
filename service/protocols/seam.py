"""Where our connection joins uvicorn: it leans on names that are no promise of uvicorn's."""

from collections.abc import Iterable

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.protocols.connection import Connection
from service.protocols.edge_state import EdgeState
from service.protocols.short_way import ShortWay

CALLED = (
    "connection_lost", "connection_made", "data_received", "on_headers_complete",
    "on_message_begin", "on_message_complete", "on_response_complete", "resume_writing",
    "send_400_response", "timeout_keep_alive_handler", "_start_asgi_task",
    "_unset_keepalive_if_required",
)  # fmt: skip
KEPT = (
    "cycle", "flow", "headers", "loop", "pipeline", "scope", "timeout_keep_alive",
    "timeout_keep_alive_task", "transport",
)  # fmt: skip
KEPT_BY_CYCLE = (
    "default_headers", "disconnected", "flow", "keep_alive", "message_event", "on_response",
    "response_complete", "response_started", "transport", "waiting_for_100_continue",
)  # fmt: skip

# What only the short way leans on.
CALLED_SHORT = ("on_body", "on_header", "on_url")
KEPT_SHORT = ("client", "expect_100_continue", "parser", "server_state")

log = structlog.get_logger()


def connection_class(
    edge: EdgeState,
    short: ShortWay | None = None,
    protocol: type = HttpToolsProtocol,
    cycle: type = RequestResponseCycle,
) -> type[HttpToolsProtocol]:
    """Return the class of a replica's connections, for uvicorn's `http`.

    Args:
        edge: what they share.
        short: answers ordinary predictions without ASGI; None if all take uvicorn's way.
        protocol: uvicorn's connection.
        cycle: uvicorn's request.

    If uvicorn is not as we know it, that is uvicorn's own: no deadlines are better than no service.
    What only the short way needs costs only the short way.
    """
    missing = missing_names(protocol, cycle)
    if missing:
        log.warning("edge_unprotected", reason="this uvicorn is not as expected", missing=missing)
        return HttpToolsProtocol
    moved = missing_for_short_way(protocol) if short is not None else []
    if moved:
        log.warning("short_way_closed", reason="this uvicorn is not as expected", missing=moved)
        short = None
    return type("Connection", (Connection,), {"edge": edge, "short": short})


def missing_names(protocol: type, cycle: type) -> list[str]:
    """Return what `Connection` leans on and uvicorn does not have (any more)."""
    called = [name for name in CALLED if not hasattr(protocol, name)]
    return [*called, *_not_set(protocol, KEPT), *_not_set(cycle, KEPT_BY_CYCLE)]


def missing_for_short_way(protocol: type) -> list[str]:
    """Return what only the short way leans on and uvicorn does not have (any more)."""
    called = [name for name in CALLED_SHORT if not hasattr(protocol, name)]
    return [*called, *_not_set(protocol, KEPT_SHORT)]


def _not_set(owner: type, names: Iterable[str]) -> list[str]:
    code = getattr(vars(owner).get("__init__"), "__code__", None)
    known = () if code is None else code.co_names
    return [name for name in names if name not in known]
