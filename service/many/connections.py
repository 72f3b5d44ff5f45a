"""An API process's connections: accepted by the supervisor, and handed on."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any

from service.front import Server

REPORT_S = 0.002
"""Ends of connections that come so close together are told of at once."""


class Connections:
    """Takes connections in, and tells how many there are.

    Args:
        server: answers on them.
        tell: hears how many were taken so far, and how many are open.
    """

    def __init__(self, server: Server, tell: Callable[[int, int], None]) -> None:
        self._server = server
        self._tell = tell
        self._open = OpenConnections(self._schedule)
        server.server_state.connections = self._open
        self._loop = asyncio.get_running_loop()
        self._taken = 0
        self._shaking_hands: set[asyncio.Task[None]] = set()
        self._scheduled = False

    def take(self, descriptors: Sequence[int]) -> None:
        """Answer on an accepted connection; one that could not be taken over is at its end."""
        self._taken += 1
        self._schedule()
        for descriptor in descriptors:
            task = self._server.take(socket.socket(fileno=descriptor))
            self._shaking_hands.add(task)
            task.add_done_callback(self._joined)

    def _joined(self, task: "asyncio.Task[None]") -> None:
        self._shaking_hands.discard(task)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_later(REPORT_S, self._report)

    def _report(self) -> None:
        self._scheduled = False
        self._tell(self._taken, len(self._open) + len(self._shaking_hands))


class OpenConnections(set[Any]):
    """uvicorn's set of open connections, which says when one has ended.

    Args:
        on_ended: hears it.
    """

    def __init__(self, on_ended: Callable[[], None]) -> None:
        super().__init__()
        self._on_ended = on_ended

    def discard(self, connection: Any) -> None:
        """Forget a connection."""
        super().discard(connection)
        self._on_ended()
