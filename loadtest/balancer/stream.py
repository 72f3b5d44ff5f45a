"""A body on its way: pieces go in on one connection and out on another, never many at once."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

_HIGH_BYTES = 256 << 10
"""With this much waiting, whoever sends is no longer read from."""


class BodyCutError(Exception):
    """The body ended before its end."""


class BodyStream:
    """Pieces of one body, from a protocol's callbacks to one reader.

    Args:
        pause: stops the sender.
        resume: lets the sender go on.
        stop: ends the sender, when nobody wants the rest.
        length: of the whole body in bytes, if it was announced.
    """

    def __init__(
        self,
        pause: Callable[[], None],
        resume: Callable[[], None],
        stop: Callable[[], None],
        length: int | None,
    ) -> None:
        self.length = length
        self.whole: bool | None = None
        """None until the end; then whether the body came whole."""
        self._pause = pause
        self._resume = resume
        self._stop = stop
        self._pieces: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._paused = False
        self._news = asyncio.Event()
        self._at_end: list[Callable[[bool], None]] = []

    def push(self, piece: bytes) -> None:
        """Take a piece from the sender."""
        self._pieces.append(piece)
        self._waiting_bytes += len(piece)
        self._news.set()
        if self._waiting_bytes > _HIGH_BYTES and not self._paused:
            self._paused = True
            self._pause()

    def end(self, *, whole: bool) -> None:
        """Take note that nothing more comes; the first word counts."""
        if self.whole is None:
            self.whole = whole
            self._news.set()
            for tell in self._at_end:
                tell(whole)

    def abandon(self) -> None:
        """Stop the sender, unless it has ended."""
        if self.whole is None:
            self._stop()

    def at_end(self, tell: Callable[[bool], None]) -> None:
        """Have a function called with whether the body came whole, once that is known."""
        if self.whole is None:
            self._at_end.append(tell)
        else:
            tell(self.whole)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the pieces in order.

        Raises:
            BodyCutError: the sender went before the end.
        """
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._waiting_bytes -= len(piece)
                if self._paused and self._waiting_bytes <= _HIGH_BYTES // 2:
                    self._paused = False
                    self._resume()
                yield piece
            if self.whole is not None:
                break
            self._news.clear()
            await self._news.wait()
        if not self.whole:
            raise BodyCutError


def framed(piece: bytes, *, chunked: bool) -> bytes:
    """Return a piece as it is written: as it is, or as a chunk."""
    return b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece


LAST_CHUNK = b"0\r\n\r\n"
