"""Who is ejected for failing, for how long, and how many at once."""

import pytest

from loadtest.balancer.ejection import Ejection, Ejector


def fail(ejector: Ejector, replica: str, times: int, now_s: float) -> list[bool]:
    return [ejector.observe(replica, now_s, failed=True) for _ in range(times)]


def test_only_failures_in_a_row_eject() -> None:
    ejector = Ejector("ab", Ejection(consecutive_failures=3))
    assert fail(ejector, "a", 2, 0.0) == [False, False]
    ejector.observe("a", 0.0, failed=False)
    assert fail(ejector, "a", 3, 0.0) == [False, False, True]
    assert ejector.ejected("a", 0.0)
    assert not ejector.ejected("b", 0.0)


def test_each_ejection_is_longer_up_to_a_cap() -> None:
    ejector = Ejector("ab", Ejection(consecutive_failures=1, base_s=5.0, max_s=12.0))
    now_s, lengths = 0.0, []
    for _ in range(4):
        fail(ejector, "a", 1, now_s)
        began_s = now_s
        while ejector.ejected("a", now_s):
            now_s += 0.5
        lengths.append(now_s - began_s)
    assert lengths == [5.0, 10.0, 12.0, 12.0]


def test_good_time_after_an_ejection_is_counted_in_its_favour() -> None:
    ejector = Ejector("ab", Ejection(consecutive_failures=1, base_s=5.0))
    fail(ejector, "a", 1, 0.0)
    fail(ejector, "a", 1, 5.0)  # until 15
    fail(ejector, "a", 1, 21.0)  # five good seconds: the third ejection is as long as the second
    assert ejector.ejected("a", 30.9)
    assert not ejector.ejected("a", 31.0)


@pytest.mark.parametrize(("share", "most"), [(0.0, 1), (0.1, 1), (0.5, 2), (0.75, 3), (1.0, 4)])
def test_no_more_than_a_share_is_ejected_at_once_and_one_always_may(
    share: float, most: int
) -> None:
    ejector = Ejector("abcd", Ejection(consecutive_failures=1, base_s=5.0, max_share=share))
    ejected = [fail(ejector, replica, 1, 0.0)[0] for replica in "abcd"]
    assert sum(ejected) == most
    # When the first is back there is room for another.
    assert fail(ejector, "d", 1, 5.0) == [True]


def test_failures_while_ejected_do_not_make_it_longer() -> None:
    ejector = Ejector("ab", Ejection(consecutive_failures=1, base_s=5.0))
    fail(ejector, "a", 1, 0.0)
    assert fail(ejector, "a", 5, 1.0) == [False] * 5
    assert not ejector.ejected("a", 5.0)


def test_who_comes_back_is_on_trial_and_its_next_end_decides() -> None:
    ejector = Ejector("ab", Ejection(consecutive_failures=5, base_s=5.0))
    assert fail(ejector, "a", 5, 0.0)[-1]
    assert fail(ejector, "a", 1, 5.0) == [True]
    assert ejector.ejected("a", 14.9)
    ejector.observe("a", 15.0, failed=False)  # it is well again: five in a row, as before
    assert fail(ejector, "a", 5, 15.1) == [False, False, False, False, True]


def test_failures_of_requests_sent_before_an_ejection_do_not_count_after_it() -> None:
    ejector = Ejector("ab", Ejection(consecutive_failures=3, base_s=5.0))
    fail(ejector, "a", 3, 0.0)
    fail(ejector, "a", 2, 4.0)
    ejector.observe("a", 5.0, failed=False)
    assert fail(ejector, "a", 2, 5.0) == [False, False]
