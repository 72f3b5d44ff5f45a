"""Figures and verdicts, from records made by hand."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from loadtest.latency import Latency, find_warm_up, latencies
from loadtest.machine import this_machine
from loadtest.record import LoadResult, Outcome, Record
from loadtest.report import Report, show
from loadtest.rules import Rules, judge_slo
from loadtest.scenario import ClosedLoad, OpenLoad, Payload, Scenario, Slo, Thresholds
from loadtest.summary import Summary, Verdict, summarise

OPEN = OpenLoad(rate_per_s=100, duration_s=10, timeout_s=8)
CLOSED = ClosedLoad(connections=1, duration_s=10, timeout_s=8)

ONE = Record(
    request=0,
    intended_s=0.0,
    taken_s=0.0,
    sent_s=0.0,
    done_s=0.01,
    outcome=Outcome.RIGHT,
    status=200,
    cause="",
    replica="a",
)
WRONG = replace(ONE, outcome=Outcome.WRONG, cause="predictions", replica="b")
REFUSED = replace(ONE, outcome=Outcome.REFUSED, status=503, cause="status_503", replica="b")
LOST = replace(ONE, outcome=Outcome.LOST, status=0, cause="closed", replica="")


def result(records: list[Record], cpu_s: float = 1.0) -> LoadResult:
    return LoadResult(len(records), tuple(records), elapsed_s=10.0, cpu_s=cpu_s)


def every_10_ms(count: int = 1000) -> list[Record]:
    """One request each 10 ms, each answered at once."""
    return [
        replace(ONE, intended_s=n / 100, taken_s=n / 100, sent_s=n / 100, done_s=n / 100)
        for n in range(count)
    ]


def test_six_seconds_of_freeze_in_ten_are_in_the_percentiles() -> None:
    """The numbers that a recorder without coordinated omission must give.

    Constant rate for 10 s; the server stands still for the first 6 s and then answers at once.
    Of all requests 60 % waited, evenly from 6 s down to 0: p50 1 s, p90 5 s, p99 5.9 s, max 6 s.
    """
    records = [replace(each, done_s=max(each.intended_s, 6.0)) for each in every_10_ms()]
    values = latencies(records, 8.0)
    expected = {"p50": 1.0, "p90": 5.0, "p99": 5.9, "max": 6.0}
    for name, value_s in expected.items():
        latency = values[name]
        assert latency is not None
        assert latency.value_s == pytest.approx(value_s, abs=0.0101)
        assert not latency.at_least


def test_a_server_does_not_become_faster_by_failing() -> None:
    right = [ONE] * 900

    def value(name: str, others: list[Record]) -> tuple[float, bool]:
        latency = latencies(right + others, 8.0)[name]
        assert latency is not None
        return latency.value_s, latency.at_least

    assert value("p99", [LOST] * 100) == (8.0, True)
    assert value("max", [WRONG] * 100) == (8.0, True)
    assert value("p90", [LOST] * 100) == (0.01, False)
    # Who was told at once to come again is counted apart.
    assert value("p99", [REFUSED] * 100) == (0.01, False)


def test_a_percentile_has_the_interval_of_its_ranks() -> None:
    """Of 1,000 samples, ranks 983 to 997 enclose p99 at 95 %."""
    records = [replace(ONE, done_s=n / 1000) for n in range(1, 1001)]
    assert latencies(records, 8.0)["p99"] == Latency(0.99, False, 0.983, 0.997)
    # Nothing surely above p99 in 299; what is above may be among the lost.
    few = latencies(records[:299], 8.0)["p99"]
    assert few is not None
    assert few.high_s is None
    lost = latencies(records[:985] + [LOST] * 15, 8.0)["p99"]
    assert lost == Latency(8.0, True, 0.983, None)


def test_no_percentile_that_the_sample_cannot_support() -> None:
    values = latencies([ONE] * 298, 8.0)
    assert values["p99"] is None
    assert values["p90"] is not None
    assert values["p999"] is None
    assert set(latencies([], 8.0).values()) == {None}


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ([ONE], Verdict.PASSED),
        ([ONE, REFUSED], Verdict.PASSED),
        ([ONE, WRONG], Verdict.FAILED),
        ([ONE, LOST], Verdict.FAILED),
        ([], Verdict.INVALID),
    ],
)
def test_the_verdict_on_a_closed_loop(records: list[Record], verdict: Verdict) -> None:
    assert summarise(result(records), CLOSED).verdict is verdict


def late(lag_s: float, share: float) -> list[Record]:
    """Return a full plan of which a share was taken up late."""
    records = every_10_ms()
    count = round(share * len(records))
    taken = [replace(each, taken_s=each.intended_s + lag_s) for each in records[:count]]
    return taken + records[count:]


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        (late(0.0, 0.0), Verdict.PASSED),
        (late(0.0009, 0.5), Verdict.PASSED),
        (late(0.0011, 0.011), Verdict.INVALID),
        (late(1.0, 0.01), Verdict.PASSED),  # p99 is what is judged
        ([*late(0.0, 0.0)[:-1], LOST], Verdict.FAILED),
        ([*late(0.0011, 0.5)[:-1], LOST], Verdict.INVALID),
        ([*late(0.0011, 0.5)[:-1], WRONG], Verdict.FAILED),
    ],
)
def test_a_late_generator_makes_an_open_run_invalid(
    records: list[Record], verdict: Verdict
) -> None:
    summary = summarise(result(records), OPEN)
    assert summary.verdict is verdict
    late_words = [line for line in summary.warnings if "The generator was late" in line]
    assert bool(late_words) == any(
        lag_s is not None and lag_s > 0.001 for lag_s in [summary.generator.lag_p99_s]
    )


def test_few_requests_are_judged_by_the_largest_lag() -> None:
    records = [*every_10_ms(10), replace(ONE, taken_s=0.002)]
    summary = summarise(result(records), OPEN)
    assert summary.generator.lag_p99_s is None
    assert summary.verdict is Verdict.INVALID
    assert "largest lag is 2.00 ms" in summary.warnings[0]


@pytest.mark.parametrize(("unsent", "verdict"), [(10, Verdict.PASSED), (11, Verdict.INVALID)])
def test_a_plan_that_was_not_kept_makes_an_open_run_invalid(unsent: int, verdict: Verdict) -> None:
    records = every_10_ms()
    after = [replace(each, sent_s=10.5, done_s=10.6) for each in records[:unsent]]
    summary = summarise(result(after + records[unsent:]), OPEN)
    assert summary.verdict is verdict
    assert summary.generator.achieved_rate_per_s == (1000 - unsent) / 10


def test_throughput_counts_right_answers_only() -> None:
    summary = summarise(result([ONE] * 50 + [WRONG] * 20 + [REFUSED] * 20 + [LOST] * 10), CLOSED)
    assert summary.throughput_per_s == 5.0
    assert summary.causes == {"predictions": 20, "status_503": 20, "closed": 10}
    by_replica = {name: (counts.sent, counts.right) for name, counts in summary.replicas.items()}
    assert by_replica == {"(none)": (10, 0), "a": (50, 50), "b": (40, 0)}


def test_a_generator_that_has_no_time_left_makes_any_run_invalid() -> None:
    for load in (CLOSED, OPEN):
        summary = summarise(result(every_10_ms(), cpu_s=9.6), load)
        assert summary.verdict is Verdict.INVALID
        assert "kept a core 96% busy" in summary.warnings[0]
    two = replace(result(every_10_ms(), cpu_s=9.6), cpu_by_process=(4.8, 4.8))
    assert summarise(two, CLOSED).verdict is Verdict.PASSED


def test_a_busy_generator_is_a_doubt_and_a_death_is_told() -> None:
    summary = summarise(result([ONE], cpu_s=9.0), CLOSED, ["replica-0 ended with code -9."])
    assert summary.verdict is Verdict.PASSED
    assert "90% busy" in summary.warnings[0]
    assert summary.warnings[1] == "replica-0 ended with code -9."


def report(summary: Summary, load: ClosedLoad | OpenLoad) -> Report:
    return Report(
        scenario=Scenario(load=load, payload=Payload(model="iris")),
        summary=summary,
        model_version=3,
        machine=this_machine(),
        command="python -m loadtest run x.toml",
        date=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


def drawn(made: Report) -> str:
    console = Console(width=200, no_color=True, record=True, quiet=False, file=None, stderr=True)
    with console.capture() as captured:
        show(made, console)
    return captured.get()


def test_the_report_says_what_was_measured_and_how() -> None:
    summary = summarise(result(every_10_ms() + [REFUSED] * 5), OPEN)
    text = drawn(report(summary, OPEN))
    for words in (
        "open: Poisson arrivals, 100 a second for 10 s, seed 0, time-out 8 s",
        "2 real replicas, 1 worker each, least_outstanding",
        "iris 3, 1 row a request",
        "1,005 sent = 1,000 right + 0 wrong + 5 refused + 0 lost",
        "status_503: 5",
        "100.0 right answers a second over 10.00 s",
        "lag p99 0.00 ms",
        "sent 100.5 of 100.5 planned a second",
        "2026-01-02T03:04:05",
        "python -m loadtest run x.toml",
        "Verdict: PASSED",
    ):
        assert words in text


def test_the_report_does_not_print_what_is_not_known() -> None:
    text = drawn(report(summarise(result([ONE] * 10 + [LOST]), CLOSED), CLOSED))
    assert "closed: 1 connections" in text
    assert "p99 (too few requests)" in text
    assert "max ≥ 8000.00 ms" in text
    assert "lag" not in text
    assert "Verdict: FAILED" in text


def test_json_says_the_same() -> None:
    summary = summarise(result([*every_10_ms(), LOST]), OPEN)
    content = json.loads(report(summary, OPEN).to_json())
    assert content["verdict"] == "failed"
    assert content["counts"] == {"sent": 1001, "right": 1000, "wrong": 0, "refused": 0, "lost": 1}
    none = {"low_s": None, "high_s": None}
    assert content["latency"]["max"] == {"value_s": 8.0, "at_least": True, **none}
    assert content["latency"]["p50"] == {
        "value_s": 0.0,
        "at_least": False,
        "low_s": 0.0,
        "high_s": 0.0,
    }
    assert content["scenario"]["balancer"]["policy"] == "least_outstanding"
    assert content["machine"]["cores"] >= 1
    assert content["load_model"].startswith("open")
    assert "order statistic" in content["percentiles"]


SLO = Slo(p=0.99, limit_s=0.05, max_error_share=0.01)


@pytest.mark.parametrize(
    ("others", "met", "shown", "over"),
    [
        ([], True, True, 0),
        ([replace(ONE, done_s=0.06)] * 10, True, False, 10),  # 10 of 1000 late: p99 is met
        ([replace(ONE, done_s=0.06)] * 11, False, False, 11),
        ([REFUSED] * 10, True, False, 10),
        ([REFUSED] * 5 + [LOST] * 6, False, False, 11),
        ([WRONG], False, False, 1),
    ],
)
def test_an_slo_counts_late_wrong_refused_and_lost(
    others: list[Record], met: bool, shown: bool, over: int
) -> None:
    records = [ONE] * (1000 - len(others)) + others
    judged = judge_slo(SLO, records, elapsed_s=10.0)
    assert (judged.met, judged.shown, judged.over) == (met, shown, over)
    assert judged.goodput_per_s == (1000 - over) / 10
    assert judge_slo(SLO, [], 10.0).met is False


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (Rules(thresholds=Thresholds(max_p99_s=0.0099)), "p99 is 10.00 ms; 9.9 ms is the limit"),
        (Rules(thresholds=Thresholds(max_p999_s=1)), "p999 has a limit, but the sample is too"),
        (Rules(thresholds=Thresholds(min_throughput_per_s=100)), "throughput is 99.0 a second"),
        (Rules(thresholds=Thresholds(max_refused_share=0.005)), "1.00% of the requests were refu"),
        (Rules(slo=Slo(limit_s=0.009)), "The SLO is broken: 1000 of 1000"),
        (
            Rules(slo=SLO, thresholds=Thresholds(min_goodput_per_s=99.5)),
            "The goodput is 99.0 a second; 99.5 is the least",
        ),
    ],
)
def test_a_broken_threshold_fails_the_run_and_is_named(rules: Rules, words: str) -> None:
    records = [ONE] * 990 + [REFUSED] * 10
    summary = summarise(result(records), CLOSED, rules=rules)
    assert summary.verdict is Verdict.FAILED
    assert words in summary.broken[0]
    held = Thresholds(max_p99_s=0.011, min_throughput_per_s=99, max_refused_share=0.01)
    kept = summarise(result(records), CLOSED, rules=Rules(slo=SLO, thresholds=held))
    assert (kept.verdict, kept.broken) == (Verdict.PASSED, ())


def test_a_scenario_with_faults_may_allow_some_losses() -> None:
    rules = Rules(thresholds=Thresholds(max_lost_share=0.01))
    records = [ONE] * 99 + [LOST]
    assert summarise(result(records), CLOSED).verdict is Verdict.FAILED
    assert summarise(result(records), CLOSED, rules=rules).verdict is Verdict.PASSED


def warming() -> list[Record]:
    """Two seconds of slow answers, then eight of fast ones that vary."""
    return [
        replace(each, done_s=each.intended_s + (0.5 if n < 200 else 0.01 + n % 7 / 1000))
        for n, each in enumerate(every_10_ms())
    ]


def largest_s(summary: Summary) -> float:
    largest = summary.latency["max"]
    assert largest is not None
    return largest.value_s


def test_the_warm_up_is_left_out_of_percentiles_and_never_of_counts() -> None:
    found = find_warm_up(warming(), "mser", 8.0)
    assert (found.requests, found.until_s, found.steady) == (200, 2.0, True)
    summary = summarise(result(warming()), CLOSED, rules=Rules(warm_up="mser"))
    assert summary.counts.sent == 1000
    assert largest_s(summary) == pytest.approx(0.016)
    for_seconds = summarise(result(warming()), CLOSED, rules=Rules(warm_up=1.5))
    assert for_seconds.warm_up.requests == 150
    whole = summarise(result(warming()), CLOSED)
    assert largest_s(whole) == pytest.approx(0.5)


def test_a_run_that_is_never_steady_is_said_to_be_none() -> None:
    growing = [replace(each, done_s=each.intended_s * 2) for each in every_10_ms()]
    summary = summarise(result(growing), CLOSED, rules=Rules(warm_up="mser"))
    assert not summary.warm_up.steady
    assert any("not steady" in line for line in summary.warnings)


def test_the_two_clocks_are_told_apart() -> None:
    """A server that takes 10 ms, behind a generator's limit that held requests for a second."""
    held = [
        replace(each, sent_s=each.intended_s + 1, done_s=each.intended_s + 1.01)
        for each in every_10_ms()
    ]
    summary = summarise(result(held), CLOSED)
    response, service = summary.latency["p99"], summary.service["p99"]
    assert response is not None
    assert service is not None
    assert response.value_s == pytest.approx(1.01)
    assert service.value_s == pytest.approx(0.01)
