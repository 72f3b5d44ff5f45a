"""A line between the supervisor and an API process: JSON messages, and descriptors beside them.

A message is a packet of a SOCK_SEQPACKET socket. One that is too large for a packet lies in a
memory file, whose descriptor comes with it. A message that asks has an "id", its answer the same
as "re"; everything else goes to whoever owns the end.
"""

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from service.errors import Unavailable

MOST_PACKET_BYTES = 1 << 16
MOST_DESCRIPTORS = 4
MOST_WAITING = 4096
"""Messages that the other end has not taken; with one more it counts as dead."""
PAUSE_S = 0.01

Message = dict[str, Any]
OnMessage = Callable[[Message, list[int]], None]
"""Hears a message, and owns the descriptors that came with it: fewer than were sent, if this
process may open no more files."""


class Line:
    """One end of a line.

    Args:
        end: the socket.
        on_message: hears every message that is no answer.
        on_gone: hears that the other end is gone.
    """

    def __init__(
        self, end: socket.socket, on_message: OnMessage, on_gone: Callable[[], None]
    ) -> None:
        end.setblocking(False)
        self._socket: socket.socket | None = end
        self._on_message = on_message
        self._on_gone = on_gone
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self._asked: dict[int, asyncio.Future[Message]] = {}
        self._asks = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end, self._receive)

    @property
    def is_open(self) -> bool:
        """Whether the other end is there, as far as is known."""
        return self._socket is not None

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send a message; its descriptors are closed here when they have left.

        To an end that is gone nothing is sent, as it would not be read either.
        """
        held = list(descriptors)
        if self._socket is None:
            _close(held)
            return
        packet = orjson.dumps(message)
        if len(packet) > MOST_PACKET_BYTES:
            held.append(_file_of(packet))
            packet = b"{}"
        self._waiting.append((packet, held))
        if len(self._waiting) == 1:
            self._write()
        elif len(self._waiting) > MOST_WAITING:
            self.close()

    async def ask(
        self, message: Message, timeout_s: float, descriptors: Sequence[int] = ()
    ) -> Message:
        """Send a message and return its answer.

        Raises:
            Unavailable: the other end is gone.
            TimeoutError: it took too long.
        """
        if self._socket is None:
            _close(descriptors)
            raise Unavailable("the process is gone")
        self._asks += 1
        number = self._asks
        answer = self._asked[number] = self._loop.create_future()
        try:
            self.send(message | {"id": number}, descriptors)
            async with asyncio.timeout(timeout_s):
                answered: Message = await answer
                return answered
        finally:
            self._asked.pop(number, None)

    def answer(self, asked: Message, answer: Message) -> None:
        """Answer a message that asks."""
        self.send(answer | {"re": asked["id"]})

    def close(self) -> None:
        """Close this end; `on_gone` hears it, and so does whoever waits for an answer."""
        if self._socket is None:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._socket = None
        for _, descriptors in self._waiting:
            _close(descriptors)
        self._waiting.clear()
        for future in self._asked.values():
            if not future.done():
                future.set_exception(Unavailable("the process is gone"))
        self._on_gone()

    def _write(self) -> None:
        while self._socket is not None and self._waiting:
            packet, descriptors = self._waiting[0]
            try:
                socket.send_fds(self._socket, [packet], descriptors)
            except BlockingIOError:
                self._loop.add_writer(self._socket, self._write)
                return
            except OSError as error:
                if error.errno == errno.ETOOMANYREFS:  # descriptors that nobody has taken yet
                    self._loop.call_later(PAUSE_S, self._write)
                else:
                    self.close()
                return
            self._waiting.popleft()
            _close(descriptors)
        if self._socket is not None:
            self._loop.remove_writer(self._socket)

    def _receive(self) -> None:
        assert self._socket is not None  # noqa: S101
        try:
            packet, descriptors, _, _ = socket.recv_fds(
                self._socket, MOST_PACKET_BYTES, MOST_DESCRIPTORS
            )
        except BlockingIOError:
            return
        except OSError:
            packet, descriptors = b"", []
        if not packet:
            self.close()
            return
        message: Message = orjson.loads(packet) or orjson.loads(_read(descriptors.pop()))
        if "re" not in message:
            self._on_message(message, descriptors)
            return
        future = self._asked.get(message["re"])
        if future is not None and not future.done():
            future.set_result(message)


def _file_of(content: bytes) -> int:
    descriptor = os.memfd_create("percore-message")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return descriptor


def _read(descriptor: int) -> bytes:
    with open(descriptor, "rb") as file:
        file.seek(0)
        return file.read()


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
