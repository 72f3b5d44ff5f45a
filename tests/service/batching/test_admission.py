import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.batching.admission import (
    CAUTION,
    Forecast,
    budget_s,
    decide,
    forecast,
    has_room,
    level_s,
    retry_after_s,
)

seconds = st.floats(0.0, 1000.0)
workers = st.lists(seconds, min_size=1, max_size=16).map(sorted)


@pytest.mark.parametrize(
    ("work_s", "free_in_s", "level"),
    [
        (0.0, [0.3, 1.0], 0.3),
        (1.0, [0.0], 1.0),
        (1.0, [0.0, 0.0], 0.5),
        (1.0, [0.0, 5.0], 1.0),
        (7.0, [0.0, 5.0], 6.0),
    ],
)
def test_level(work_s: float, free_in_s: list[float], level: float) -> None:
    assert level_s(work_s, free_in_s) == pytest.approx(level)


@given(seconds, workers)
def test_the_level_holds_the_work(work_s: float, free_in_s: list[float]) -> None:
    level = level_s(work_s, free_in_s)
    held = sum(max(level - free_s, 0.0) for free_s in free_in_s)
    assert held == pytest.approx(work_s, abs=1e-6)


@given(seconds, seconds, workers)
def test_more_work_or_one_worker_less_is_never_sooner(
    work_s: float, more_s: float, free_in_s: list[float]
) -> None:
    level = level_s(work_s, free_in_s)
    assert level_s(work_s + more_s, free_in_s) >= level - 1e-9
    if len(free_in_s) > 1:
        assert level_s(work_s, free_in_s[1:]) >= level - 1e-9


def test_there_is_a_worker() -> None:
    with pytest.raises(ValueError, match="no workers"):
        level_s(1.0, [])


def test_what_waits_longer_than_the_budget_or_its_time_is_refused() -> None:
    one = forecast(1.0, 0.003, 0.01, [0.1, 0.2])
    assert one == pytest.approx(Forecast(0.65, 0.557, 0.003, 0.66))
    assert decide(one, 10.0, 1.0) is None
    refused = decide(one, 10.0, 0.5)
    assert refused is not None
    assert refused.reason == "queue"
    late = decide(one, 0.66 * CAUTION - 0.01, 1.0)
    assert late is not None
    assert (late.reason, late.wait_s) == ("deadline", one.wait_s)


def test_a_slow_model_has_a_queue_too() -> None:
    busy = forecast(0.0, 5.0, 5.0, [4.0, 4.5])
    assert decide(busy, 30.0, 1.0) is None  # nobody waits but for the workers themselves
    assert decide(forecast(15.0, 5.0, 5.0, [4.0, 4.5]), 30.0, 1.0) is None
    assert decide(forecast(50.0, 5.0, 5.0, [4.0, 4.5]), 300.0, 1.0) is not None


@given(seconds, seconds, workers, seconds)
def test_who_is_accepted_is_done_in_time_if_the_prediction_holds(
    ahead_s: float, alone_s: float, free_in_s: list[float], remaining_s: float
) -> None:
    predicted = forecast(ahead_s, alone_s, alone_s, free_in_s)
    if decide(predicted, remaining_s, 1.0) is None:
        assert predicted.done_s <= remaining_s
        assert predicted.behind_s <= max(1.0, 2 * alone_s)


def test_a_burst_may_wait_longer_than_a_queue_that_stays() -> None:
    assert budget_s(1.0, 0.5) == 1.0
    assert budget_s(1.0, 1.5) == 0.25


@given(st.integers(1, 5000), st.lists(st.integers(0, 9), max_size=300))
def test_by_count_nobody_takes_all_the_room(limit: int, arrivals: list[int]) -> None:
    waiting: dict[int, int] = {}
    for client in arrivals:
        total = sum(waiting.values())
        if has_room(total, waiting.get(client, 0), limit):
            waiting[client] = waiting.get(client, 0) + 1
    total = sum(waiting.values())
    assert total <= limit
    if limit > 9 and len(waiting) == 1:
        assert has_room(total, 0, limit)  # a newcomer


@given(seconds, st.floats(0.0, 1.0, exclude_max=True))
def test_who_is_refused_comes_again_later(wait_s: float, chance: float) -> None:
    assert 1 <= retry_after_s(wait_s, chance) <= wait_s + 3
