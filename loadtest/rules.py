"""What a run is held to: an SLO, thresholds, and how its start is treated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from loadtest.latency import Latency
from loadtest.record import Counts, Outcome, Record
from loadtest.scenario import Scenario, Slo, Thresholds
from loadtest.statistics.early_stopping import passes


@dataclass(frozen=True)
class Rules:
    """The parts of a scenario that judge a run."""

    slo: Slo | None = None
    thresholds: Thresholds = field(default_factory=Thresholds)
    warm_up: Literal["none", "mser"] | float = "none"

    @classmethod
    def of(cls, scenario: Scenario) -> "Rules":
        """Return a scenario's rules."""
        return cls(scenario.slo, scenario.thresholds, scenario.runs.warm_up)


@dataclass(frozen=True)
class SloResult:
    """How a run stands to its SLO."""

    met: bool
    """The share of right answers within the limit is at least p, errors are few, and no answer is
    wrong: of the requests that were sent, which says nothing of others."""
    shown: bool
    """By MLPerf's early stopping, the percentile is under the limit at 99 % confidence."""
    requests: int
    over: int
    """Requests that were late, wrong, refused or lost."""
    error_share: float
    """Refused and lost."""
    goodput_per_s: float
    """Right answers within the limit."""


def judge_slo(slo: Slo, records: Sequence[Record], elapsed_s: float) -> SloResult:
    """Hold the records, warm-up left out, against an SLO."""
    within = sum(
        each.outcome is Outcome.RIGHT and each.latency_s <= slo.limit_s for each in records
    )
    failed = sum(each.outcome in {Outcome.REFUSED, Outcome.LOST} for each in records)
    wrong = any(each.outcome is Outcome.WRONG for each in records)
    count = len(records)
    errors_are_few = failed <= slo.max_error_share * count
    return SloResult(
        # As a fraction of decimal digits: 99 of 100 are at least 0.99, whatever its binary form is.
        met=count > 0 and within >= Fraction(str(slo.p)) * count and errors_are_few and not wrong,
        shown=errors_are_few and not wrong and passes(count, count - within, slo.p),
        requests=count,
        over=count - within,
        error_share=failed / count if count else 0.0,
        goodput_per_s=within / elapsed_s if elapsed_s > 0 else 0.0,
    )


def broken(
    rules: Rules,
    counts: Counts,
    latency: Mapping[str, Latency | None],
    throughput_per_s: float,
    slo: SloResult | None,
) -> list[str]:
    """Return a sentence for each threshold that a run breaks; the SLO is one."""
    limits = rules.thresholds
    sentences = []
    for name in ("p50", "p90", "p99", "p999"):
        limit_s = getattr(limits, f"max_{name}_s")
        if limit_s is not None:
            sentences += _over(name, latency[name], limit_s)
    sentences += _under("throughput", throughput_per_s, limits.min_throughput_per_s)
    if slo is not None and rules.slo is not None:
        sentences += _under("goodput", slo.goodput_per_s, limits.min_goodput_per_s)
        if not slo.met:
            sentences.append(
                f"The SLO is broken: {slo.over} of {slo.requests} requests were not right within"
                f" {rules.slo.limit_s * 1000:g} ms, or {slo.error_share:.2%} errors are too many."
            )
    shares = {"refused": limits.max_refused_share, "lost": limits.max_lost_share}
    for name, limit in shares.items():
        share = getattr(counts, name) / counts.sent if counts.sent else 0.0
        if limit is not None and share > limit:
            sentences.append(f"{share:.2%} of the requests were {name}; {limit:.2%} is the limit.")
    return sentences


def _over(name: str, latency: Latency | None, limit_s: float) -> list[str]:
    if latency is None:
        return [f"{name} has a limit, but the sample is too small to tell it."]
    if latency.value_s > limit_s or latency.at_least:
        shown = f"{'at least ' if latency.at_least else ''}{latency.value_s * 1000:.2f} ms"
        return [f"{name} is {shown}; {limit_s * 1000:g} ms is the limit."]
    return []


def _under(name: str, value_per_s: float, limit_per_s: float | None) -> list[str]:
    if limit_per_s is None or value_per_s >= limit_per_s:
        return []
    return [f"The {name} is {value_per_s:.1f} a second; {limit_per_s:g} is the least."]
