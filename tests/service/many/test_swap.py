"""The two phases, with every way in which each process can take them."""

import itertools

import pytest

from service.many.swap import Abandon, Flip, Outcome, Release, after_flip, after_prepare

DONE, FAILED, LATE, GONE = Outcome.DONE, Outcome.FAILED, Outcome.LATE, Outcome.GONE


@pytest.mark.parametrize("outcomes", list(itertools.product(Outcome, repeat=3)))
def test_nobody_flips_unless_all_that_are_left_can(outcomes: tuple[Outcome, ...]) -> None:
    step = after_prepare({number: (how, "why") for number, how in enumerate(outcomes)})
    left = frozenset(number for number, how in enumerate(outcomes) if how is not GONE)
    can = bool(left) and all(outcomes[number] is DONE for number in left)
    assert isinstance(step, Flip if can else Abandon)
    assert step.processes == left


@pytest.mark.parametrize("outcomes", list(itertools.product([DONE, LATE, GONE], repeat=3)))
def test_those_that_flipped_are_released_and_those_that_are_late_ended(
    outcomes: tuple[Outcome, ...],
) -> None:
    step = after_flip(dict(enumerate(outcomes)))
    assert step == Release(
        end=frozenset(number for number, how in enumerate(outcomes) if how is LATE),
        processes=frozenset(number for number, how in enumerate(outcomes) if how is DONE),
    )


def test_the_reason_is_that_of_the_first_that_failed() -> None:
    step = after_prepare({2: (FAILED, "second"), 1: (FAILED, "first"), 0: (DONE, "")})
    assert step == Abandon(frozenset({0, 1, 2}), "first")


def test_a_late_one_and_an_empty_crew_have_reasons_of_their_own() -> None:
    late = after_prepare({0: (DONE, ""), 1: (LATE, "")})
    assert isinstance(late, Abandon)
    assert "in time" in late.reason
    gone = after_prepare({0: (GONE, "")})
    assert isinstance(gone, Abandon)
    assert "ended" in gone.reason
    assert after_prepare({}) == Abandon(frozenset(), gone.reason)
