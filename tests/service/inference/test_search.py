from math import ceil, log2

import pytest

from service.inference.search import Found, search


def asked(rows: int, bad: set[int], calls_left: int = 10**9) -> tuple[Found[range], int]:
    """Return what was found among rows of which some fail, and how many calls it took."""
    calls = 0

    def ask(start: int, stop: int) -> range:
        nonlocal calls
        calls += 1
        if bad & set(range(start, stop)):
            raise RuntimeError
        return range(start, stop)

    return search(rows, ask, lambda: calls >= calls_left), calls


def answered(found: Found[range]) -> list[int]:
    assert all(part.start == start for start, part in found.answers)
    return [row for _, part in found.answers for row in part]


@pytest.mark.parametrize(
    ("rows", "bad"),
    [(0, set()), (1, set()), (1, {0}), (7, {0, 6}), (8, set(range(8))), (100, {3, 4, 50, 99})],
)
def test_each_row_is_answered_or_failed(rows: int, bad: set[int]) -> None:
    found, _ = asked(rows, bad)
    assert answered(found) == sorted(set(range(rows)) - bad)
    assert found.failed == sorted(bad)
    assert found.undecided == []


def test_rows_without_failures_are_one_call() -> None:
    assert asked(1000, set())[1] == 1


@pytest.mark.parametrize("bad", [0, 123, 999])
def test_one_bad_row_is_found_by_halves(bad: int) -> None:
    found, calls = asked(1000, {bad})
    assert found.failed == [bad]
    assert calls <= 2 * ceil(log2(1000)) + 1


def test_what_is_not_decided_in_time_is_said() -> None:
    found, calls = asked(64, {5, 60}, calls_left=4)
    assert calls == 4
    assert found.undecided
    assert sorted([*answered(found), *found.failed, *found.undecided]) == list(range(64))


def test_all_together_are_asked_even_without_time() -> None:
    found, calls = asked(64, set(), calls_left=0)
    assert calls == 1
    assert answered(found) == list(range(64))
