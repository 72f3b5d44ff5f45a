"""Workers die in every way; nothing that was accepted is lost, and nobody good is blamed."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.chaos.bench import (
    WORKERS,
    Bench,
    bench,
    count_ends,
    executions_beyond,
    expect_all_right,
    measure_latency,
    steady_stream,
    wait,
)
from tests.chaos.estimators import Command
from tests.chaos.faults import catch_writing, kill_worker, loaders_of, workers_of
from tests.chaos.forms import Form, chosen_form
from tests.chaos.shelf import NAP_S, SLOW, STEADY, WIDE
from tests.chaos.table import Verdict

pytestmark = [pytest.mark.integration, pytest.mark.chaos]
KILL_EVERY_S = 0.5
AIM_S = 0.2
LOADER_LIMIT_S = 30.0
FULL_AGAIN_S = 1.0
P99_RATIO = 2.0
SLOW_PER_S = WORKERS / NAP_S


@pytest.mark.parametrize("model", chosen_form().pick([STEADY], [STEADY, SLOW]))
def test_kill_9_of_workers(
    shelf: Path, tmp_path: Path, form: Form, capacity_per_s: float, verdict: Verdict, model: str
) -> None:
    """A model that needs no core tells of the service alone, on a busy machine too."""
    kills, quiet_s = form.pick(8, 100), form.pick(1.0, 15.0)
    long_s = 2 * quiet_s + 3 * kills * KILL_EVERY_S
    with bench(shelf, tmp_path) as started:
        most_per_s = SLOW_PER_S if model == SLOW else capacity_per_s
        stream = steady_stream(started, form.load * most_per_s, long_s, model=model)
        with started.traffic(stream) as traffic:
            time.sleep(quiet_s)
            first_s = time.monotonic()
            for index in range(kills):
                # Every other one is aimed; the others hit whoever is drawn.
                strike(started, verdict, AIM_S if index % 2 == 0 else 0.0)
            last_s = time.monotonic()
            time.sleep(quiet_s)
            traffic.stop()
            traffic.finish()
            good = traffic.outcomes("good")
        count_ends(verdict, good.result)
        measure_latency(verdict, good, first_s, last_s)
        verdict.retried = executions_beyond(started.ledger(), good.result)
        metrics = started.metrics()
        verdict.quarantined = int(metrics["percore_inputs_quarantined"])
        verdict.notes.append(f"{metrics['percore_requests_retried_total']:.0f} retries by /metrics")
    expect_all_right(verdict)
    verdict.expect(verdict.injected == kills, f"{verdict.injected} of {kills} kills were made")
    verdict.expect(verdict.busy >= kills / 2, f"only {verdict.busy} hit a busy worker")
    verdict.expect(verdict.quarantined == 0, "a good row was quarantined")
    if form.full:
        verdict.expect(max(verdict.full_s) < FULL_AGAIN_S, "full capacity took too long")
        ratio = verdict.p99_ratio
        verdict.expect(ratio is not None and ratio < P99_RATIO, f"p99 was {ratio} of the quiet one")


def strike(started: Bench, verdict: Verdict, aim_s: float) -> None:
    """Kill a worker, wait for full capacity, and rest until the next kill is due."""
    next_s = time.monotonic() + KILL_EVERY_S * started.chance.uniform(0.6, 1.4)
    pid, busy = kill_worker(started.workers(), started.chance, aim_s)
    died_s = time.monotonic()
    verdict.injected += 1
    verdict.busy += busy
    verdict.full_s.append(started.full_after(pid, died_s))
    time.sleep(max(next_s - time.monotonic(), 0.0))


def test_kill_9_of_the_loader(
    shelf: Path, tmp_path: Path, form: Form, capacity_per_s: float, verdict: Verdict
) -> None:
    """The workers go on; and a worker that dies afterwards is replaced all the same."""
    with bench(shelf, tmp_path) as started:
        stream = steady_stream(started, form.load * capacity_per_s, form.pick(60.0, 300.0))
        with started.traffic(stream) as traffic:
            for _ in range(form.pick(1, 5)):
                for loader in loaders_of(started.api):
                    os.kill(loader, signal.SIGKILL)
                time.sleep(0.3)
                strike(started, verdict, AIM_S)
                # Until there is a loader again nobody else can be replaced.
                wait(lambda: len(workers_of(started.api)) > WORKERS, LOADER_LIMIT_S)
            traffic.stop()
            traffic.finish()
            good = traffic.outcomes("good")
        count_ends(verdict, good.result)
    expect_all_right(verdict)


def test_ways_to_fail(shelf: Path, tmp_path: Path, form: Form, verdict: Verdict) -> None:
    """Faults of the model that are no death: only the request that asked for one hears of it."""
    commands = (Command.INTERRUPT, Command.SHORTEN, Command.RAISE)
    with bench(shelf, tmp_path) as started:
        with started.traffic(steady_stream(started, 100.0, form.pick(1.5, 10.0))) as traffic:
            for command in commands * form.pick(1, 10):
                status, body = started.replica.predict("steady", [[float(90_000), float(command)]])
                verdict.injected += 1
                verdict.expect(status == 500, f"{command.name} was answered {status}: {body}")
                verdict.expect("code" in body, f"{command.name} has no code: {body}")
            traffic.finish()
            good = traffic.outcomes("good")
        count_ends(verdict, good.result)
    expect_all_right(verdict)


def test_kill_9_while_a_large_answer_is_written(
    shelf: Path, tmp_path: Path, form: Form, verdict: Verdict
) -> None:
    """A torn frame is no answer: the batch is computed again and every number of it is right."""
    rows = [[float(i), 0.0] for i in range(form.pick(1500, 7000))]
    with bench(shelf, tmp_path) as started:
        for _ in range(form.pick(1, 5)):
            with LargeAsk(started, rows) as ask:
                if catch_writing(started.api, 20.0) is not None:
                    verdict.injected += 1
                status, wrong, size = ask.answer()
            verdict.sent += 1
            verdict.right += status == 200 and wrong == 0
            verdict.lost += status != 200
            verdict.wrong += status == 200 and wrong > 0
            verdict.notes = [f"{size / 2**20:.0f} MB an answer"]
        verdict.retried = int(started.metrics()["percore_requests_retried_total"])
    verdict.expect(verdict.injected > 0, "no worker was caught while it wrote")
    expect_all_right(verdict)


class LargeAsk:
    """Asks for a large answer in a thread, so that faults can be injected meanwhile."""

    def __init__(self, started: Bench, rows: list[list[float]]) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._rows = rows
        self._future = self._pool.submit(started.replica.predict, WIDE, rows)

    def __enter__(self) -> "LargeAsk":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def answer(self) -> tuple[int, int, int]:
        """Return the status, how many rows are not as they must be, and about how many bytes."""
        status, body = self._future.result(120)
        if status != 200:
            return status, 0, 0
        answers = body["predictions"]
        right = [[row[0] + 0.1234567] * 400 for row in self._rows]
        wrong = sum(got != want for got, want in zip(answers, right, strict=True))
        return status, wrong, sum(len(str(one)) for one in answers)


def test_counters_never_go_backwards(
    shelf: Path, tmp_path: Path, form: Form, verdict: Verdict
) -> None:
    """Workers come and go; the API process alone counts."""
    respawns = form.pick(6, 200)
    with bench(shelf, tmp_path) as started:
        before, files = started.metrics(), sorted(path.name for path in tmp_path.iterdir())
        slowest_s = 0.0
        for _ in range(respawns):
            assert started.replica.predict("steady", [[1.0, 0.0]])[0] == 200
            pid, busy = kill_worker(started.workers(), started.chance, 0.0)
            died_s = time.monotonic()
            verdict.injected += 1
            verdict.busy += busy
            verdict.full_s.append(started.full_after(pid, died_s))
            asked_s = time.monotonic()
            after = started.metrics()
            slowest_s = max(slowest_s, time.monotonic() - asked_s)
            back = [
                name
                for name, value in before.items()
                if name.endswith(("_total", "_count", "_bucket", "_sum"))
                and after.get(name, 0.0) < value
            ]
            verdict.expect(not back, f"went backwards: {back}")
            before = after
        verdict.expect(
            before["percore_worker_restarts_total"] == respawns,
            f"{before['percore_worker_restarts_total']:.0f} restarts of {respawns} were counted",
        )
        verdict.expect(
            sorted(path.name for path in tmp_path.iterdir()) == files, "files were left behind"
        )
        verdict.notes.append(f"slowest scrape {slowest_s * 1e3:.1f} ms")
