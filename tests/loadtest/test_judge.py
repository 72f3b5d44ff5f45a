"""Right or wrong: what counts as the reference's answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.judge import Judge, find_fault
from loadtest.payload import Answer, Expected
from tests.loadtest.stubs import EXPECTED, RIGHT

GOT: dict[str, Any] = json.loads(RIGHT)


def body(**changes: Any) -> bytes:
    return json.dumps({**GOT, **changes}).encode()


def labels(*predictions: Any) -> Expected:
    return Expected(model="iris", labels=True, answers={1: Answer(predictions=list(predictions))})


def values(*predictions: Any) -> Expected:
    return Expected(model="iris", labels=False, answers={1: Answer(predictions=list(predictions))})


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (RIGHT, ""),
        (body(more="is no fault"), ""),
        (body(probabilities=[[0.75 + 9e-13, 0.25]]), ""),
        (b"", "not_json"),
        (b"[1]", "not_json"),
        (RIGHT[:-1], "not_json"),
        (body(model="wine"), "model"),
        (body(version=2), "version"),
        (body(version=True), "version"),
        (body(version="1"), "version"),
        (body(predictions=["virginica"]), "predictions"),
        (body(predictions=[]), "predictions"),
        (body(predictions=["setosa", "setosa"]), "predictions"),
        (body(predictions="setosa"), "predictions"),
        (body(predictions=None), "predictions"),
        (body(classes=["virginica", "setosa"]), "classes"),
        (body(probabilities=[[0.25, 0.75]]), "probabilities"),
        (body(probabilities=[[0.75 + 2e-12, 0.25]]), "probabilities"),
        (body(probabilities=[[0.75]]), "probabilities"),
        (body(probabilities=[[0.75, None]]), "probabilities"),
        (body(probabilities=[["0.75", 0.25]]), "probabilities"),
    ],
)
def test_the_first_fault_is_named(answer: bytes, fault: str) -> None:
    assert find_fault(EXPECTED, answer) == fault


@pytest.mark.parametrize("key", sorted(GOT))
def test_nothing_may_be_missing(key: str) -> None:
    rest = {name: value for name, value in GOT.items() if name != key}
    assert find_fault(EXPECTED, json.dumps(rest).encode()) == key


@pytest.mark.parametrize("right", [1, 1.0, True, "1"])
@pytest.mark.parametrize("got", [1, 1.0, True, "1"])
def test_a_label_has_the_type_that_it_has_in_the_model(right: Any, got: Any) -> None:
    fault = find_fault(labels(right), body(predictions=[got]))
    assert (fault == "") == (type(right) is type(got))


@pytest.mark.parametrize(
    ("right", "got", "is_right"),
    [
        (1e6, 1e6 + 9e-7, True),  # relative above 1
        (1e6, 1e6 + 2e-6, False),
        (1e-3, 1e-3 + 9e-13, True),  # absolute below
        (1e-3, 1e-3 + 2e-12, False),
        (2.0, 2, True),
        (1.0, True, False),
        (-5.0, 5.0, False),
    ],
)
def test_values_are_close_by_their_magnitude(right: float, got: Any, is_right: bool) -> None:
    assert (find_fault(values(right), body(predictions=[got])) == "") is is_right


@given(st.floats(-1e12, 1e12))
def test_a_value_is_right_if_json_carried_it_unchanged(value: float) -> None:
    assert find_fault(values(value), body(predictions=[value])) == ""
    wrong = value + 3e-12 * max(1.0, abs(value))
    assert find_fault(values(value), body(predictions=[wrong])) == "predictions"


def test_during_a_swap_each_version_is_held_to_its_own_answer() -> None:
    both = Expected(
        model="iris",
        labels=True,
        answers={1: Answer(predictions=["a"]), 2: Answer(predictions=["b"])},
    )
    assert find_fault(both, body(version=1, predictions=["a"])) == ""
    assert find_fault(both, body(version=2, predictions=["b"])) == ""
    assert find_fault(both, body(version=2, predictions=["a"])) == "predictions"


def test_what_was_judged_once_is_judged_alike_and_by_its_own_request() -> None:
    judge = Judge([labels("a"), labels("b")])
    answer = body(predictions=["a"])
    assert [judge.fault(0, answer), judge.fault(0, answer)] == ["", ""]
    assert [judge.fault(1, answer), judge.fault(1, answer)] == ["predictions", "predictions"]
