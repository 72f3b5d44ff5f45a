from hypothesis import given
from hypothesis import strategies as st

from service.many.spreading import choose


def test_the_fewest_connections_win() -> None:
    assert choose({0: 3, 1: 2, 2: 5}, last=0) == 1


def test_among_equals_it_goes_round() -> None:
    last, seen = -1, []
    for _ in range(5):
        last = choose({0: 7, 1: 7, 2: 7}, last)
        seen.append(last)
    assert seen == [0, 1, 2, 0, 1]


def test_a_process_that_is_not_there_is_passed_over() -> None:
    assert choose({0: 1, 3: 1}, last=1) == 3
    assert choose({0: 1, 3: 1}, last=3) == 0


@given(
    processes=st.integers(1, 8),
    events=st.lists(st.tuples(st.booleans(), st.integers(0, 10**6)), max_size=200),
)
def test_connections_that_only_come_are_even_whatever_went_before(
    processes: int, events: list[tuple[bool, int]]
) -> None:
    """After any history, enough new connections make the counts differ by one at the most."""
    open_ = dict.fromkeys(range(processes), 0)
    last = -1
    for comes, which in events:
        if comes:
            last = choose(open_, last)
            open_[last] += 1
        else:
            one = which % processes
            open_[one] = max(open_[one] - 1, 0)
    for _ in range(processes * max(open_.values())):
        last = choose(open_, last)
        open_[last] += 1
    assert max(open_.values()) - min(open_.values()) <= 1
