"""Accepts connections on the one port, and gives each to whoever takes it."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress

import structlog

AT_ONCE = 64
"""Connections accepted in a turn of the loop. uvloop's own servers accept one: of many clients that
come at once the last would wait for as many turns, in each of which all others are answered."""
NO_ROOM_S = 0.1
NO_FILES = {errno.EMFILE, errno.ENFILE}
NO_MEMORY = {errno.ENOBUFS, errno.ENOMEM}

Take = Callable[[socket.socket], object]

log = structlog.get_logger()


class Acceptor:
    """Accepts while there is somebody who takes connections; else they wait in the system's queue.

    Args:
        listening: the listening socket.
        taker: returns who takes the next connection; None: nobody does, until `resume`.
        room: returns how many connections may come now; without room they are let in one by one,
            for whoever takes them to refuse.
    """

    def __init__(
        self,
        listening: socket.socket,
        taker: Callable[[], Take | None],
        room: Callable[[], int] = lambda: AT_ONCE,
    ) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._taker = taker
        self._room = room
        self._spare = -1
        """A file that is closed while somebody is turned away, who needs one, too."""
        self._loop = asyncio.get_running_loop()
        self._accepts = False

    def resume(self) -> None:
        """Accept, if there is somebody who takes connections."""
        if not self._accepts and self._listening.fileno() >= 0:
            self._accepts = True
            self._keep_spare()
            self._loop.add_reader(self._listening, self._accept)

    def close(self) -> None:
        """Accept no more; who knocks is refused."""
        self._pause()
        self._listening.close()
        self._give_back()

    def _pause(self) -> None:
        if self._accepts:
            self._accepts = False
            self._loop.remove_reader(self._listening)

    def _accept(self) -> None:
        for _ in range(max(min(self._room(), AT_ONCE), 1)):
            take = self._taker()
            if take is None:
                self._pause()  # until somebody resumes
                return
            try:
                accepted = self._next()
            except BlockingIOError:
                return
            except OSError as error:
                log.warning("cannot_accept", reason=error.strerror)
                self._pause()
                self._loop.call_later(NO_ROOM_S, self.resume)
                return
            if accepted is not None:
                take(accepted)

    def _next(self) -> socket.socket | None:
        """Return the next connection; None if that has gone already, or was turned away.

        Raises:
            BlockingIOError: there is none.
            OSError: there is no room for any.
        """
        try:
            return self._listening.accept()[0]
        except BlockingIOError:
            raise
        except OSError as error:
            if error.errno in NO_FILES and self._spare >= 0:
                self._turn_away()
            elif error.errno in NO_FILES | NO_MEMORY:
                raise
            return None

    def _turn_away(self) -> None:
        """End the next connection, so that its client need not wait.

        Raises:
            BlockingIOError: there is none.
        """
        self._give_back()
        try:
            self._listening.accept()[0].close()
        finally:
            self._keep_spare()

    def _keep_spare(self) -> None:
        if self._spare < 0:
            with suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY)

    def _give_back(self) -> None:
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
