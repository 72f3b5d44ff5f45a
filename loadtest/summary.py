"""What a run comes to: figures, and a verdict on whether they may be believed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from loadtest.latency import (
    NO_WARM_UP,
    Latency,
    WarmUp,
    after,
    find_warm_up,
    lag1,
    latencies,
)
from loadtest.mlperf import MlperfResult, mlperf_result
from loadtest.percentiles import P99, percentile
from loadtest.record import Counts, LoadResult, Outcome, Record
from loadtest.rules import Rules, SloResult, broken, judge_slo
from loadtest.scenario import Load, MlperfLoad, Slo

LAG_LIMIT_S = 0.001
ACHIEVED_LIMIT = 0.99
LAG_SHARE = 0.01
"""Of the SLO's limit, if that is more."""
CPU_DOUBT = 0.85
CPU_LIMIT = 0.95

UNKNOWN = "(none)"
"""Stands for the replica of requests that no replica is known to have answered."""


class Verdict(StrEnum):
    """What the run allows to be said."""

    PASSED = "passed"
    FAILED = "failed"
    """Answers were wrong or lost, or a threshold is broken."""
    INVALID = "invalid"
    """The generator was the bottleneck: the figures are its own, not the fleet's."""


@dataclass(frozen=True)
class GeneratorLoad:
    """How the generator itself fared."""

    cpu_share: float
    """Of one core, during the load; of the busiest process."""
    lag_p99_s: float | None
    """Taken up minus intended start; None in a closed loop or with too few requests."""
    lag_max_s: float | None
    planned_rate_per_s: float | None
    """As drawn: the schedule's arrivals over the duration. None in a closed loop."""
    achieved_rate_per_s: float | None
    """Requests written before the plan's end, over the duration."""


@dataclass(frozen=True)
class Summary:
    """The figures of one run."""

    verdict: Verdict
    warnings: tuple[str, ...]
    counts: Counts
    causes: dict[str, int]
    """Cause → how many requests it kept from being right."""
    elapsed_s: float
    throughput_per_s: float
    """Right answers over `elapsed_s`: goodput without an SLO."""
    latency: dict[str, Latency | None]
    replicas: dict[str, Counts]
    generator: GeneratorLoad
    service: dict[str, Latency | None] = field(default_factory=dict)
    """Percentiles from the sending, for comparison with tools that measure so."""
    warm_up: WarmUp = NO_WARM_UP
    """Left out of both kinds of percentiles and of the SLO."""
    lag1: float | None = None
    """Correlation of one latency with the next."""
    rows_per_s: float = 0.0
    """Rows of right answers."""
    slo: SloResult | None = None
    broken: tuple[str, ...] = ()
    """Thresholds that the run breaks."""
    mlperf: MlperfResult | None = None
    partial: bool = False
    """Somebody ended the load before its plan did."""


def summarise(
    result: LoadResult, load: Load, deaths: Sequence[str] = (), rules: Rules | None = None
) -> Summary:
    """Compute the figures of a run.

    Args:
        result: what the generator saw.
        load: what it was told.
        deaths: sentences on processes that ended during the run.
        rules: what the run is held to; None: that nothing is wrong or lost.

    Raises:
        ValueError: a request ended never or twice.
    """
    rules = rules or Rules()
    counts = result.counts
    generator = _generator(result, load)
    warm_up = find_warm_up(result.records, rules.warm_up, load.timeout_s)
    measured = after(result.records, warm_up)
    latency = latencies(measured, load.timeout_s)
    slo = None
    if rules.slo is not None:
        slo = judge_slo(rules.slo, measured, result.elapsed_s - warm_up.until_s)
    throughput_per_s = counts.right / result.elapsed_s if result.elapsed_s else 0.0
    breaks = broken(rules, counts, latency, throughput_per_s, slo)
    mlperf = None
    if isinstance(load, MlperfLoad):
        mlperf = mlperf_result(load, rules.slo, result.records, result.elapsed_s)
        breaks += [] if mlperf.valid else [f"MLPerf: {mlperf.reasons[0]}"]
    invalid = [*_cut_off(result, load), *_invalid(generator, rules.slo)]
    return Summary(
        verdict=_verdict(counts, invalid=bool(invalid), broken=bool(breaks)),
        warnings=(*invalid, *breaks, *_doubts(generator, result, warm_up), *deaths),
        counts=counts,
        causes=dict(Counter(each.cause for each in result.records if each.cause).most_common()),
        elapsed_s=result.elapsed_s,
        throughput_per_s=throughput_per_s,
        latency=latency,
        replicas=_by_replica(result.records),
        generator=generator,
        service=latencies([from_sending(each) for each in measured], load.timeout_s),
        warm_up=warm_up,
        lag1=lag1(measured),
        rows_per_s=_rows(result) / result.elapsed_s if result.elapsed_s else 0.0,
        slo=slo,
        broken=tuple(breaks),
        mlperf=mlperf,
        partial=result.partial,
    )


