"""Which replicas are ready: a judgement on probes, and the loop that probes."""

import asyncio
from collections.abc import Callable

from loadtest.balancer.config import Probes, Replica
from loadtest.connection import Connection, connect
from loadtest.http1 import Address, Reply, head


class Readiness:
    """Judges one replica by its probes: pure state.

    A probe that answers anything but 200 is believed at once, for the replica itself says so. One
    that gets no answer may be bad luck of a busy moment, so it takes `fall` of them in a row. A
    replica that was ready before needs `rise` good ones to come back; the first time one will do.
    """

    def __init__(self, fall: int = 2, rise: int = 1) -> None:
        self.ready = False
        self._fall = fall
        self._rise = rise
        self._silent = 0
        self._good = 0
        self._new = True

    def observe(self, status: int | None) -> bool:
        """Take a probe's status, None for no answer, and return whether the replica is ready."""
        self._good = self._good + 1 if status == 200 else 0
        self._silent = self._silent + 1 if status is None else 0
        if status is None:
            self.ready = self.ready and self._silent < self._fall
        elif status != 200:
            self.ready = False
        elif self._new or self._good >= self._rise:
            self.ready, self._new = True, False
        return self.ready


async def probe(address: Address, path: str, timeout_s: float) -> int | None:
    """Ask a replica once, on a connection of its own, and return the status or None."""
    connection = await connect(address, timeout_s)
    if not isinstance(connection, Connection):
        return None
    wire = head(
        f"GET {path} HTTP/1.1".encode(),
        [(b"Host", str(address).encode()), (b"Connection", b"close")],
    )
    try:
        answer = await connection.ask(wire, timeout_s)
    finally:
        connection.abort()
    return answer.status if isinstance(answer, Reply) else None


async def watch(replica: Replica, probes: Probes, tell: Callable[[str, bool], None]) -> None:
    """Probe a replica until cancelled and tell what its probes say."""
    readiness = Readiness(probes.fall, probes.rise)
    while True:
        status = await probe(replica.address, probes.path, probes.timeout_s)
        ready = readiness.observe(status)
        # The benefit of the doubt is no news: it must not bring back a replica that was taken out.
        if status is not None or not ready:
            tell(replica.name, ready)
        await asyncio.sleep(probes.interval_s)
