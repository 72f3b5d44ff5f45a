"""Many connections at once, held by one thread: they drip, or do nothing."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from tests.integration.scrape import scrape
from tests.integration.wire import JSON, Address, post
from tests.processes.replica import Replica

PATH = "/v1/models/iris:predict"
SETOSA = b'{"instance":[5.1,3.5,1.4,0.2]}'


def address(replica: Replica) -> Address:
    return ("127.0.0.1", replica.port)


def answers(replica: Replica) -> bool:
    """Return whether a good client gets its answer."""
    reply = post(address(replica), PATH, SETOSA, JSON)
    return reply.status == 200 and reply.json()["prediction"] == "setosa"


def gauge(replica: Replica, name: str) -> float:
    return scrape(address(replica))[(f"percore_{name}",)]


class Crowd:
    """Connections that have sent the same beginning.

    Attributes:
        open: those that the server has not ended.
        received: what the server sent on each that it ended.
    """

    def __init__(self, target: Address, count: int, beginning: bytes, buffer: int = 0) -> None:
        self.open: dict[socket.socket, bytes] = {}
        self.received: list[bytes] = []
        for _ in range(count):
            one = socket.socket()
            if buffer:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            one.settimeout(10)
            one.connect(target)
            with suppress(OSError):
                one.sendall(beginning)
            one.setblocking(False)
            self.open[one] = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.open:
            one.close()
        self.open.clear()

    def drip(self, data: bytes) -> None:
        """Send some bytes on every connection."""
        for one in list(self.open):
            self.look(one)
            if one in self.open:
                with suppress(OSError):
                    one.send(data)

    def look(self, one: socket.socket) -> None:
        """Take what came, and note if that was the end."""
        try:
            while data := one.recv(1 << 16):
                self.open[one] += data
        except BlockingIOError:
            return
        except ConnectionError:
            pass
        self.received.append(self.open.pop(one))
        one.close()

    def look_at_all(self) -> None:
        for one in list(self.open):
            self.look(one)

    def until_ended(self, step: Callable[[], None], limit_s: float) -> float:
        """Repeat a step until the server has ended every connection; return how long it took."""
        started = time.monotonic()
        while self.open:
            assert time.monotonic() - started < limit_s, f"{len(self.open)} are still open"
            step()
            time.sleep(0.05)
        return time.monotonic() - started
