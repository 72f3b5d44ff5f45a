"""What a server can promise, from loads that were made by hand."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import loadtest.bench.promise as promise_module
from loadtest.bench.promise import SHARE, promise
from loadtest.generator import Job
from loadtest.http1 import Address
from loadtest.record import LoadResult, Outcome, Record

COUNT, WARM_UP = 1000, 50
SECONDS = 10.0
SLOW_S, QUICK_S = 1.0, 0.002
LATE_S = 0.5
GROUP = 5


def record(number: int, *, is_slow: bool) -> Record:
    intended_s = number * SECONDS / COUNT
    late_s = LATE_S if is_slow else 0.0
    quick_s = QUICK_S * (1 + number // GROUP % 2)  # MSER-5 looks at the spread of fives
    return Record(
        request=0,
        intended_s=intended_s,
        taken_s=intended_s + late_s,
        sent_s=intended_s + late_s,
        done_s=intended_s + (SLOW_S if is_slow else quick_s),
        outcome=Outcome.RIGHT,
        status=200,
        cause="",
        replica="a",
    )


def promised(monkeypatch: pytest.MonkeyPatch, records: list[Record]) -> tuple[Any, list[Job]]:
    jobs: list[Job] = []

    def generate(job: Job) -> LoadResult:
        jobs.append(job)
        return LoadResult(len(records), tuple(records), elapsed_s=SECONDS, cpu_s=1.0)

    monkeypatch.setattr(promise_module, "generate", generate)
    server = SimpleNamespace(address=Address("127.0.0.1", 1))
    runner: Any = SimpleNamespace(form="percore", server=server, requests=lambda asked: [])
    asked: Any = SimpleNamespace(stored=SimpleNamespace(artefact=SimpleNamespace(name="forest")))
    return promise("percore", runner, asked, SECONDS, Path(), lambda text: None), jobs


def test_the_warm_up_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [record(number, is_slow=number < WARM_UP) for number in range(COUNT)]
    found, jobs = promised(monkeypatch, records)
    assert found.warm_up_s == WARM_UP * SECONDS / COUNT
    assert found.p50_s == pytest.approx(QUICK_S, abs=1e-12)
    assert found.p99_s == pytest.approx(2 * QUICK_S, abs=1e-12)
    assert found.lag_p99_s == 0.0
    assert (found.sent, found.bad) == (COUNT, 0)
    load: Any = jobs[1].load
    assert load.rate_per_s == found.rate_per_s == SHARE * COUNT / SECONDS


def test_what_is_slow_later_or_wrong_at_any_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [record(number, is_slow=number >= COUNT - WARM_UP) for number in range(COUNT)]
    records[0] = replace(records[0], outcome=Outcome.WRONG, cause="predictions")
    found, _ = promised(monkeypatch, records)
    assert found.p99_s == pytest.approx(SLOW_S, abs=1e-12)
    assert (found.sent, found.bad) == (COUNT, 1)
