"""An hour of everything at once: `python -m tests.chaos.soak` (CHAOS_MINUTES for another length).

Every minute brings traffic at 70 % of the capacity, kills, stops, swaps, corrupt candidates,
poison and clients that abort, at random seeded times; then a pause, in which memory, descriptors
and tasks of each role are noted. What was sent must be answered rightly, and what was noted must
be flat. The exit code is 1 if either does not hold.
"""

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from statistics import median

from rich.console import Console

from loadtest.percentiles import P99, percentile
from loadtest.record import LoadResult
from tests.chaos.bench import (
    FULL_LIMIT_S,
    Bench,
    bench,
    count_ends,
    measure_capacity,
    steady_stream,
    told,
    wait,
)
from tests.chaos.faults import kill_worker, loaders_of, stop_worker, workers_of
from tests.chaos.rude import RudeJob
from tests.chaos.shelf import STEADY, copy_of, good_rows, requests, stock
from tests.chaos.table import Verdict, draw
from tests.chaos.test_poison import parted, poison_requests
from tests.chaos.test_swaps import refuse_corrupt, swap
from tests.processes.replica import pss_bytes

MINUTE_S = 60.0
BUSY_S = 50.0
LOAD = 0.7
ABORTING = 0.1
POISON_A_MINUTE = 2
WARM_UP_SHARE = 1 / 6
GROWTH_SHARE, GROWTH_BYTES = 0.01, 1 << 20
"""What a role's memory may grow by during the run after its warm-up: the sum of the two."""
FAULTS_EVERY_S = (2.0, 8.0)
REPORT = Path("runs/soak.json")


@dataclass(frozen=True)
class Sample:
    """One role at the end of one minute."""

    minute: int
    role: str
    pss_bytes: int
    descriptors: int
    tasks: int


def main() -> int:
    """Run the soak and return the exit code."""
    minutes = int(os.environ.get("CHAOS_MINUTES", "60"))
    console, verdict = Console(width=180), Verdict(f"{minutes} minutes of everything")
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory() as folder:
        shelf = stock(Path(folder))
        with bench(shelf, Path(folder) / "capacity") as started:
            rate_per_s = LOAD * measure_capacity(started, 8.0)
        place = Path(folder) / "soak"
        place.mkdir()
        with bench(copy_of(shelf, place), place) as started:
            for minute in range(minutes):
                # The ledger is not read here, and would fill the disk.
                started.ledger_path.unlink(missing_ok=True)
                p99_s = spend_minute(started, verdict, rate_per_s, minute)
                samples += look(started, minute)
                console.print(line(samples, p99_s, verdict))
            errors = defects(started)
            verdict.expect(not errors, f"the log tells of defects, such as {errors[:1]}")
    judge_flat(verdict, samples)
    failed = verdict.sent - verdict.right
    verdict.expect(failed == 0, f"{failed} of {verdict.sent} good requests failed")
    REPORT.parent.mkdir(exist_ok=True)
    report = asdict(verdict) | {"samples": [asdict(sample) for sample in samples]}
    REPORT.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    console.print(draw([verdict]))
    return 1 if verdict.failures else 0


def spend_minute(started: Bench, verdict: Verdict, rate_per_s: float, minute: int) -> float | None:
    """Send traffic and inject faults, then let everything come to rest; return the p99."""
    until_s = time.monotonic() + MINUTE_S
    stream = steady_stream(
        started, (1 - ABORTING) * rate_per_s, BUSY_S, versions=(1, 2), rows=good_rows(500)
    )
    poison = poison_requests(started, POISON_A_MINUTE, first=1_000_000 + 1000 * minute)
    load = stream.load.model_copy(update={"seed": minute})
    mixed = stream.model_copy(update={"requests": stream.requests + poison, "load": load})
    with started.traffic(mixed) as traffic, started.rude(aborts(started, rate_per_s)) as rude:
        end_s = traffic.began_s + BUSY_S
        inject(started, verdict, random.Random(minute), end_s)
        traffic.finish()
        told(rude)
        result = traffic.outcomes("good").result
    good, _ = parted(result, len(stream.requests))
    count_ends(verdict, good)
    wait(started.is_table_empty, 10.0)
    time.sleep(max(until_s - time.monotonic(), 2.0))
    return latency(good)


