"""Which replicas are ready: a judgement on probes, and the loop that probes."""

import asyncio
from collections.abc import Callable

from loadtest.balancer.config import BalancerConfig, Replica
from loadtest.http1 import Address, Connection, Reply, connect, head

FALL = 2
"""Probes without an answer, one after the other, until a replica counts as not ready."""


class Readiness:
    """Judges one replica by its probes: pure state.

    A probe that answers anything but 200 is believed at once, for the replica itself says so. One
    that gets no answer may be bad luck of a busy moment, so it takes FALL of them in a row.
    """

    def __init__(self) -> None:
        self.ready = False
        self._silent = 0

    def observe(self, status: int | None) -> bool:
        """Take a probe's status, None for no answer, and return whether the replica is ready."""
        if status is None:
            self._silent += 1
            self.ready = self.ready and self._silent < FALL
        else:
            self._silent = 0
            self.ready = status == 200
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


async def watch(
    replica: Replica, config: BalancerConfig, tell: Callable[[str, bool], None]
) -> None:
    """Probe a replica until cancelled and tell what its probes say."""
    readiness = Readiness()
    while True:
        status = await probe(replica.address, config.probe_path, config.probe_timeout_s)
        ready = readiness.observe(status)
        # The benefit of the doubt is no news: it must not bring back a replica that was taken out.
        if status is not None or not ready:
            tell(replica.name, ready)
        await asyncio.sleep(config.probe_interval_s)
