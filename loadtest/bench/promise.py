"""What a server can promise: its latency at 70 % of what it can do, from the intended start."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from loadtest.bench.asking import Asking
from loadtest.bench.contest import Runner, now
from loadtest.bench.results import Promise
from loadtest.generating import generate
from loadtest.generator import Job
from loadtest.latency import after, find_warm_up
from loadtest.percentiles import P50, P99, percentile
from loadtest.record import Outcome
from loadtest.scenario import ClosedLoad, OpenLoad

SHARE: Final = 0.7
CONNECTIONS: Final = 64
_TIMEOUT_S: Final = 30.0
_SEED: Final = 1


def promise(
    name: str,
    runner: Runner,
    asked: Asking,
    seconds: float,
    folder: Path,
    tell: Callable[[str], None],
) -> Promise:
    """Measure a server's capacity in a closed loop, and its latency at 70 % of it in an open one.

    Both loads come from our own generator, which checks every answer. It shares the machine with
    the server and costs more than wrk, so that the capacity is below what wrk finds; but it is the
    capacity beside this client, of which 70 % are asked. Arrivals are Poisson. What MSER-5 takes
    for the warm-up, in which all connections are opened at once, is left out of the latencies.

    Raises:
        ChildError: the generator failed.
    """
    requests = runner.requests(asked)
    target = runner.server.address
    tell(f"capacity of {runner.form}")
    closed = ClosedLoad(connections=CONNECTIONS, duration_s=seconds, timeout_s=_TIMEOUT_S)
    full = generate(Job(target=target, load=closed, requests=requests, folder=folder))
    capacity_per_s = full.counts.right / full.elapsed_s
    rate_per_s = SHARE * capacity_per_s
    tell(f"{runner.form} at {rate_per_s:,.0f} a second")
    load = OpenLoad(rate_per_s=rate_per_s, duration_s=seconds, seed=_SEED, timeout_s=_TIMEOUT_S)
    job = Job(target=target, load=load, requests=requests, folder=folder, goes_first=False)
    result = generate(job)
    counts = result.counts
    warm_up = find_warm_up(result.records, "mser", _TIMEOUT_S)
    measured = after(result.records, warm_up)
    latencies_s = [
        each.latency_s if each.outcome is Outcome.RIGHT else float("inf") for each in measured
    ]
    return Promise(
        model=asked.stored.artefact.name,
        server=name,
        form=runner.form,
        capacity_per_s=capacity_per_s,
        connections=CONNECTIONS,
        rate_per_s=rate_per_s,
        warm_up_s=warm_up.until_s,
        p50_s=percentile(latencies_s, P50),
        p99_s=percentile(latencies_s, P99),
        bad=counts.sent - counts.right,
        sent=counts.sent,
        lag_p99_s=percentile([each.lag_s for each in measured], P99),
        date=now(),
    )
