"""Clients that behave badly, from a process of their own: `python -m tests.chaos.rude JOB.json`.

abort    sends a request, often only a part of it, and closes at a random time
drip     opens a connection and sends one byte of a head a second
hold     opens a connection and says nothing
mute     asks for a large answer and never reads it

On SIGTERM, or when the time is over, it prints what happened as JSON.
"""

import asyncio
import json
import random
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from loadtest.http1 import Address

SHARE_CUT = 0.3
"""Of aborted requests, those of which only a part is sent."""
DRIP_EVERY_S = 1.0


class RudeJob(BaseModel):
    """What the process is told."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )

    target: Address
    kind: Literal["abort", "drip", "hold", "mute"]
    clients: int
    duration_s: float
    rate_per_s: float = 0.0
    """Aborted requests a second, of all clients."""
    patience_s: float = 0.05
    """The longest time until an aborting client closes."""
    wire: bytes = b""
    seed: int = 0


class Tally:
    """What happened to the connections."""

    def __init__(self) -> None:
        self.opened = 0
        self.refused = 0
        self.answered = 0
        self.closed_after_s: list[float] = []


async def misbehave(job: RudeJob) -> Tally:
    """Run all clients until the time is over or SIGTERM comes."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tally, chance = Tally(), random.Random(job.seed)
    print("GO", time.monotonic(), flush=True)
    clients = [asyncio.create_task(_client(job, tally, chance)) for _ in range(job.clients)]
    with suppress(TimeoutError):
        async with asyncio.timeout(job.duration_s):
            if job.kind == "drip":
                # Who drips is done when the service has hung up on everybody.
                await asyncio.gather(*clients)
            else:
                await stop.wait()
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    return tally


async def _client(job: RudeJob, tally: Tally, chance: random.Random) -> None:
    if job.kind == "abort":
        pause_s = job.clients / job.rate_per_s
        while True:
            await asyncio.sleep(chance.expovariate(1 / pause_s))
            with suppress(OSError):
                await _abort(job, tally, chance)
    await asyncio.sleep(chance.uniform(0, 0.5))
    try:
        reader, writer = await asyncio.open_connection(job.target.host, job.target.port)
    except OSError:
        tally.refused += 1
        return
    began_s = time.monotonic()
    tally.opened += 1
    try:
        if job.kind == "drip":
            await _drip(reader, writer)
            tally.closed_after_s.append(time.monotonic() - began_s)
        elif job.kind == "hold":
            if not await reader.read(1):
                tally.closed_after_s.append(time.monotonic() - began_s)
        else:
            writer.write(job.wire)
            await asyncio.sleep(job.duration_s)
    except OSError:
        tally.closed_after_s.append(time.monotonic() - began_s)
    finally:
        writer.transport.abort()


async def _abort(job: RudeJob, tally: Tally, chance: random.Random) -> None:
    reader, writer = await asyncio.open_connection(job.target.host, job.target.port)
    tally.opened += 1
    try:
        cut = chance.random() < SHARE_CUT
        writer.write(job.wire[: chance.randrange(len(job.wire))] if cut else job.wire)
        with suppress(TimeoutError):
            async with asyncio.timeout(chance.uniform(0, job.patience_s)):
                tally.answered += bool(await reader.read(1))
    finally:
        writer.transport.abort()


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a byte a second until the service hangs up."""
    head = b"POST /v1/models/steady:predict HTTP/1.1\r\nHost: a\r\nX-Slow: " + b"a" * 100_000
    for index in range(len(head)):
        writer.write(head[index : index + 1])
        with suppress(TimeoutError):
            async with asyncio.timeout(DRIP_EVERY_S):
                while await reader.read(4096):
                    pass  # a 408, perhaps
                return


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    told = asyncio.run(misbehave(RudeJob.model_validate_json(Path(sys.argv[1]).read_bytes())))
    print(json.dumps(vars(told)), flush=True)
