"""A replica under traffic: what every scenario starts from, and what it measures with."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from loadtest.http1 import Address
from loadtest.percentiles import P99, percentile
from loadtest.record import LoadResult, Outcome, Record
from loadtest.scenario import ClosedLoad, OpenLoad
from tests.chaos.estimators import FAULTS, LEDGER
from tests.chaos.faults import workers_of
from tests.chaos.rude import RudeJob
from tests.chaos.shelf import FIRST_ROW, STEADY, Row, good_rows, requests
from tests.chaos.table import Verdict
from tests.chaos.traffic import Job, Stream, read_stream
from tests.processes.replica import ROOT, Replica, running

WORKERS = 2
DISTINCT = 2000
"""Different rows in good traffic."""
WINDOW_S = 2.5
"""A p99 is taken of windows this long, so that it has a spread."""
FULL_LIMIT_S = 20.0
LOG_ERRORS = frozenset({"error", "critical"})

_numbers = count(1)


class Process:
    """A child of the bench that says GO when it begins."""

    def __init__(self, module: str, job: str, folder: Path) -> None:
        path = folder / f"job-{next(_numbers)}.json"
        path.write_text(job, encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, str(path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        assert self._process.stdout is not None
        self._out = self._process.stdout
        word, _, began = self._out.readline().partition(" ")
        assert word == "GO", f"{module} did not start"
        self.began_s = float(began)

    def stop(self) -> None:
        self._process.terminate()

    def finish(self, limit_s: float = 120.0) -> str:
        """Wait for the end and return what it printed after GO."""
        try:
            said, _ = self._process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        assert self._process.returncode == 0, self._process.returncode
        return said

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
        self._out.close()


@dataclass(frozen=True)
class Outcomes:
    """The records of a stream, with their times on the clock that the faults have too."""

    result: LoadResult
    began_s: float

    def due_s(self, record: Record) -> float:
        return self.began_s + record.intended_s

    def between(self, start_s: float, end_s: float) -> list[Record]:
        return [one for one in self.result.records if start_s <= self.due_s(one) < end_s]

    def p99s(self, start_s: float, end_s: float) -> list[float]:
        """Return the p99 of each whole window; a window with too few requests gives none."""
        found = []
        while start_s + WINDOW_S <= end_s:
            latencies = [one.latency_s for one in self.between(start_s, start_s + WINDOW_S)]
            p99 = percentile(latencies, P99)
            if p99 is not None:
                found.append(p99)
            start_s += WINDOW_S
        return found


class Traffic(Process):
    """Streams of good requests under way."""

    def __init__(self, target: Address, streams: Sequence[Stream], folder: Path) -> None:
        self._folder = folder
        job = Job(target=target, streams=list(streams), folder=folder)
        super().__init__("tests.chaos.traffic", job.model_dump_json(), folder)

    def outcomes(self, name: str) -> Outcomes:
        """Return what became of a stream, after the end."""
        return Outcomes(*read_stream(self._folder, name))


@dataclass(frozen=True)
class Began:
    """A line of the ledger: a worker began to compute a row."""

    row: int
    pid: int
    at_s: float


class Bench:
    """A replica with two workers, its ledger and its traffic."""

    def __init__(self, replica: Replica, store: Path, folder: Path) -> None:
        self.replica = replica
        self.store = store
        self.folder = folder
        self.address = Address("127.0.0.1", replica.port)
        self.ledger_path = folder / "ledger"
        self.chance = random.Random(7)

    @property
    def api(self) -> int:
        return self.replica.process.pid

    @contextmanager
    def traffic(self, *streams: Stream) -> Iterator[Traffic]:
        traffic = Traffic(self.address, streams, self.folder)
        try:
            yield traffic
        finally:
            traffic.kill()

    @contextmanager
    def rude(self, job: RudeJob) -> Iterator[Process]:
        process = Process("tests.chaos.rude", job.model_dump_json(), self.folder)
        try:
            yield process
        finally:
            process.kill()

    def workers(self) -> list[int]:
        """Return the workers that the service counts as ready to serve."""
        pids: list[int] = self.replica.workers()["pids"]
        return [pid for pid in pids if pid in set(workers_of(self.api))]

    def full_after(self, gone: int, since_s: float) -> float:
        """Wait until a dead worker is replaced; return how long that took since its death."""

        def whole() -> bool:
            workers = self.replica.workers()
            return gone not in workers["pids"] and workers["ready"] >= workers["wanted"]

        return wait(whole, FULL_LIMIT_S, 0.01) - since_s

    def ledger(self) -> list[Began]:
        """Return every row that was begun, in order."""
        if not self.ledger_path.exists():
            return []
        lines = (line.split() for line in self.ledger_path.read_text().splitlines())
        return [Began(int(row), int(pid), float(at)) for row, pid, at in lines]

    def metrics(self) -> dict[str, float]:
        """Return every metric without a label, and the sums of those that have some."""
        connection = self.replica.connect()
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        sums: Counter[str] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                sums[sample.name] += sample.value  # type: ignore[assignment]
        return dict(sums)

    def log_errors(self) -> list[dict[str, Any]]:
        """Return what the service logged as an error."""
        return [event for event in self.replica.events() if event.get("level") in LOG_ERRORS]

    def is_table_empty(self) -> bool:
        """Return whether no request waits or is computed."""
        metrics = self.metrics()
        return metrics["percore_requests_waiting"] + metrics["percore_requests_in_flight"] == 0


@contextmanager
def bench(
    store: Path, folder: Path, *flags: str, env: dict[str, str] | None = None
) -> Iterator[Bench]:
    """Start a replica whose models obey."""
    folder.mkdir(exist_ok=True)
    told = {FAULTS: "1", LEDGER: str(folder / "ledger")} | (env or {})
    with running(store, folder, "--workers", str(WORKERS), *flags, env=told) as replica:
        started = Bench(replica, store, folder)
        wait(lambda: len(started.workers()) >= WORKERS, FULL_LIMIT_S)
        yield started


def wait(holds: Callable[[], bool], limit_s: float, every_s: float = 0.02) -> float:
    """Look until something holds and return when it did; fail at the limit."""
    until = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < until, f"it did not come true in {limit_s:g} s"
        time.sleep(every_s)
    return time.monotonic()


def steady_stream(
    started: Bench,
    rate_per_s: float,
    duration_s: float,
    *,
    versions: Sequence[int] = (1,),
    rows: Sequence[Row] | None = None,
    model: str = STEADY,
) -> Stream:
    """Return Poisson traffic of rows that differ; the model burns CPU unless another is named."""
    asked = good_rows(DISTINCT) if rows is None else rows
    return Stream(
        name="good",
        load=OpenLoad(rate_per_s=rate_per_s, duration_s=duration_s, seed=11, timeout_s=30.0),
        requests=requests(started.store, started.address, model, asked, versions),
    )


def measure_capacity(started: Bench, duration_s: float) -> float:
    """Return the requests a second that are answered when 16 clients never pause."""
    load = ClosedLoad(connections=16, duration_s=duration_s, seed=3)
    asked = requests(started.store, started.address, STEADY, good_rows(DISTINCT))
    with started.traffic(Stream(name="closed", load=load, requests=asked)) as traffic:
        traffic.finish()
        result = traffic.outcomes("closed").result
    assert result.counts.right == result.sent, causes(result)
    return result.sent / result.elapsed_s


def count_ends(verdict: Verdict, *results: LoadResult) -> None:
    """Add the sums of some streams; each sum is checked: sent = right + refused + lost + wrong."""
    for result in results:
        counts = result.counts
        verdict.sent += counts.sent
        verdict.right += counts.right
        verdict.refused += counts.refused
        verdict.lost += counts.lost
        verdict.wrong += counts.wrong
        if counts.right < counts.sent:
            verdict.notes.append(causes(result))


def expect_all_right(verdict: Verdict) -> None:
    """Nothing that was sent may have been refused, lost or answered wrongly."""
    verdict.expect(verdict.sent > 0, "nothing was sent")
    failed = verdict.sent - verdict.right
    verdict.expect(
        failed == 0,
        f"{failed} of {verdict.sent} requests failed ({verdict.refused} refused, "
        f"{verdict.lost} lost, {verdict.wrong} wrong)",
    )


def causes(result: LoadResult) -> str:
    """Say why requests are not right, and how often."""
    found = Counter(one.cause for one in result.records if one.outcome is not Outcome.RIGHT)
    return ", ".join(f"{cause} {times}" for cause, times in found.most_common())


def measure_latency(
    verdict: Verdict, outcomes: Outcomes, first_s: float, last_s: float, settle_s: float = 0.5
) -> None:
    """Compare the time of the faults with the time before and after it."""
    start, end = outcomes.began_s, outcomes.began_s + outcomes.result.elapsed_s
    # The first moments of a service are slower than it ever is again.
    quiet = (start + settle_s, first_s), (last_s + settle_s, end)
    verdict.p99_quiet_s = [p99 for window in quiet for p99 in outcomes.p99s(*window)]
    verdict.p99_s = outcomes.p99s(first_s, last_s + settle_s)
    calm = [one.latency_s for window in quiet for one in outcomes.between(*window)]
    struck = [one.latency_s for one in outcomes.between(first_s, last_s + settle_s)]
    if calm and struck:
        verdict.worst_added_s = max(struck) - median(calm)


def executions_beyond(ledger: Sequence[Began], result: LoadResult) -> int:
    """Return how many computations there were beyond one a request.

    Raises:
        AssertionError: a row was computed more than twice for each time that it was sent.
    """
    sent = Counter(FIRST_ROW + record.request for record in result.records)
    begun = Counter(one.row for one in ledger)
    for row, times in sent.items():
        assert begun[row] <= 2 * times, f"row {row} was sent {times} times, begun {begun[row]}"
    return sum(max(begun[row] - times, 0) for row, times in sent.items())


def told(process: Process) -> dict[str, Any]:
    """Stop rude clients and return what they saw."""
    process.stop()
    seen: dict[str, Any] = json.loads(process.finish())
    return seen
