"""Which API process takes the next connection. A pure choice, and who remembers the last one."""

import socket
from collections.abc import Callable, Mapping

from service.acceptor import Take


def choose(open_connections: Mapping[int, int], last: int) -> int:
    """Return who has the fewest connections; of several, the next in turn.

    So a number of connections that stay differs by one at the most between processes, and short
    ones go round.

    Args:
        open_connections: process's number → its open connections; not empty.
        last: who took the last one.
    """
    fewest = min(open_connections.values())
    able = sorted(one for one, count in open_connections.items() if count == fewest)
    return next((one for one in able if one > last), able[0])


class Turns:
    """Gives each connection to one process.

    Args:
        open_connections: returns the open connections of each process that takes some.
        give: hears which process gets a connection, and its descriptor.
    """

    def __init__(
        self, open_connections: Callable[[], Mapping[int, int]], give: Callable[[int, int], None]
    ) -> None:
        self._open_connections = open_connections
        self._give = give
        self._last = -1

    def taker(self) -> Take | None:
        """Return what takes the next connection; None if no process does."""
        return self._take if self._open_connections() else None

    def _take(self, accepted: socket.socket) -> None:
        self._last = choose(self._open_connections(), self._last)
        self._give(self._last, accepted.detach())
