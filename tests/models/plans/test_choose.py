"""The choice follows from verdicts and times alone, and noise does not move it."""

from collections.abc import Sequence

import pytest

from models.plans.choose import choose, limits
from models.plans.key import key_here
from models.plans.plan import SIZES, Plan, Range, Timing, Tried, Trust, words_of
from tests.models.plans.conftest import SHA

EXACT = Trust()


def tried(form: str, times: Sequence[float], **verdict: object) -> Tried:
    timings = tuple(Timing(rows=n, median_us=us) for n, us in zip(SIZES, times, strict=True))
    return Tried.model_validate({"form": form, "compared_rows": 9, "timings": timings, **verdict})


SCIKIT = tried("scikit-learn", [100, 100, 100, 100, 100])
SCIKIT_SLOW = tried("scikit-learn", [10_000] * 5)


def forms(ranges: Sequence[Range]) -> list[tuple[int | None, str]]:
    return [(one.up_to_rows, one.form) for one in ranges]


def plan(ranges: tuple[Range, ...]) -> Plan:
    return Plan.model_validate(
        {
            "name": "m",
            "version": 1,
            "created_at": "2026-01-01T00:00:00Z",
            "key": key_here(SHA),
            "trust": EXACT,
            "rows": 1,
            "thresholds": 0,
            "thresholds_met": 0,
            "tried": (SCIKIT,),
            "ranges": ranges,
        },
        strict=False,
    )


def test_each_range_has_the_fastest_form() -> None:
    lean = tried("lean", [10, 10, 50, 300, 900])
    assert forms(choose([SCIKIT, lean], EXACT)) == [(181, "lean"), (None, "scikit-learn")]


def test_the_limits_lie_between_the_sizes() -> None:
    assert [int(limit) for limit in limits()[:-1]] == [2, 22, 181, 1448]


@pytest.mark.parametrize(
    "verdict",
    [
        {"labels_differ": 1},
        {"largest_difference": 1.1e-12},
        {"objection": "predict: it raises"},
    ],
)
def test_what_is_not_verified_is_never_chosen(verdict: dict[str, object]) -> None:
    wrong = tried("lean", [1, 1, 1, 1, 1], **verdict)
    assert forms(choose([SCIKIT, wrong], EXACT)) == [(None, "scikit-learn")]


def test_a_tolerance_takes_numbers_and_no_labels() -> None:
    close = Trust(policy="close", tolerance=1e-6)
    near = tried("onnx", [1, 1, 1, 1, 1], largest_difference=1e-7)
    assert forms(choose([SCIKIT, near], close)) == [(None, "onnx")]
    assert forms(choose([SCIKIT, near], EXACT)) == [(None, "scikit-learn")]
    other = near.model_copy(update={"labels_differ": 1})
    assert forms(choose([SCIKIT, other], close)) == [(None, "scikit-learn")]


def test_off_is_scikit_learn() -> None:
    lean = tried("lean", [1, 1, 1, 1, 1])
    assert forms(choose([SCIKIT, lean], Trust(policy="off"))) == [(None, "scikit-learn")]


def test_a_form_that_is_hardly_faster_is_not_worth_it() -> None:
    lean = tried("lean", [95, 95, 95, 95, 95])
    assert forms(choose([SCIKIT, lean], EXACT)) == [(None, "scikit-learn")]


def test_a_heavy_form_must_save_what_can_be_felt_in_a_small_call() -> None:
    lean = tried("lean", [2000, 2000, 2500, 4000, 9000])
    slightly = tried("walked", [1700, 1700, 1950, 900, 1000])
    little = tried("lean", [400, 400, 900, 4000, 9000])
    clearly = tried("walked", [100, 100, 200, 900, 8900])
    assert forms(choose([SCIKIT_SLOW, lean, slightly], EXACT)) == [(None, "lean")]
    assert forms(choose([SCIKIT_SLOW, little, clearly], EXACT)) == [(None, "lean")]
    # Once it is in memory anyway, it may compute wherever it is faster.
    assert forms(choose([SCIKIT_SLOW, lean, clearly], EXACT)) == [(None, "walked")]


def test_a_heavy_form_that_was_chosen_is_not_given_up_for_noise() -> None:
    lean = tried("lean", [800] * 5)
    walked = tried("walked", [100] * 5)
    former = plan((Range(up_to_rows=None, form="walked"),))
    assert forms(choose([SCIKIT_SLOW, lean, walked], EXACT)) == [(None, "lean")]
    assert forms(choose([SCIKIT_SLOW, lean, walked], EXACT, former)) == [(None, "walked")]


def test_noise_does_not_change_an_earlier_choice() -> None:
    lean, other = tried("lean", [10] * 5), tried("treelite", [9.5] * 5)
    former = plan((Range(up_to_rows=None, form="lean"),))
    assert forms(choose([SCIKIT, other, lean], EXACT, former)) == [(None, "lean")]
    faster = tried("treelite", [5] * 5)
    assert forms(choose([SCIKIT, faster, lean], EXACT, former)) == [(None, "treelite")]


def test_an_earlier_choice_that_is_not_verified_any_more_is_dropped() -> None:
    former = plan((Range(up_to_rows=None, form="lean"),))
    lean = tried("lean", [10] * 5, labels_differ=3)
    assert forms(choose([SCIKIT, lean], EXACT, former)) == [(None, "scikit-learn")]


def test_ranges_in_words() -> None:
    ranges = (Range(up_to_rows=1, form="a"), Range(up_to_rows=22, form="b"))
    last = Range(up_to_rows=None, form="c")
    assert words_of((*ranges, last)) == "a: 1 row; b: 2 to 22 rows; c: 23 rows and more"
    assert words_of((last,)) == "c: any number of rows"
