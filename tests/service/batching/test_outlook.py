from hypothesis import given
from hypothesis import strategies as st

from service.batching.outlook import AIM_S, LONG_S, MOST_PARTS, PAYS_S, Outlook, parts_wanted

LARGE_BYTES = 1 << 30


def test_short_requests_stay_whole() -> None:
    assert parts_wanted(Outlook(2, 0.9 * PAYS_S), 2, LARGE_BYTES) == 1
    assert parts_wanted(Outlook(2, PAYS_S), 2, LARGE_BYTES) == 2


def test_nobody_shares_if_nobody_is_free() -> None:
    for idle in (0, 1):
        assert parts_wanted(Outlook(idle, 0.9 * LONG_S), 2, LARGE_BYTES) == 1
        assert parts_wanted(Outlook(idle, 1.1 * LONG_S), 2, LARGE_BYTES) == 4


def test_a_lone_worker_takes_long_ones_in_parts() -> None:
    assert parts_wanted(Outlook(1, 0.1), 1, LARGE_BYTES) == 5


def test_small_bodies_have_few_parts() -> None:
    assert parts_wanted(Outlook(2, 60.0), 2, 3 * (16 << 10)) == 3
    assert parts_wanted(Outlook(2, 60.0), 2, 100) == 1


def test_a_long_call_is_not_made_for_few_rows() -> None:
    assert parts_wanted(Outlook(2, 0.2, 0.195), 2, LARGE_BYTES) == 1
    assert parts_wanted(Outlook(0, 0.2, 0.1), 2, LARGE_BYTES) == 1
    assert parts_wanted(Outlook(2, 0.2, 0.1), 2, LARGE_BYTES) == 2


@given(st.floats(0, 1e6), st.floats(0, 1), st.integers(0, 64), st.integers(1, 64))
def test_parts_are_as_long_as_they_shall_be(
    work_s: float, call_s: float, idle: int, workers: int
) -> None:
    parts = parts_wanted(Outlook(idle, work_s + call_s, call_s), workers, LARGE_BYTES)
    assert 1 <= parts <= MOST_PARTS
    if 1 < parts < MOST_PARTS:
        assert parts % workers == 0
        assert call_s + work_s / parts <= 1.001 * max(AIM_S, 4 * call_s)
