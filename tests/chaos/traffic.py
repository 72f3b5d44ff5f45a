"""Good traffic, from a process of its own: `python -m tests.chaos.traffic JOB.json`.

The client is the load test's: raw sockets, no retry, every answer judged by what the reference
process said. It shares no interpreter with the faults, so that injecting them does not slow it.
SIGTERM ends the load; what is outstanding is still waited for.
"""

import asyncio
import gc
import json
import signal
import sys
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from loadtest.client import run_load
from loadtest.http1 import Address
from loadtest.loop import precise_loop
from loadtest.payload import Request
from loadtest.record import LoadResult, read_records, write_records
from loadtest.scenario import Load


class Stream(BaseModel):
    """One client's requests."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )

    name: str
    load: Load
    requests: list[Request]
    source: str | None = None
    """The address that the service sees as the client's."""
    begin_s: float = 0.0
    """When the stream starts, from the start of the traffic."""


class Job(BaseModel):
    """What the process is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: Address
    streams: list[Stream]
    folder: Path


async def send(job: Job) -> None:
    """Run all streams at once and write what became of each."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("GO", time.monotonic(), flush=True)
    async with asyncio.TaskGroup() as group:
        ends = [group.create_task(_send_one(job, stream, stop)) for stream in job.streams]
    # Written when all is over: it takes up to a second, which another stream would feel.
    for stream, end in zip(job.streams, ends, strict=True):
        result, began_s = end.result()
        write_records(job.folder / f"{stream.name}.csv", result.records)
        totals = {"sent": result.sent, "elapsed_s": result.elapsed_s, "cpu_s": result.cpu_s}
        path = job.folder / f"{stream.name}.json"
        path.write_text(json.dumps({"began_s": began_s, "totals": totals}), encoding="utf-8")


async def _send_one(job: Job, stream: Stream, stop: asyncio.Event) -> tuple[LoadResult, float]:
    if stream.begin_s:
        await asyncio.sleep(stream.begin_s)
    began_s = time.monotonic()
    result = await run_load(job.target, stream.requests, stream.load, stop, stream.source)
    return result, began_s


def read_stream(folder: Path, name: str) -> tuple[LoadResult, float]:
    """Return what became of a stream, and when it began by time.monotonic()."""
    told = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    records = tuple(read_records(folder / f"{name}.csv"))
    return LoadResult(records=records, **told["totals"]), told["began_s"]


if __name__ == "__main__":
    # A collection of the oldest generation walks every record and would be seen as latency.
    gc.disable()
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(send(Job.model_validate_json(Path(sys.argv[1]).read_bytes())))
