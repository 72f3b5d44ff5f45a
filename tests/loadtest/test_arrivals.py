"""Arrival schedules."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammainc

from loadtest.arrivals import (
    constant_arrivals,
    gamma_arrivals,
    poisson_arrivals,
    read_trace,
    schedule,
)
from loadtest.errors import ScenarioError
from loadtest.scenario import ClosedLoad, MlperfLoad, OpenLoad, Ramp, Spike, TraceLoad


def test_gaps_have_the_mean_and_spread_of_an_exponential() -> None:
    gaps = np.diff(poisson_arrivals(100.0, 1000.0, seed=3))
    # 100,000 gaps: both estimates are within four standard errors of 0.01 s.
    assert gaps.mean() == pytest.approx(0.01, rel=0.013)
    assert gaps.std() == pytest.approx(0.01, rel=0.02)
    # P(gap > mean) = 1/e: an evenly spaced schedule has nothing there, a uniform one half.
    assert (gaps > 0.01).mean() == pytest.approx(np.exp(-1), abs=0.007)


def test_the_seed_decides_the_schedule() -> None:
    same = poisson_arrivals(50.0, 10.0, seed=1)
    assert np.array_equal(same, poisson_arrivals(50.0, 10.0, seed=1))
    assert not np.array_equal(same[:10], poisson_arrivals(50.0, 10.0, seed=2)[:10])


@settings(max_examples=50)
@given(rate=st.floats(0.01, 500), duration=st.floats(0.01, 20), seed=st.integers(0, 1000))
def test_arrivals_ascend_inside_the_duration(rate: float, duration: float, seed: int) -> None:
    starts = poisson_arrivals(rate, duration, seed)
    assert np.all(np.diff(starts) >= 0)
    assert np.all((starts >= 0) & (starts < duration))


def test_the_schedule_reaches_to_the_end() -> None:
    # Of many seeds, some first draw of gaps is too short and must be continued.
    for seed in range(300):
        starts = poisson_arrivals(1000.0, 1.0, seed)
        assert starts[-1] > 0.98
        assert 800 < len(starts) < 1200


def test_gamma_gaps_have_their_mean_and_their_coefficient_of_variation() -> None:
    gaps = np.diff(gamma_arrivals(100.0, 3.0, 1000.0, seed=5))
    assert gaps.mean() == pytest.approx(0.01, rel=0.04)
    assert gaps.std() / gaps.mean() == pytest.approx(3.0, rel=0.05)
    # P(gap < mean) of a gamma law with shape 1/9: bursts, which 1 - 1/e of Poisson is not.
    assert (gaps < 0.01).mean() == pytest.approx(gammainc(1 / 9, 1 / 9), abs=0.01)


def test_gamma_with_a_coefficient_of_one_is_poisson() -> None:
    assert np.array_equal(gamma_arrivals(50.0, 1.0, 9.0, 1), poisson_arrivals(50.0, 9.0, 1))


def test_constant_arrivals_are_even_and_as_many_as_promised() -> None:
    starts = constant_arrivals(40.0, 2.5)
    assert len(starts) == 100
    assert starts == pytest.approx(np.arange(100) / 40)
    assert constant_arrivals(3.0, 0.01) == pytest.approx([0.0])


def test_a_ramp_has_the_area_under_it_and_grows_as_it_says() -> None:
    load = OpenLoad(
        rate_per_s=100,
        duration_s=10,
        arrivals="constant",
        shape=Ramp(kind="ramp", to_rate_per_s=300),
    )
    starts = schedule(load)
    assert len(starts) == 2000
    # After t seconds there were 100 t + 10 t^2 arrivals.
    for moment in (2.5, 5.0, 7.5):
        assert (starts < moment).sum() == pytest.approx(100 * moment + 10 * moment**2, abs=1)
    assert np.all(np.diff(starts) > 0)


@pytest.mark.parametrize("arrivals", ["poisson", "constant", "gamma"])
def test_a_spike_is_where_it_should_be(arrivals: Literal["poisson", "constant", "gamma"]) -> None:
    load = OpenLoad(
        rate_per_s=1000,
        duration_s=30,
        arrivals=arrivals,
        seed=2,
        shape=Spike(kind="spike", rate_per_s=5000, at_s=10, for_s=5),
    )
    starts = schedule(load)
    counts = np.histogram(starts, bins=[0, 10, 15, 30])[0]
    assert counts == pytest.approx([10_000, 25_000, 15_000], rel=0.06)
    assert starts[-1] < 30


def test_a_bent_poisson_process_is_poisson_in_each_part() -> None:
    load = OpenLoad(
        rate_per_s=100,
        duration_s=400,
        seed=4,
        shape=Spike(kind="spike", rate_per_s=400, at_s=200, for_s=200),
    )
    late = schedule(load)
    late = late[late > 200]
    gaps = np.diff(late)
    assert gaps.mean() == pytest.approx(1 / 400, rel=0.02)
    assert gaps.std() == pytest.approx(1 / 400, rel=0.02)


def test_a_trace_is_replayed_at_its_speed_and_cut_where_the_load_ends(tmp_path: Path) -> None:
    path = tmp_path / "trace.txt"
    path.write_text("# seconds\n0.5\n\n1.0\n1.0\n4\n", encoding="utf-8")
    load = TraceLoad(file=path, duration_s=1.0, speed=2.0)
    assert schedule(load).tolist() == [0.25, 0.5, 0.5]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1\nsoon\n", "line 2: not a number of seconds"),
        ("2\n1\n", "line 2: before the line above it"),
        ("-1\n", "line 1: before"),
        ("nan\n", "line 1: before"),
        ("99\n", "has 0 arrivals before 10 s"),
    ],
)
def test_a_trace_that_makes_no_sense_is_a_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "trace.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=sentence):
        read_trace(path, 1.0, 10.0)


def test_mlperfs_server_is_poisson_and_a_closed_load_has_no_schedule() -> None:
    server = MlperfLoad(scenario="Server", rate_per_s=50.0, duration_s=10, seed=3)
    assert np.array_equal(schedule(server), poisson_arrivals(50.0, 10.0, 3))
    for load in (ClosedLoad(connections=1, duration_s=1), MlperfLoad(scenario="Offline")):
        with pytest.raises(ValueError, match="no schedule"):
            schedule(load)


@pytest.mark.parametrize(("at_s", "for_s"), [(0.0, 2.0), (8.0, 2.0), (0.0, 10.0)])
def test_a_spike_may_begin_or_end_with_the_load(at_s: float, for_s: float) -> None:
    shape = Spike(kind="spike", rate_per_s=900, at_s=at_s, for_s=for_s)
    load = OpenLoad(rate_per_s=100, duration_s=10, arrivals="constant", shape=shape)
    starts = schedule(load)
    assert len(starts) == pytest.approx(900 * for_s + 100 * (10 - for_s), abs=1)
    inside = (starts >= at_s) & (starts < at_s + for_s)
    assert inside.sum() == pytest.approx(900 * for_s, abs=1)