def aborts(started: Bench, rate_per_s: float) -> RudeJob:
    (asked,) = requests(started.store, started.address, STEADY, [[9_000.0, 0.0]], (1, 2))
    return RudeJob(
        target=started.address,
        kind="abort",
        clients=20,
        duration_s=2 * MINUTE_S,
        rate_per_s=ABORTING * rate_per_s,
        wire=asked.wire,
    )


def inject(started: Bench, verdict: Verdict, chance: random.Random, end_s: float) -> None:
    """Inject one fault after the other until the traffic ends."""
    versions = [1, 2]

    def kill() -> None:
        pid, busy = kill_worker(started.workers(), chance, chance.choice((0.0, 0.2)))
        recover(pid, busy)

    def stop() -> None:
        recover(*stop_worker(started.workers(), chance))

    def recover(pid: int, busy: bool) -> None:
        struck_s = time.monotonic()
        verdict.injected += 1
        verdict.busy += busy
        verdict.full_s.append(started.full_after(pid, struck_s))

    def change() -> None:
        versions.reverse()
        swap(started, Verdict("swap"), versions[0])
        verdict.injected += 1

    def corrupt() -> None:
        refuse_corrupt(started, verdict, versions[0])
        verdict.injected += 1

    def behead() -> None:
        for loader in loaders_of(started.api)[:1]:
            os.kill(loader, 9)
            verdict.injected += 1

    faults: Sequence[Callable[[], None]] = (kill, kill, kill, stop, change, change, corrupt, behead)
    swap(started, Verdict("swap"), versions[0])
    while time.monotonic() < end_s - FULL_LIMIT_S / 2:
        time.sleep(chance.uniform(*FAULTS_EVERY_S))
        chance.choice(faults)()


def look(started: Bench, minute: int) -> list[Sample]:
    """Return what each role holds; of several workers, the sum."""
    workers = workers_of(started.api)
    roles = {"api": [started.api], "loader": loaders_of(started.api), "workers": workers}
    return [
        Sample(
            minute,
            role,
            sum(pss_bytes(pid) for pid in pids),
            sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
            sum(len(os.listdir(f"/proc/{pid}/task")) for pid in pids),
        )
        for role, pids in roles.items()
    ]


def judge_flat(verdict: Verdict, samples: Sequence[Sample]) -> None:
    """Memory may not grow, descriptors and tasks may not change, once the run is warm."""
    last = max(sample.minute for sample in samples)
    first = int(last * WARM_UP_SHARE)
    for role in ("api", "loader", "workers"):
        warm = [one for one in samples if one.role == role and one.minute >= first]
        grown = growth([(one.minute, one.pss_bytes) for one in warm])
        bound = GROWTH_SHARE * median(one.pss_bytes for one in warm) + GROWTH_BYTES
        verdict.notes.append(f"{role} {grown / 2**20:+.1f} MB (at most {bound / 2**20:.1f})")
        verdict.expect(grown <= bound, f"the memory of {role} grew by {grown / 2**20:.1f} MB")
        third = max(len(warm) // 3, 1)
        for name in ("descriptors", "tasks"):
            early, late = (
                median(getattr(one, name) for one in part) for part in (warm[:third], warm[-third:])
            )
            verdict.expect(late <= early, f"{name} of {role} went from {early:g} to {late:g}")


def growth(points: Sequence[tuple[int, int]]) -> float:
    """Return how much a line through the points rises; the median of all slopes bears outliers."""
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2)]
    return median(slopes) * (points[-1][0] - points[0][0]) if slopes else 0.0


def defects(started: Bench) -> list[str]:
    """Return what the service logged as its own defect."""
    return [str(event) for event in started.replica.events() if event.get("event") == "defect"]


def latency(result: LoadResult) -> float | None:
    return percentile([record.latency_s for record in result.records], P99)


def line(samples: Sequence[Sample], p99_s: float | None, verdict: Verdict) -> str:
    last = samples[-3:]
    sizes = ", ".join(
        f"{one.role} {one.pss_bytes / 2**20:.0f} MB {one.descriptors} fds {one.tasks} tasks"
        for one in last
    )
    failed = verdict.sent - verdict.right
    p99 = "-" if p99_s is None else f"{p99_s * 1e3:.0f} ms"
    return (
        f"minute {last[0].minute + 1}: {sizes}; p99 {p99};"
        f" {verdict.injected} faults, {verdict.sent} sent, {failed} failed"
    )


if __name__ == "__main__":
    sys.exit(main())
