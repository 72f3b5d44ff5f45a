"""What a run comes to: figures, and a verdict on whether they may be believed."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from loadtest.percentiles import P50, P90, P99, percentile
from loadtest.record import Counts, LoadResult, Outcome, Record
from loadtest.scenario import Load

LAG_LIMIT_S = 0.001
ACHIEVED_LIMIT = 0.99
CPU_LIMIT = 0.85

UNKNOWN = "(none)"
"""Stands for the replica of requests that no replica is known to have answered."""


class Verdict(StrEnum):
    """What the run allows to be said."""

    PASSED = "passed"
    FAILED = "failed"
    """Answers were wrong or lost."""
    INVALID = "invalid"
    """The generator was the bottleneck: the figures are its own, not the fleet's."""


@dataclass(frozen=True)
class Latency:
    """One percentile from the intended start, in seconds."""

    value_s: float
    at_least: bool
    """The percentile fell among the wrong and lost: it is above the value, nobody knows how far."""


@dataclass(frozen=True)
class GeneratorLoad:
    """How the generator itself fared."""

    cpu_share: float
    """Of one core, during the load."""
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


def summarise(result: LoadResult, load: Load, deaths: Sequence[str] = ()) -> Summary:
    """Compute the figures of a run.

    Args:
        result: what the generator saw.
        load: what it was told.
        deaths: sentences on processes that ended during the run.

    Raises:
        ValueError: a request ended never or twice.
    """
    counts = result.counts
    generator = _generator(result, load)
    invalid = _invalid(generator)
    return Summary(
        verdict=_verdict(counts, invalid=bool(invalid)),
        warnings=(*invalid, *_doubts(generator, result), *deaths),
        counts=counts,
        causes=dict(Counter(each.cause for each in result.records if each.cause).most_common()),
        elapsed_s=result.elapsed_s,
        throughput_per_s=counts.right / result.elapsed_s if result.elapsed_s else 0.0,
        latency=latencies(result.records, load.timeout_s),
        replicas=_by_replica(result.records),
        generator=generator,
    )


def latencies(records: Sequence[Record], timeout_s: float) -> dict[str, Latency | None]:
    """Return p50, p90, p99 and max from intended starts; None where the sample is too small.

    Wrong and lost requests are in the sample, slower than everything: a server must not become
    faster by failing. Refused ones are not; they were told at once, and are counted apart.
    """
    samples = [
        record.latency_s if record.outcome is Outcome.RIGHT else math.inf
        for record in records
        if record.outcome is not Outcome.REFUSED
    ]
    values = {
        name: percentile(samples, p) for name, p in (("p50", P50), ("p90", P90), ("p99", P99))
    }
    values["max"] = max(samples, default=None)
    return {name: _latency(value, timeout_s) for name, value in values.items()}


def _latency(value_s: float | None, timeout_s: float) -> Latency | None:
    if value_s is None:
        return None
    unknown = math.isinf(value_s)
    return Latency(timeout_s if unknown else value_s, at_least=unknown)


def _generator(result: LoadResult, load: Load) -> GeneratorLoad:
    cpu_share = result.cpu_s / result.elapsed_s if result.elapsed_s else 0.0
    if not load.is_open:
        return GeneratorLoad(cpu_share, None, None, None, None)
    lags_s = [record.taken_s - record.intended_s for record in result.records]
    ends_s = load.duration_s + LAG_LIMIT_S
    return GeneratorLoad(
        cpu_share=cpu_share,
        lag_p99_s=percentile(lags_s, P99),
        lag_max_s=max(lags_s, default=None),
        planned_rate_per_s=result.sent / load.duration_s,
        achieved_rate_per_s=sum(each.sent_s <= ends_s for each in result.records) / load.duration_s,
    )


def _invalid(generator: GeneratorLoad) -> list[str]:
    """Return why the figures may not be believed; a closed loop has no plan to fall behind."""
    reasons = []
    lag_s, word = generator.lag_p99_s, "p99 of the lag"
    if lag_s is None:
        lag_s, word = generator.lag_max_s, "largest lag"
    if lag_s is not None and lag_s > LAG_LIMIT_S:
        reasons.append(
            f"The generator was late: the {word} is {lag_s * 1000:.2f} ms;"
            f" {LAG_LIMIT_S * 1000:g} ms is the limit."
        )
    planned, achieved = generator.planned_rate_per_s, generator.achieved_rate_per_s
    if planned is not None and achieved is not None and achieved < ACHIEVED_LIMIT * planned:
        reasons.append(
            f"The generator sent {achieved:.1f} of {planned:.1f} planned requests a second:"
            " lower the rate or raise load.max_connections."
        )
    return reasons


def _doubts(generator: GeneratorLoad, result: LoadResult) -> list[str]:
    doubts = []
    if generator.cpu_share > CPU_LIMIT:
        doubts.append(
            f"The generator kept a core {generator.cpu_share:.0%} busy;"
            " a faster one might have measured more."
        )
    if not result.records:
        doubts.append("No request was sent, so nothing was measured.")
    return doubts


def _verdict(counts: Counts, *, invalid: bool) -> Verdict:
    # A wrong answer is wrong whoever was slow; a lost one may be the generator's own doing.
    if counts.wrong:
        return Verdict.FAILED
    if invalid or not counts.sent:
        return Verdict.INVALID
    return Verdict.FAILED if counts.lost else Verdict.PASSED


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
