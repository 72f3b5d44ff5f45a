from hypothesis import given
from hypothesis import strategies as st

from service.inference.restarts import BURST, LONGEST_PAUSE_S, WINDOW_S, pause_s


def test_a_burst_costs_no_pause() -> None:
    deaths = [10.0 + i / BURST for i in range(BURST)]
    assert pause_s(deaths, 11.0, 0.5) == 0.0


def test_two_kills_a_second_for_ever_cost_no_pause() -> None:
    deaths = [i * 0.5 for i in range(1000)]
    assert all(pause_s(deaths[: i + 1], deaths[i], 1.0) == 0.0 for i in range(1000))


def test_a_crash_loop_is_slowed_down_more_and_more() -> None:
    pauses = [pause_s([0.0] * (BURST + i), 0.1, 1.0) for i in range(12)]
    assert pauses[0] == 0.0
    assert pauses[1] > 0.0
    assert pauses[1:] == sorted(pauses[1:])
    assert pauses[-1] == LONGEST_PAUSE_S


@given(st.lists(st.floats(0, 100)), st.floats(0, 200), st.floats(0, 1))
def test_the_pause_is_bounded(deaths: list[float], now: float, jitter: float) -> None:
    assert 0.0 <= pause_s(sorted(deaths), now, jitter) <= LONGEST_PAUSE_S


def test_what_is_long_ago_is_forgotten() -> None:
    assert pause_s([0.0] * 100, WINDOW_S + 0.1, 1.0) == 0.0
