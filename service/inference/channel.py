"""The API process's end of a worker: frames out, frames in, and the end of file."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from service.errors import FrameError
from service.inference.messages import PREAMBLE, Kind, frame, read_preamble


class ChannelOwner(Protocol):
    """Who hears of a worker."""

    def on_frame(self, worker: int, kind: Kind, body: memoryview) -> None:
        """Take a whole frame; a `FrameError` ends the worker."""

    def on_closed(self, worker: int) -> None:
        """Take notice that the worker is gone."""


class WorkerChannel(asyncio.Protocol):
    """Cuts a worker's bytes into frames.

    Args:
        worker: the worker's number.
        owner: hears of frames and of the end.

    Attributes:
        was_torn: whether it was closed because the worker sent what is no frame.
    """

    def __init__(self, worker: int, owner: ChannelOwner) -> None:
        self._worker = worker
        self._owner = owner
        self._buffer = bytearray()
        self._wanted = PREAMBLE.size  # bytes without which the buffer holds no whole frame
        self._write: Callable[[Sequence[bytes]], None] | None = None
        self._transport: asyncio.Transport | None = None
        self.was_torn = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._write = self._transport.writelines

    def send(self, parts: Sequence[bytes]) -> None:
        """Send a frame; what the socket does not take yet is buffered, one batch at the most."""
        if self._write is not None:
            self._write(parts)

    def ping(self) -> None:
        """Ask for a sign of life."""
        self.send(frame(Kind.PING))

    def close(self) -> None:
        """Close the connection; the worker ends by its end of file."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._wanted:
                return
            data, self._buffer = bytes(self._buffer), bytearray()
        try:
            used = self._take_frames(memoryview(data))
        except FrameError:
            self.was_torn = True
            self.close()
            return
        if used < len(data):
            self._buffer += data[used:]

    def _take_frames(self, data: memoryview) -> int:
        """Hand on all whole frames; return how many bytes they were."""
        used = 0
        self._wanted = PREAMBLE.size
        while len(data) - used >= PREAMBLE.size:
            kind, body_bytes = read_preamble(data[used:])
            start = used + PREAMBLE.size
            if len(data) < start + body_bytes:
                self._wanted = PREAMBLE.size + body_bytes
                break
            self._owner.on_frame(self._worker, kind, data[start : start + body_bytes])
            used = start + body_bytes
        return used

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.on_closed(self._worker)
