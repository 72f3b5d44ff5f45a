"""Live checks: what they sample, when, and what they call a difference."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from models.containers import Containers
from models.schema import Column, TabularSchema
from models.tables import as_taken
from service.inference.live_check import FIRST_S, ROWS, SHARE, LiveCheck, differing
from service.inference.predictor import Prediction

LIMIT = 1e-12


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Double:
    """Scikit-learn answers the double of each number; the form adds an error of its own.

    Args:
        error: added to the form's answer of a row, by its value.
        takes_s: how long scikit-learn takes.
    """

    limit = LIMIT

    def __init__(self, clock: Clock, error: Any = lambda _x: 0.0, takes_s: float = 0.0) -> None:
        self._clock = clock
        self._error = error
        self._takes_s = takes_s
        self.asked: list[int] = []
        self.say: Callable[[Any, bool], Prediction] = lambda X, _: Prediction(
            None, 2 * np.asarray(X, float), None
        )

    def predict(self, X: Any, _probabilities: bool) -> Prediction:
        return Prediction(None, np.array([2 * x + self._error(x) for x in X]), None)

    def predict_by_scikit(self, X: Any, _probabilities: bool) -> Prediction:
        self.asked.append(len(X))
        self._clock.now += self._takes_s
        return self.say(X, _probabilities)


def start(**how: Any) -> tuple[Clock, LiveCheck, Double]:
    clock = Clock()
    checks = LiveCheck(clock)
    clock.now += FIRST_S
    return clock, checks, Double(clock, **how)


def offer(checks: LiveCheck, model: Double, rows: int, first: float = 0.0) -> None:
    X = np.arange(first, first + rows)
    checks.offer(3, model, X, model.predict(X, False))


def test_equal_answers_are_no_difference() -> None:
    _, checks, model = start()
    offer(checks, model, 5)
    assert checks.sample is not None
    assert checks.check() is None
    assert model.asked == [5]
    assert checks.check() is None  # there is nothing left to check
    assert model.asked == [5]


def test_a_difference_names_model_and_rows_and_no_values() -> None:
    _, checks, model = start(error=lambda x: 1e-6 if x in {71, 73} else 0.0)
    offer(checks, model, 5, first=70.0)
    found = checks.check()
    assert found is not None
    number, told = found
    assert number == 3
    assert json.loads(told) == {
        "what": "other answers than scikit-learn's", "rows": [1, 3], "of": 2,
    }  # fmt: skip


def test_only_a_few_rows_are_predicted_once_more() -> None:
    _, checks, model = start()
    offer(checks, model, 10_000)
    assert checks.check() is None
    assert model.asked == [ROWS]


def test_in_time_every_row_of_a_batch_is_looked_at() -> None:
    clock, checks, model = start()
    seen: set[float] = set()
    honest = model.say

    def noting(X: Any, wanted: bool) -> Prediction:
        seen.update(X)
        return honest(X, wanted)

    model.say = noting
    for _ in range(300):
        clock.now += 100
        offer(checks, model, 200)
        assert checks.check() is None
    assert seen == set(range(200))


def test_what_only_another_batch_size_rounds_is_no_difference() -> None:
    _, checks, model = start()
    X = np.arange(200.0)
    rounded = 2 * X + 1e-9

    def by_scikit(some: Any, _wanted: bool) -> Prediction:
        return Prediction(None, 2 * some + (1e-9 if len(some) == 200 else 0.0), None)

    model.say = by_scikit
    checks.offer(0, model, X, Prediction(None, rounded, None))
    assert checks.check() is None


def test_a_form_that_was_wrong_once_is_found_though_it_is_right_now() -> None:
    _, checks, model = start()
    X = np.arange(200.0)
    checks.offer(0, model, X, Prediction(None, 2 * X + 1e-9, None))
    assert checks.check() is not None


def test_a_model_that_fails_where_the_form_answers_is_a_difference() -> None:
    _, checks, model = start()

    def fails(_X: Any, _wanted: bool) -> Prediction:
        raise ValueError("at /secret/path")

    offer(checks, model, 3)
    model.say = fails
    found = checks.check()
    assert found is not None
    assert b"scikit-learn fails" in found[1]
    assert b"secret" not in found[1]


def test_checks_take_their_share_of_the_time_and_no_more() -> None:
    clock, checks, model = start(takes_s=0.003)
    offer(checks, model, 5)
    checks.check()
    clock.now += 0.003 / SHARE - 0.01
    offer(checks, model, 5)
    assert checks.sample is None
    clock.now += 0.02
    offer(checks, model, 5)
    assert checks.sample is not None


def test_a_worker_that_has_just_begun_checks_nothing() -> None:
    clock = Clock()
    checks, model = LiveCheck(clock), Double(clock)
    offer(checks, model, 5)
    assert checks.sample is None


def test_one_sample_at_a_time() -> None:
    _, checks, model = start()
    offer(checks, model, 5)
    first = checks.sample
    offer(checks, model, 6)
    assert checks.sample is first


@pytest.mark.parametrize(
    ("mine", "other", "rows"),
    [
        ([1.0, 2.0], [1.0, 2.0], []),
        ([1.0 + 5e-13, 2.0], [1.0, 2.0], []),
        ([1.0, 2.0 + 3e-12], [1.0, 2.0], [1]),
        ([1e15 + 100.0, 0.0], [1e15, 0.0], []),
        ([np.nan, 2.0], [1.0, 2.0], [0]),
        ([np.nan, np.inf, -np.inf, np.inf], [np.nan, np.inf, -np.inf, -np.inf], [3]),
    ],
)
def test_differing_numbers(mine: list[float], other: list[float], rows: list[int]) -> None:
    given, expected = (Prediction(None, np.array(one), None) for one in (mine, other))
    assert differing(given, expected, LIMIT).tolist() == rows


def test_differing_labels_and_probabilities() -> None:
    labels, others = np.array([0, 1, 2], np.int32), np.array([0, 2, 2], np.int32)
    same = np.full((3, 2), 0.5)
    moved = same.copy()
    moved[2, 1] += 1e-9
    mine, other = Prediction(labels, None, same), Prediction(others, None, moved)
    assert differing(mine, other, LIMIT).tolist() == [1, 2]
    # Probabilities that nobody asked for are not there.
    assert differing(mine, Prediction(labels, None, None), LIMIT).tolist() == []


def test_what_was_not_checked_yet_is_forgotten_with_its_model() -> None:
    _, checks, model = start()
    offer(checks, model, 5)
    checks.forget(4)
    assert checks.sample is not None
    checks.forget(3)
    assert checks.sample is None


def test_unusual_columns_are_named() -> None:
    _, checks, model = start()
    schema = TabularSchema(
        container="array",
        columns=(
            Column(name="usual", dtype="float64", frame_dtype="float64", min=0.0, max=9.0),
            Column(name="beyond", dtype="float64", frame_dtype="float64", min=0.0, max=2.0),
        ),
    )
    rows = Containers(schema).rows(2, [np.array([1.0, 2.0]), np.array([1.0, 3.0])])

    def by_scikit(X: Any, _wanted: bool) -> Prediction:
        return Prediction(None, as_taken(X, "matrix").sum(axis=1), None)

    model.say = by_scikit
    model.predict = by_scikit  # type: ignore[method-assign,assignment]
    checks.offer(0, model, rows, Prediction(None, np.array([2.0, 6.0]), None))
    found = checks.check()
    assert found is not None
    assert json.loads(found[1])["unusual_columns"] == ["beyond"]
