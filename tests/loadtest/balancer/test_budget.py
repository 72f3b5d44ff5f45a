"""How many extra requests the balancer may make."""

import pytest

from loadtest.balancer.budget import Budget, Retries


def taken(budget: Budget, tries: int) -> int:
    return sum(budget.take() for _ in range(tries))


@pytest.mark.parametrize(("active", "most"), [(0, 3), (10, 3), (15, 3), (20, 4), (100, 20)])
def test_a_fifth_of_what_is_active_may_be_extra_and_three_always_may(
    active: int, most: int
) -> None:
    budget = Budget(Retries())
    budget.active = active
    assert taken(budget, 50) == most
    budget.give_back()
    assert taken(budget, 50) == 1


def test_nothing_is_given_back_that_was_not_taken() -> None:
    with pytest.raises(ValueError, match="no extra request"):
        Budget(Retries()).give_back()


def test_the_throttle_is_grpc_s() -> None:
    """Tokens 10: allowed while more than 5 are there; a failure costs 1, a success gives 0.1."""
    budget = Budget(Retries(tokens=10, tokens_ratio=0.1, least=1000))
    for _ in range(4):
        budget.observe(failed=True)
    assert (budget.tokens, budget.take()) == (6.0, True)
    budget.observe(failed=True)
    assert (budget.tokens, budget.take()) == (5.0, False)
    for _ in range(20):
        budget.observe(failed=True)
    assert budget.tokens == 0.0
    for _ in range(51):
        budget.observe(failed=False)
    assert budget.take()
    for _ in range(1000):
        budget.observe(failed=False)
    assert budget.tokens == 10.0
