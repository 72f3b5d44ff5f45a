"""A cell: each server verified and warmed, then one run each in turn, again and again."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtest.bench.asking import Asking
from loadtest.bench.cells import Cell
from loadtest.bench.contest import Runner
from loadtest.bench.results import Contender, Run
from loadtest.bench.sampling import Sampler
from loadtest.bench.wrk import Measured, has_wrk, run_wrk, write_wires
from loadtest.errors import ChildError
from loadtest.generating import generate
from loadtest.generator import Job
from loadtest.payload import Request
from loadtest.percentiles import P50, P99, percentile
from loadtest.record import LoadResult, Outcome
from loadtest.scenario import ClosedLoad

_VERIFYING: Final = 16
"""Connections that verify: a batcher that hands rows to the wrong caller must be seen."""
_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True)
class Pace:
    """How long, and how often."""

    seconds: int
    runs: int
    verify_s: float = 0.5
    warm_s: int = 1


def take_turns(
    cell: Cell,
    asked: Asking,
    runners: Mapping[str, Runner],
    pace: Pace,
    folder: Path,
    tell: Callable[[str], None],
) -> tuple[dict[str, Contender], dict[str, str]]:
    """Measure servers by turns: ABCABC…, so that a machine that slows down slows all of them.

    Returns:
        Name → its runs, and name → why it was left out: it answered wrongly, or not at all.

    Raises:
        ChildError: a generator failed.
    """
    found: dict[str, Contender] = {}
    wrong: dict[str, str] = {}
    requests = {name: runner.requests(asked) for name, runner in runners.items()}
    for name, runner in runners.items():
        tell(f"verifying and warming {name}")
        result = _checked_load(runner, requests[name], _VERIFYING, pace.verify_s, folder)
        counts = result.counts
        if counts.wrong or not counts.right:
            said = next((each.cause for each in result.records if each.cause), "nothing")
            wrong[name] = f"{counts.wrong} of {counts.sent} answers were wrong ({said})"
            tell(f"{name} is left out: {wrong[name]}")
            continue
        found[name] = Contender(form=runner.form, verified=counts.right, runs=[])
        wires = [each.wire for each in requests[name]]
        write_wires(wires, folder / f"{name}.wires")
        _load(cell, runner, requests[name], pace.warm_s, folder / f"{name}.wires")
    for number in range(pace.runs):
        for name, contender in found.items():
            tell(f"run {number + 1} of {pace.runs}, {name}")
            file = folder / f"{name}.wires"
            run = _run(cell, runners[name], requests[name], pace.seconds, file)
            contender.runs.append(run)
    return found, wrong


def generator_words() -> str:
    """Say what makes the load."""
    return "wrk, one thread, a closed loop" if has_wrk() else "our own generator, a closed loop"


def _run(cell: Cell, runner: Runner, requests: list[Request], seconds: int, wires: Path) -> Run:
    spent_s, began_s = runner.cpu_s(), time.monotonic()
    with Sampler(runner.server.address, requests) as sampler:
        measured = _load(cell, runner, requests, seconds, wires)
    cores = (runner.cpu_s() - spent_s) / (time.monotonic() - began_s)
    return Run(
        rate_per_s=measured.rate_per_s,
        p50_s=measured.p50_s,
        p99_s=measured.p99_s,
        errors=measured.errors,
        checked=sampler.checked,
        wrong=sampler.wrong,
        cores=round(cores, 3),
    )


def _load(
    cell: Cell, runner: Runner, requests: list[Request], seconds: int, wires: Path
) -> Measured:
    if has_wrk():
        return run_wrk(runner.server.address, wires, cell.connections, seconds)
    result = _checked_load(runner, requests, cell.connections, seconds, wires.parent)
    latencies_s = [each.latency_s for each in result.records if each.outcome is Outcome.RIGHT]
    p50_s, p99_s = percentile(latencies_s, P50), percentile(latencies_s, P99)
    if p50_s is None or p99_s is None:
        raise ChildError(f"{seconds} s are too short for a p99 of {runner.form}: make it longer.")
    bad = result.counts.sent - result.counts.right
    return Measured(
        rate_per_s=result.counts.right / result.elapsed_s,
        p50_s=p50_s,
        p99_s=p99_s,
        errors={"not_right": bad} if bad else {},
    )


def _checked_load(
    runner: Runner, requests: list[Request], connections: int, seconds: float, folder: Path
) -> LoadResult:
    load = ClosedLoad(connections=connections, duration_s=seconds, timeout_s=_TIMEOUT_S)
    target = runner.server.address
    return generate(Job(target=target, load=load, requests=requests, folder=folder))
