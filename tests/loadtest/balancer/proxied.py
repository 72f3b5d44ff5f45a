"""A balancer before stubs, and a client that writes bytes."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from loadtest.balancer.config import BalancerConfig, Replica
from loadtest.balancer.policies import Policy
from loadtest.balancer.policies.blind import RoundRobin
from loadtest.balancer.server import Balancer, balancer
from loadtest.http1 import Address
from tests.loadtest.stubs import (
    Stub,
    until,
)

NAMES = ["a", "b", "c"]


@asynccontextmanager
async def running(
    stubs: Sequence[Stub], policy: Policy | None = None, **settings: Any
) -> AsyncIterator[Balancer]:
    """Run a balancer in front of stubs, all of which it has found ready."""
    replicas = tuple(
        Replica(name=name, host=each.address.host, port=each.address.port)
        for name, each in zip(NAMES, stubs, strict=False)
    )
    config = BalancerConfig.model_validate(
        {"replicas": replicas, "probes": {"interval_s": 0.02}, **settings}
    )
    policy = policy or RoundRobin([replica.name for replica in replicas])
    async with balancer(config, policy) as started:
        wanted = [name for name, each in zip(NAMES, stubs, strict=False) if each.ready]
        await until(lambda: ready(started) == wanted)
        yield started


def ready(started: Balancer) -> list[str]:
    return started.roster.ready(time.monotonic())


@asynccontextmanager
async def in_front_of(
    stubs: Sequence[Stub], policy: Policy | None = None, **settings: Any
) -> AsyncIterator[Address]:
    """Run a balancer of which only the address matters."""
    async with running(stubs, policy, **settings) as started:
        yield started.address


async def exchange(address: Address, *parts: bytes, until_close: bool = True) -> bytes:
    """Write bytes and return everything that comes back until the balancer closes."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    try:
        async with asyncio.timeout(10):
            return await reader.read() if until_close else await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.transport.abort()


def get(path: str = "/x", extra: str = "Connection: close\r\n", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: h\r\n{extra}\r\n".encode()


def split(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status, dict(line.lower().split(": ", 1) for line in lines), body
