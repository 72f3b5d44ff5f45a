"""Where the time of requests went: sums that are known."""

from dataclasses import replace

import pytest

from loadtest.record import Outcome, Record
from loadtest.report.plots.stages import stages_plot
from loadtest.report.samples import Samples
from loadtest.report.stages import LATE, PARTS, WAY, bands, named
from loadtest.report.tables import stages_table
from tests.loadtest.report.evidence import record


def told(at_s: float, queue_s: float) -> Record:
    """10 ms of a request that was sent 1 ms late, and a queue beside."""
    made = replace(record(at_s, 0.010 + queue_s), sent_s=at_s + 0.001)
    return replace(
        made, parse_s=0.0005, queue_s=queue_s, predict_s=0.004, transfer_s=0.001, encode_s=0.0005
    )


RUN = [told(number / 1000, 0.1 if number >= 900 else 0.0) for number in range(1000)]


def parts(place: int) -> dict[str, float]:
    return dict(zip(PARTS, bands(Samples.of(RUN))[place].parts_s, strict=True))


def test_each_part_is_the_mean_of_what_was_told_and_the_way_is_the_rest() -> None:
    found = parts(0)
    expected = {
        LATE: 0.001, "parse": 0.0005, "queue": 0.01, "predict": 0.004, "transfer": 0.001,
        "encode": 0.0005, WAY: 0.003,
    }  # fmt: skip
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_band_is_the_requests_about_its_percentile() -> None:
    mean, p50, p90, p99 = bands(Samples.of(RUN))
    assert [mean.name, p50.name, p90.name, p99.name] == ["mean", "p50", "p90", "p99"]
    assert (mean.requests, p50.requests, p99.requests) == (1000, 10, 10)
    assert p50.total_s == pytest.approx(0.010, rel=1e-12)
    # Half of the band about p90 waited, half did not.
    assert p90.parts_s[PARTS.index("queue")] == pytest.approx(0.05, rel=1e-12)
    assert p99.total_s == pytest.approx(0.110, rel=1e-12)


def test_only_right_answers_that_named_their_stages_count() -> None:
    silent = record(0.5, 9.0)
    wrong = replace(told(0.6, 5.0), outcome=Outcome.WRONG)
    assert bands(Samples.of([*RUN, silent, wrong])) == bands(Samples.of(RUN))
    assert bands(Samples.of([silent] * 100)) == []
    assert stages_plot([]) is None
    assert stages_table([]) is None


def test_stages_that_nobody_named_are_not_drawn() -> None:
    emulated = [replace(each, parse_s=None, transfer_s=None, encode_s=None) for each in RUN]
    found = bands(Samples.of(emulated))
    assert named(found) == [LATE, "queue", "predict", WAY]
    table = stages_table(found)
    assert table is not None
    assert table.rows[-1] == ("together", "20 ms", "10 ms", "60 ms", "110 ms")
    plot = stages_plot(found)
    assert plot is not None
    assert plot.light.startswith(b"<?xml")
