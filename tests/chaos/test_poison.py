"""Inputs that kill: stopped after two deaths each, and good rows beside them never notice."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from loadtest.payload import Expected, Request, predict_wire
from loadtest.record import LoadResult
from tests.chaos.bench import (
    WORKERS,
    Began,
    Bench,
    bench,
    count_ends,
    expect_all_right,
    steady_stream,
)
from tests.chaos.estimators import DEADLY
from tests.chaos.forms import Form
from tests.chaos.shelf import STEADY, good_rows
from tests.chaos.table import Verdict

pytestmark = [pytest.mark.integration, pytest.mark.chaos]
FIRST_POISON = 1_000_000
AT_ONCE_S = 0.1
"""A copy that began within this time of the first may have been on its way to another worker when
the first one killed: it is not the service's fault, once. A process that dies on a shared machine
is not seen sooner. The retry may begin as soon, too, so only the sum over all inputs tells the two
apart."""
MOST_DEATHS_ON_AVERAGE = 2.2
CHANCE_DEATHS = 2
"""Of few inputs so many may have had such a copy."""
MOST_DEATHS = 2


def test_one_percent_poison(
    shelf: Path, tmp_path: Path, form: Form, capacity_per_s: float, verdict: Verdict
) -> None:
    distinct = form.pick(4, 40)
    with bench(shelf, tmp_path) as started:
        rate_per_s, long_s = form.load * capacity_per_s, form.pick(4.0, 100.0)
        stream = steady_stream(started, rate_per_s, long_s, rows=good_rows(99 * distinct))
        poison = poison_requests(started, distinct)
        mixed = stream.model_copy(update={"requests": stream.requests + poison})
        with started.traffic(mixed) as traffic:
            traffic.finish()
            result = traffic.outcomes("good").result
        good, bad = parted(result, len(stream.requests))
        count_ends(verdict, good)
        metrics = started.metrics()
        judge_poison(verdict, bad, started.ledger(), distinct)
    verdict.quarantined = int(metrics["percore_inputs_quarantined"])
    verdict.retried = int(metrics["percore_requests_retried_total"])
    expect_all_right(verdict)
    verdict.expect(verdict.quarantined <= distinct, "a good row was quarantined")


def poison_requests(started: Bench, distinct: int, first: int = FIRST_POISON) -> list[Request]:
    """Return inputs that kill, each in its way; no answer with status 200 to them is right."""
    return [
        Request(
            wire=predict_wire(
                started.address,
                STEADY,
                [[float(first + index), float(DEADLY[index % len(DEADLY)])]],
                probabilities=False,
            ),
            expected=Expected(model=STEADY, labels=False, answers={}),
        )
        for index in range(distinct)
    ]


def parted(result: LoadResult, good: int) -> tuple[LoadResult, LoadResult]:
    """Part what became of the first `good` requests from what became of the poison."""
    halves = [
        tuple(one for one in result.records if (one.request < good) is wanted)
        for wanted in (True, False)
    ]
    whole, poison = (LoadResult(len(half), half, result.elapsed_s, result.cpu_s) for half in halves)
    return whole, poison


def judge_poison(verdict: Verdict, bad: LoadResult, ledger: Sequence[Began], distinct: int) -> None:
    """Every poisoned request is answered 500, and no input has more than two deaths."""
    verdict.injected = bad.sent
    # A service that is too busy may refuse it like anything else.
    odd = {one.status for one in bad.records} - {500, 503}
    verdict.expect(not odd, f"poison was answered {odd}")
    verdict.expect(bad.counts.right == 0, "poison was answered as if it were none")
    begun = defaultdict(list)
    for one in ledger:
        if one.row >= FIRST_POISON:
            begun[one.row].append(one)
    deaths = {row: deaths_apart(lines) for row, lines in begun.items()}
    worst = max(deaths.values(), default=0)
    total = sum(len({one.pid for one in lines}) for lines in begun.values())
    verdict.notes.append(
        f"{len(deaths)} of {distinct} inputs killed, at most {worst} times each,"
        f" {total} deaths in all"
    )
    verdict.expect(len(deaths) > 0, "no poison reached a worker")
    verdict.expect(worst <= MOST_DEATHS, f"an input killed {worst} workers")
    most = max(MOST_DEATHS_ON_AVERAGE * len(deaths), MOST_DEATHS * len(deaths) + CHANCE_DEATHS)
    verdict.expect(total <= most, f"{len(deaths)} inputs killed {total} workers")


def deaths_apart(lines: Sequence[Began]) -> int:
    """Count the workers that an input killed, without one copy that may have run already."""
    first_s = min(one.at_s for one in lines)
    at_once = {one.pid for one in lines if one.at_s - first_s < AT_ONCE_S}
    pids = {one.pid for one in lines}
    beside = min(len(at_once), WORKERS) - 1
    return max(len(pids) - beside, 1)


def test_the_judge_of_deaths() -> None:
    """Three deaths one after the other are three; one beside the first is not counted."""
    apart = [Began(1, pid, pid * 1.0) for pid in (1, 2, 3)]
    assert deaths_apart(apart) == 3
    beside = [Began(1, 1, 0.0), Began(1, 2, 0.01), Began(1, 3, 2.0)]
    assert deaths_apart(beside) == 2
    storm = [Began(1, pid, 0.001 * pid) for pid in range(5)]
    assert deaths_apart(storm) == 4


def test_a_batch_of_the_good_and_the_bad(
    shelf: Path, tmp_path: Path, form: Form, verdict: Verdict
) -> None:
    """Poison alone in a large batch: whoever shared it is computed again and answered."""
    with bench(shelf, tmp_path) as started:
        poison = poison_requests(started, form.pick(3, 30))
        stream = steady_stream(started, 400.0, form.pick(2.0, 20.0), rows=good_rows(200))
        bad = stream.model_copy(
            update={
                "name": "bad",
                "requests": poison,
                "load": stream.load.model_copy(update={"rate_per_s": 20.0, "seed": 5}),
            }
        )
        with started.traffic(stream, bad) as traffic:
            traffic.finish()
            good, others = (traffic.outcomes(name).result for name in ("good", "bad"))
        count_ends(verdict, good)
        judge_poison(verdict, others, started.ledger(), len(poison))
    expect_all_right(verdict)
