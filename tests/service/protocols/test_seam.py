"""The seam to uvicorn: what happens when uvicorn is not as we know it."""

import asyncio
import resource
from typing import Any

import pytest
import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.log import Sampler
from service.protocols.connection import Connection
from service.protocols.edge_state import FEWEST_CONNECTIONS, MOST_CONNECTIONS, EdgeState, affordable
from service.protocols.seam import connection_class, missing_names
from service.protocols.short_way import ShortWay
from service.protocols.terms import Terms
from service.settings import Settings


class Renamed:
    """A protocol of a uvicorn to come."""

    def __init__(self) -> None:
        self.cycle = None

    def data_received(self, data: bytes) -> None: ...


def choose(protocol: type, cycle: type) -> type[HttpToolsProtocol]:
    async def inside() -> type[HttpToolsProtocol]:
        state = EdgeState(Settings())
        state.close()
        return connection_class(state, None, protocol, cycle)

    return asyncio.run(inside())


def test_this_uvicorn_is_as_expected() -> None:
    assert missing_names(HttpToolsProtocol, RequestResponseCycle) == []
    assert issubclass(choose(HttpToolsProtocol, RequestResponseCycle), Connection)


class Moved(HttpToolsProtocol):
    """A protocol of a uvicorn that has its parser elsewhere."""

    def __init__(self) -> None:
        some: Any = None
        self.client = self.cycle = self.flow = self.headers = self.loop = self.pipeline = some
        self.scope = self.timeout_keep_alive = self.timeout_keep_alive_task = some
        self.transport = self.expect_100_continue = self.server_state = some


def test_without_what_only_the_short_way_needs_all_take_uvicorns_way() -> None:
    async def inside() -> list[type[HttpToolsProtocol]]:
        settings, state = Settings(), EdgeState(Settings())
        state.close()
        short = ShortWay(Terms(settings, Sampler(0.0)), settings, None)
        return [connection_class(state, short, one) for one in (HttpToolsProtocol, Moved)]

    with structlog.testing.capture_logs() as logs:
        whole, closed = asyncio.run(inside())
    assert issubclass(whole, Connection)
    assert isinstance(whole.short, ShortWay)
    assert issubclass(closed, Connection)
    assert closed.short is None
    told = [(line["event"], line["log_level"], line["missing"]) for line in logs]
    assert told == [("short_way_closed", "warning", ["parser"])]


def test_two_replicas_of_one_process_share_no_state() -> None:
    first, second = (choose(HttpToolsProtocol, RequestResponseCycle) for _ in range(2))
    assert first.edge is not second.edge  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("protocol", "cycle", "some"),
    [
        (Renamed, RequestResponseCycle, {"pipeline", "on_message_begin", "transport"}),
        (HttpToolsProtocol, Renamed, {"keep_alive", "disconnected"}),
        (object, object, {"cycle", "data_received"}),
    ],
)
def test_an_unknown_uvicorn_serves_without_us(protocol: type, cycle: type, some: set[str]) -> None:
    with structlog.testing.capture_logs() as logs:
        assert choose(protocol, cycle) is HttpToolsProtocol
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("edge_unprotected", "warning")
    ]
    assert some <= set(logs[0]["missing"])


@pytest.mark.parametrize(
    ("soft", "workers", "expected"),
    [
        (1024, 2, 1024 - 64 - 16 - 8),
        (256, 1, 256 - 64 - 16 - 4),
        (64, 1, FEWEST_CONNECTIONS),
        (1 << 20, 64, MOST_CONNECTIONS),
        (resource.RLIM_INFINITY, 2, MOST_CONNECTIONS),
    ],
)
def test_connections_that_the_limit_of_files_allows(
    monkeypatch: pytest.MonkeyPatch, soft: int, workers: int, expected: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert affordable(workers) == expected
