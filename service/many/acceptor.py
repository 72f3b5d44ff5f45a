"""Accepts connections on the one port, and spreads them over the API processes."""

import asyncio
import errno
import socket
from collections.abc import Callable, Mapping

import structlog

from service.many.spreading import choose

AT_ONCE = 64
"""Connections accepted in a turn of the loop, which has other things to do."""
NO_ROOM_S = 0.1
NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

log = structlog.get_logger()


class Acceptor:
    """Accepts while there is somebody who takes connections; else they wait in the system's queue.

    Args:
        listening: the listening socket.
        open_connections: returns the open connections of each process that takes some.
        give: hears which process gets a connection, and its descriptor.
    """

    def __init__(
        self,
        listening: socket.socket,
        open_connections: Callable[[], Mapping[int, int]],
        give: Callable[[int, int], None],
    ) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._open_connections = open_connections
        self._give = give
        self._loop = asyncio.get_running_loop()
        self._last = -1
        self._accepts = False

    def resume(self) -> None:
        """Accept, if there is somebody who takes connections."""
        if not self._accepts and self._listening.fileno() >= 0:
            self._accepts = True
            self._loop.add_reader(self._listening, self._accept)

    def close(self) -> None:
        """Accept no more; who knocks is refused."""
        self._pause()
        self._listening.close()

    def _pause(self) -> None:
        if self._accepts:
            self._accepts = False
            self._loop.remove_reader(self._listening)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            able = self._open_connections()
            if not able:
                self._pause()  # until somebody resumes
                return
            try:
                accepted, _ = self._listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in NO_ROOM:
                    log.warning("cannot_accept", reason=error.strerror)
                    self._pause()
                    self._loop.call_later(NO_ROOM_S, self.resume)
                    return
                continue  # this one has gone already
            self._last = choose(able, self._last)
            self._give(self._last, accepted.detach())
