"""A balancer before stubs, one client, and a replica that waits for something."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from loadtest.balancer.config import BalancerConfig, Replica
from loadtest.balancer.policies.blind import RoundRobin
from loadtest.balancer.server import Balancer, balancer
from loadtest.http1 import Address
from tests.loadtest.stubs import (
    RIGHT,
    Behaviour,
    Heard,
    Stub,
    http,
    until,
)

NAMES = "abc"


@asynccontextmanager
async def running(stubs: Sequence[Stub], **settings: Any) -> AsyncIterator[Balancer]:
    """Run a balancer that takes turns before stubs that it has found ready."""
    replicas = tuple(
        Replica(name=name, host=each.address.host, port=each.address.port)
        for name, each in zip(NAMES, stubs, strict=False)
    )
    config = BalancerConfig.model_validate(
        {"replicas": replicas, "probes": {"interval_s": 0.02}, **settings}
    )
    async with balancer(config, RoundRobin([each.name for each in replicas])) as started:
        await until(lambda: len(started.roster.ready(time.monotonic())) == len(stubs))
        yield started


async def ask(address: Address, body: bytes = b"", head: str = "") -> tuple[int, str, bytes]:
    """Send one request and return status, the replica that answered, and the body."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        line = "POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        kind = "Content-Type: application/json\r\n"
        writer.write(f"{line}{kind}Content-Length: {len(body)}\r\n{head}\r\n".encode() + body)
        async with asyncio.timeout(20):
            answer = await reader.read()
    finally:
        writer.transport.abort()
    top, _, rest = answer.partition(b"\r\n\r\n")
    lines = top.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), fields.get("x-percore-replica", ""), rest


def waits_for(event: asyncio.Event) -> Behaviour:
    """Answer right, but only once something has happened."""

    async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
        await event.wait()
        writer.write(http(RIGHT))

    return behave
