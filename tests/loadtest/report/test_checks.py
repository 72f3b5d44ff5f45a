"""The checks of a report agree with the verdict that the run was given."""

import pytest

from loadtest.record import Outcome
from loadtest.report.checks import checks
from loadtest.scenario import Slo, Thresholds
from tests.loadtest.report.evidence import content, record, report

SLOW = [record(number / 100, 0.05) for number in range(1000)]


@pytest.mark.parametrize(
    ("thresholds", "broken"),
    [
        ({"max_p99_s": 0.051}, None),
        ({"max_p99_s": 0.049}, "p99 at most 49 ms"),
        ({"max_p50_s": 0.06, "max_p999_s": 1.0}, "p999 at most 1,000 ms"),
        ({"min_throughput_per_s": 99.0}, None),
        ({"min_throughput_per_s": 101.0}, "throughput at least 101 a second"),
        ({"min_goodput_per_s": 99.0}, "goodput at least 99 a second"),
        ({"max_refused_share": 0.0}, None),
    ],
)
def test_a_broken_threshold_is_a_failed_check_and_no_other_is(
    thresholds: dict[str, float], broken: str | None
) -> None:
    slo = Slo(limit_s=0.04, p=0.5) if "min_goodput_per_s" in thresholds else None
    made = report(SLOW, Thresholds(**thresholds), slo)
    failed = [check.name for check in checks(content(made)) if not check.passed]
    wanted = [] if broken is None else [broken]
    assert failed == ([] if slo is None else ["the SLO is met"]) + wanted
    assert bool(failed) == bool(made.summary.broken)


def test_wrong_answers_and_a_late_generator_are_checks() -> None:
    records = [record(number / 100) for number in range(999)] + [
        record(9.99, outcome=Outcome.WRONG)
    ]
    failed = [check.name for check in checks(content(report(records))) if not check.passed]
    assert failed == ["no answer is wrong"]


def test_a_percentile_among_the_lost_is_within_no_limit() -> None:
    records = [record(number / 100) for number in range(950)]
    records += [record(9.5, 10.0, Outcome.LOST) for _ in range(50)]
    made = report(records, Thresholds(max_p99_s=20.0, max_lost_share=1.0))
    failed = [check for check in checks(content(made)) if not check.passed]
    assert [(check.name, check.said) for check in failed] == [
        ("p99 at most 20,000 ms", "at least 10,000 ms")
    ]
