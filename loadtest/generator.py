"""The load generator, a process of its own: `python -m loadtest.generator JOB.json`.

It shares no interpreter with the balancer or the runner, so that its own lag and CPU time are
what it reports and not theirs.
"""

import asyncio
import gc
import json
import sys
from pathlib import Path

import uvloop
from pydantic import BaseModel, ConfigDict

from loadtest.client import run_load
from loadtest.http1 import Address
from loadtest.loop import precise_loop
from loadtest.payload import Request
from loadtest.progress import FILE, Progress, published
from loadtest.record import LoadResult, read_records, write_records
from loadtest.scenario import ClosedLoad, Load


class Job(BaseModel):
    """What the generator is told."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )

    target: Address
    load: Load
    requests: list[Request]
    folder: Path
    """Where requests.csv, generator.json and progress.jsonl go."""


def generate(job: Job) -> None:
    """Put the load on the target and write down what happened."""
    # Timers matter only to the open loop; the closed one gets the loop that costs less.
    factory = uvloop.new_event_loop if isinstance(job.load, ClosedLoad) else precise_loop
    # A collection of the oldest generation walks every record and would be seen as lag.
    gc.freeze()
    gc.disable()
    progress = Progress()
    load = run_load(job.target, job.requests, job.load, progress=progress)
    with (
        (job.folder / FILE).open("w", encoding="utf-8") as file,
        asyncio.Runner(loop_factory=factory) as runner,
    ):
        result = runner.run(published(load, progress, file))
    write_records(job.folder / "requests.csv", result.records)
    totals = {"sent": result.sent, "elapsed_s": result.elapsed_s, "cpu_s": result.cpu_s}
    (job.folder / "generator.json").write_text(json.dumps(totals), encoding="utf-8")


def read_result(folder: Path) -> LoadResult:
    """Read what `generate` wrote into its folder."""
    totals = json.loads((folder / "generator.json").read_text(encoding="utf-8"))
    return LoadResult(records=tuple(read_records(folder / "requests.csv")), **totals)


if __name__ == "__main__":
    generate(Job.model_validate_json(Path(sys.argv[1]).read_bytes()))
