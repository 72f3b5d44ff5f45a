"""Which rates a search tries, with a fleet whose capacity is known."""

from collections.abc import Callable, Iterable

import pytest

from loadtest.search.bracket import CONFIRMING_SHARE, Found, search
from loadtest.search.command import exit_code
from loadtest.search.probe import Probe


def made(rate_per_s: float, sustained: bool, valid: bool = True) -> Probe:
    return Probe(rate_per_s, sustained, valid, (), rate_per_s, None, None, 1, 0, 0.0)


def searched(
    sustains: Callable[[float, int], bool], start_per_s: float = 10.0, most_per_s: float = 1e6
) -> tuple[Found, list[float]]:
    tried: list[float] = []

    def attempt(rate_per_s: float, number: int) -> Probe:
        assert number == len(tried)  # so that every try has a seed of its own
        tried.append(rate_per_s)
        return made(rate_per_s, sustains(rate_per_s, number))

    return search(attempt, start_per_s, most_per_s), tried


@pytest.mark.parametrize("capacity", [3.0, 10.0, 99.0, 1234.5])
def test_the_rate_is_within_two_percent_below_the_capacity(capacity: float) -> None:
    found, tried = searched(lambda rate, n: rate <= capacity)
    assert found.rate_per_s is not None
    assert found.broke_at_per_s is not None
    assert found.rate_per_s <= capacity < found.broke_at_per_s
    assert found.broke_at_per_s - found.rate_per_s <= 0.02 * found.rate_per_s
    assert tried[-3:] == [CONFIRMING_SHARE * found.rate_per_s] * 3
    assert exit_code(found) == 0


def test_it_doubles_first_and_then_halves_the_gap() -> None:
    _, tried = searched(lambda rate, n: rate <= 50)
    assert tried[:6] == [10, 20, 40, 80, 60, 50]


def test_nothing_sustained_ends_with_nothing() -> None:
    found, tried = searched(lambda rate, n: False)
    assert (found.rate_per_s, exit_code(found)) == (None, 1)
    assert min(tried) >= 10 / 64
    assert len(tried) < 10


def test_the_highest_rate_allowed_is_no_limit_of_the_fleet() -> None:
    found, tried = searched(lambda rate, n: True, most_per_s=100.0)
    assert (found.rate_per_s, found.broke_at_per_s, found.limit) == (100.0, None, "most")
    assert max(tried) == 100.0


def test_luck_that_is_not_confirmed_is_taken_back() -> None:
    """A fleet that holds 80 now and then, and 40 always."""
    lucky = {3}  # the probe of 80

    def sustains(rate_per_s: float, number: int) -> bool:
        return rate_per_s <= 40 or number in lucky

    found, _ = searched(sustains)
    assert found.rate_per_s is not None
    assert 39 <= found.rate_per_s <= 40
    assert len(found.confirmations) == 3


def test_a_generator_that_is_the_limit_is_told_of() -> None:
    def attempt(rate_per_s: float, number: int) -> Probe:
        return made(rate_per_s, sustained=rate_per_s <= 70, valid=rate_per_s <= 70)

    found = search(attempt, 10.0, 1e6)
    assert found.limit == "generator"
    assert exit_code(found) == 3


def test_a_generator_that_is_late_from_the_start_ends_the_search_at_once() -> None:
    tried: list[float] = []

    def attempt(rate_per_s: float, number: int) -> Probe:
        tried.append(rate_per_s)
        return made(rate_per_s, sustained=False, valid=False)

    found = search(attempt, 10.0, 1e6)
    assert tried == [10.0, 10.0]
    assert (found.rate_per_s, found.limit, exit_code(found)) == (None, "generator", 3)


def test_one_busy_moment_is_no_limit() -> None:
    tried: list[float] = []

    def attempt(rate_per_s: float, number: int) -> Probe:
        tried.append(rate_per_s)
        valid = number != 2
        return made(rate_per_s, sustained=valid and rate_per_s <= 100, valid=valid)

    found = search(attempt, 10.0, 1e6)
    assert tried[:5] == [10, 20, 40, 40, 80]
    assert found.limit == "fleet"
    assert found.rate_per_s is not None
    assert 98 <= found.rate_per_s <= 100


def test_a_search_always_ends() -> None:
    """Whatever a fleet does: here it passes every probe and no confirmation."""

    def attempts(rates: Iterable[float]) -> Found:
        seen: set[float] = set(rates)

        def attempt(rate_per_s: float, number: int) -> Probe:
            again = any(abs(rate_per_s - CONFIRMING_SHARE * rate) < 1e-9 for rate in seen)
            seen.add(rate_per_s)
            return made(rate_per_s, sustained=not again and rate_per_s < 1000)

        return search(attempt, 10.0, 1e6)

    assert attempts([]).rate_per_s is None
