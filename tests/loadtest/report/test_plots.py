"""What is drawn: points, places and words, from figures that are known."""

import math

import numpy as np
import pytest

from loadtest.record import Outcome
from loadtest.report.figures import (
    Curve,
    Estimate,
    Happening,
    Point,
    Prediction,
    Ratio,
    Variant,
)  # fmt: skip
from loadtest.report.plots.curves import goodput_plot, latency_plot
from loadtest.report.plots.lag import lag_plot
from loadtest.report.plots.percentiles import deepest_supported, nines, percentile_plot
from loadtest.report.plots.predictions import predictions_plot
from loadtest.report.plots.rates import rates_plot
from loadtest.report.plots.ratios import ratios_plot
from loadtest.report.plots.replicas import replicas_plot
from loadtest.report.plots.timeline import timeline_plot
from loadtest.report.plots.variants import variants_plot
from loadtest.report.samples import NINES, Samples, round_up
from tests.loadtest.report.evidence import record

REAL = Curve(name="two", kind="real", points=(Point(offered_per_s=10, goodput_per_s=9),))
SIMULATED = Curve(
    name="two",
    kind="simulated",
    points=(Point(offered_per_s=10, goodput_per_s=9, p99_s=0.1, valid=False),),
)


def samples(count: int, *, failed: int = 0) -> Samples:
    lost = [record(0.5, 5.0, Outcome.LOST) for _ in range(failed)]
    return Samples.of(lost + [record(number / count) for number in range(count - failed)])


@pytest.mark.parametrize(
    ("count", "name"),
    [(4, None), (5, "p50"), (29, "p90"), (59, "p95"), (298, "p95"), (299, "p99"),
     (2994, "p99"), (2995, "p99.9"), (29_956, "p99.99")],
)  # fmt: skip
def test_no_percentile_is_deeper_than_the_sample(count: int, name: str | None) -> None:
    assert deepest_supported(count) == (None if name is None else NINES[name])


def test_nines_are_as_far_apart_as_powers_of_ten() -> None:
    assert [nines(share) for share in (0.0, 0.9, 0.99)] == pytest.approx([0, 1, 2])


def test_samples_are_in_order_and_failures_have_no_latency() -> None:
    made = samples(10, failed=2)
    assert list(made.intended_s) == sorted(made.intended_s)
    assert int(np.isinf(made.latency_s).sum()) == 2
    assert made.service_s[0] == pytest.approx(made.latency_s[0] - 0.0001)
    assert len(made.after(0.5)) == int((made.intended_s >= 0.5).sum()) < 10


@pytest.mark.parametrize(("value", "wanted"), [(0.11, 0.2), (0.5, 0.5), (3, 5), (70, 100)])
def test_slices_are_of_a_round_length(value: float, wanted: float) -> None:
    assert round_up(value) == pytest.approx(wanted)


def test_slices_cover_the_run() -> None:
    made = samples(100)
    edges = made.slices()
    assert edges[0] == 0
    assert edges[-2] < made.ends_s <= edges[-1]


def test_nothing_is_drawn_of_nothing() -> None:
    none = Samples.of([])
    assert percentile_plot(none) is None
    assert timeline_plot(none, ()) is None
    assert rates_plot(none, is_open=True, limit_s=None) is None
    assert replicas_plot(none) is None
    assert lag_plot(none) is None
    assert goodput_plot([]) is None
    assert latency_plot([REAL], None) is None
    assert variants_plot([]) is None
    assert predictions_plot([]) is None
    assert ratios_plot([]) is None


def test_only_failures_leave_no_percentiles() -> None:
    assert percentile_plot(samples(100, failed=100)) is None


def test_captions_say_what_is_to_be_seen() -> None:
    happenings = (Happening(name="SIGSTOP", target="replica-1", start_s=0.2, end_s=0.5),)
    timeline = timeline_plot(samples(300, failed=3), happenings)
    assert timeline is not None
    assert "SIGSTOP replica-1 at 0.2 s to 0.5 s" in timeline.caption
    assert "wrong or lost" in timeline.caption
    percentiles = percentile_plot(samples(300))
    assert percentiles is not None
    assert percentiles.caption.startswith("300 requests support percentiles up to 99 (10 ms)")


def test_plots_of_more_than_one_kind_name_both() -> None:
    plot = goodput_plot([REAL, SIMULATED])
    assert plot is not None
    assert plot.kind == "real and simulated"
    assert "cannot vouch" in plot.caption


def test_many_replicas_are_cut_and_it_is_said() -> None:
    records = [record(number / 100, replica=number % 70) for number in range(700)]
    plot = replicas_plot(Samples.of(records))
    assert plot is not None
    assert "6 others are not drawn" in plot.caption


def test_everything_else_can_be_drawn() -> None:
    value = Estimate(value=0.1, low=0.05, high=None)
    variant = Variant(name="p2c", kind="emulated", percentiles={"p50": value}, runs=5)
    plot = variants_plot([variant])
    assert plot is not None
    assert (plot.kind, "over 5 runs" in plot.caption) == ("emulated", True)
    alone = variants_plot([Variant(name="a", kind="real", percentiles={"p50": Estimate(value=1)})])
    assert alone is not None
    assert alone.caption.startswith("Runs of each: 1; too few for intervals")
    prediction = Prediction(name="p50", simulated=0.1, measured=0.11, held_out=True)
    assert predictions_plot([prediction]) is not None
    ratio = Ratio(
        peer="flask", cell="1 row", median=0.5, low=0.4, high=0.6, peer_per_s=1, percore_per_s=2
    )
    assert ratios_plot([ratio]) is not None
    assert latency_plot([SIMULATED], 0.2) is not None
    assert lag_plot(samples(50)) is not None
    assert math.isfinite(samples(50).ends_s)
