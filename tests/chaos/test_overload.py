"""More than can be done is asked: what is done stays near the peak, and fair."""

import time
from pathlib import Path
from statistics import median

import pytest

from loadtest.record import LoadResult, Outcome
from loadtest.scenario import OpenLoad
from tests.chaos.bench import WORKERS, Bench, Outcomes, bench, causes, count_ends, wait
from tests.chaos.forms import Form, chosen_form
from tests.chaos.shelf import NAP_S, SLOW, good_rows, requests
from tests.chaos.table import Verdict
from tests.chaos.traffic import Stream

pytestmark = [pytest.mark.integration, pytest.mark.chaos]
PEAK_PER_S = WORKERS / NAP_S
"""What the model allows: naps need no core, so this holds on a machine of any size."""
DEADLINE_S = 1.0
GOODPUT = {2: 0.98, 5: 0.95, 10: 0.85}
"""Times the capacity that is offered, share of the peak that must be answered in time."""
RECOVERY_S = 1.0
CALM_S = 0.25
"""A request in the calm after an overload that took longer still felt it."""
FAIR_SHARE = 0.95
NORMAL_CLIENTS = 9


def slow_stream(
    started: Bench,
    name: str,
    rate_per_s: float,
    duration_s: float,
    *,
    source: str | None = None,
    begin_s: float = 0.0,
) -> Stream:
    """Return traffic to the model whose capacity is exact; the service knows its deadline."""
    load = OpenLoad(
        rate_per_s=rate_per_s,
        duration_s=duration_s,
        seed=len(name) + int(rate_per_s),
        timeout_s=DEADLINE_S,
        max_connections=8192,
    )
    asked = requests(started.store, started.address, SLOW, good_rows(500), timeout_s=DEADLINE_S)
    return Stream(name=name, load=load, requests=asked, source=source, begin_s=begin_s)


def goodput_per_s(outcomes: Outcomes, duration_s: float) -> float:
    """Return the right answers that came in time, a second; the first second fills the queue."""
    right = [
        one
        for one in outcomes.result.records
        if one.outcome is Outcome.RIGHT and 1.0 <= one.done_s < duration_s
    ]
    return len(right) / (duration_s - 1.0)


@pytest.mark.parametrize("times", chosen_form().pick([5], sorted(GOODPUT)))
def test_overload(shelf: Path, tmp_path: Path, form: Form, verdict: Verdict, times: int) -> None:
    long_s, after_s = form.pick(2.5, 30.0), form.pick(1.0, 5.0)
    with bench(shelf, tmp_path) as started:
        peak_per_s = measure_peak(started) if form.full else PEAK_PER_S
        streams = (
            slow_stream(started, "flood", times * peak_per_s, long_s),
            slow_stream(started, "calm", 0.5 * peak_per_s, after_s, begin_s=long_s),
        )
        with started.traffic(*streams) as traffic:
            traffic.finish(limit_s=long_s + after_s + 60.0)
            flood, calm = (traffic.outcomes(name) for name in ("flood", "calm"))
        wait(started.is_table_empty, 10.0)
        restarts = started.metrics()["percore_worker_restarts_total"]
    count_ends(verdict, flood.result, calm.result)
    verdict.injected = flood.result.sent
    share = goodput_per_s(flood, long_s) / peak_per_s
    recovered_s = recovery_s(calm.result)
    verdict.notes += [
        f"{times}x {peak_per_s:.0f}/s: goodput {share:.1%} of the peak",
        f"calm again after {recovered_s:.2f} s",
    ]
    verdict.expect(verdict.wrong == 0, f"{verdict.wrong} answers were wrong")
    verdict.expect(restarts == 0, f"{restarts:.0f} workers were ended for being busy")
    odd = {one.cause for one in flood.result.records} - HONEST
    verdict.expect(not odd, f"the overload was answered {odd}: {causes(flood.result)}")
    if form.full:
        verdict.expect(share >= GOODPUT[times], f"goodput {share:.1%} of the peak at {times}x")
        verdict.expect(recovered_s < RECOVERY_S, f"calm only after {recovered_s:.2f} s")
    else:
        verdict.expect(share > 0.3, f"the service collapsed: {share:.1%} of the peak")


HONEST = {"", "status_429", "status_503", "status_504", "timeout"}
"""How a request may end that is more than can be done."""


def measure_peak(started: Bench, duration_s: float = 10.0) -> float:
    """Return the goodput at an offered load just above what the model allows."""
    with started.traffic(slow_stream(started, "peak", 1.1 * PEAK_PER_S, duration_s)) as traffic:
        traffic.finish()
        peak_per_s = goodput_per_s(traffic.outcomes("peak"), duration_s)
    assert peak_per_s > 0
    time.sleep(DEADLINE_S)  # until its last requests are over
    return peak_per_s


def recovery_s(calm: LoadResult) -> float:
    """Return when the last request came that the overload before still harmed."""
    return max(
        (
            one.intended_s
            for one in calm.records
            if one.outcome is not Outcome.RIGHT or one.latency_s > CALM_S
        ),
        default=0.0,
    )


def test_a_hog_beside_others(shelf: Path, tmp_path: Path, form: Form, verdict: Verdict) -> None:
    """One client asks ten times the capacity; nine others get what they ask, as if alone."""
    long_s = form.pick(3.0, 30.0)
    with bench(shelf, tmp_path) as started:
        peak_per_s = measure_peak(started) if form.full else PEAK_PER_S
        others = [
            slow_stream(
                started,
                f"client-{index}",
                0.07 * peak_per_s,
                long_s,
                source=f"127.0.0.{index + 2}",
            )
            for index in range(NORMAL_CLIENTS)
        ]
        hog = slow_stream(started, "hog", 10 * peak_per_s, long_s, source="127.0.0.100")
        with started.traffic(hog, *others) as traffic:
            traffic.finish(limit_s=long_s + 60.0)
            results = [traffic.outcomes(other.name).result for other in others]
            count_ends(verdict, *results)
            verdict.injected = traffic.outcomes("hog").result.sent
    shares = [result.counts.right / result.sent for result in results]
    verdict.notes.append(
        f"normal clients got {min(shares):.1%} to {max(shares):.1%}, median {median(shares):.1%}"
    )
    verdict.expect(verdict.wrong == 0, f"{verdict.wrong} answers were wrong")
    least = form.pick(0.5, FAIR_SHARE)
    verdict.expect(min(shares) >= least, f"a normal client got {min(shares):.1%} of what it asked")