def from_sending(record: Record) -> Record:
    """Return a record as a tool would have it that does not know when requests were due."""
    return replace(record, intended_s=record.sent_s)


def _rows(result: LoadResult) -> int:
    return sum(each.rows for each in result.records if each.outcome is Outcome.RIGHT)


def _generator(result: LoadResult, load: Load) -> GeneratorLoad:
    cpu_share = result.busiest_s / result.elapsed_s if result.elapsed_s else 0.0
    if not load.is_open:
        return GeneratorLoad(cpu_share, None, None, None, None)
    lags_s = [record.taken_s - record.intended_s for record in result.records]
    span_s = result.elapsed_s if result.partial else load.duration_s
    ends_s = span_s + LAG_LIMIT_S
    return GeneratorLoad(
        cpu_share=cpu_share,
        lag_p99_s=percentile(lags_s, P99),
        lag_max_s=max(lags_s, default=None),
        planned_rate_per_s=result.sent / span_s if span_s else None,
        achieved_rate_per_s=sum(each.sent_s <= ends_s for each in result.records) / span_s
        if span_s
        else None,
    )


def own_fault(generator: GeneratorLoad, slo_limit_s: float) -> bool:
    """Return whether the generator itself was late or too busy, whatever the fleet did."""
    lag_s = generator.lag_max_s if generator.lag_p99_s is None else generator.lag_p99_s
    late = lag_s is not None and lag_s > max(LAG_LIMIT_S, LAG_SHARE * slo_limit_s)
    return late or generator.cpu_share > CPU_LIMIT


def _cut_off(result: LoadResult, load: Load) -> list[str]:
    """Return that the run was ended by hand, if it was: what it has not seen, it cannot vouch for.

    Its percentiles are of a shorter run, and whatever would have come later is not in them.
    """
    if not result.partial:
        return []
    return [
        f"The run was interrupted after {result.elapsed_s:.1f} of {load.duration_s:g} s:"
        " this is a partial result."
    ]


def _invalid(generator: GeneratorLoad, slo: Slo | None) -> list[str]:
    """Return why the figures may not be believed; a closed loop has no plan to fall behind."""
    reasons = []
    limit_s = LAG_LIMIT_S if slo is None else max(LAG_LIMIT_S, LAG_SHARE * slo.limit_s)
    if generator.cpu_share > CPU_LIMIT:
        reasons.append(
            f"A generator process kept a core {generator.cpu_share:.0%} busy: it measured itself."
            " Raise load.processes."
        )
    lag_s, word = generator.lag_p99_s, "p99 of the lag"
    if lag_s is None:
        lag_s, word = generator.lag_max_s, "largest lag"
    if lag_s is not None and lag_s > limit_s:
        reasons.append(
            f"The generator was late: the {word} is {lag_s * 1000:.2f} ms;"
            f" {limit_s * 1000:g} ms is the limit."
        )
    planned, achieved = generator.planned_rate_per_s, generator.achieved_rate_per_s
    if planned is not None and achieved is not None and achieved < ACHIEVED_LIMIT * planned:
        reasons.append(
            f"The generator sent {achieved:.1f} of {planned:.1f} planned requests a second:"
            " lower the rate or raise load.max_connections."
        )
    return reasons


def _doubts(generator: GeneratorLoad, result: LoadResult, warm_up: WarmUp) -> list[str]:
    doubts = []
    if not warm_up.steady:
        doubts.append(
            "MSER-5 found no end of the warm-up in the first half:"
            " the run was not steady, or too short."
        )
    if CPU_DOUBT < generator.cpu_share <= CPU_LIMIT:
        doubts.append(
            f"The generator kept a core {generator.cpu_share:.0%} busy;"
            " a faster one might have measured more."
        )
    if not result.records:
        doubts.append("No request was sent, so nothing was measured.")
    return doubts


def _verdict(counts: Counts, *, invalid: bool, broken: bool) -> Verdict:
    # A wrong answer is wrong whoever was slow; a lost one may be the generator's own doing.
    if counts.wrong:
        return Verdict.FAILED
    if invalid or not counts.sent:
        return Verdict.INVALID
    return Verdict.FAILED if broken else Verdict.PASSED


def _by_replica(records: Sequence[Record]) -> dict[str, Counts]:
    ends: dict[str, Counter[Outcome]] = {}
    for record in records:
        ends.setdefault(record.replica or UNKNOWN, Counter())[record.outcome] += 1
    return {
        name: Counts(
            sent=each.total(),
            right=each[Outcome.RIGHT],
            wrong=each[Outcome.WRONG],
            refused=each[Outcome.REFUSED],
            lost=each[Outcome.LOST],
        )
        for name, each in sorted(ends.items())
    }
