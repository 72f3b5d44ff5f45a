"""Cut and join: parts in, whole out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.balancer.cutting import cut_rows, is_cuttable, join_answers

JSON = b"application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "path", "kind", "can"),
    [
        (b"POST", b"/v1/models/m:predict", JSON, True),
        (b"POST", b"/v1/models/m/versions/2:predict?probabilities=true", JSON, True),
        (b"POST", b"/v1/models/m/labels/production:predict", JSON, True),
        (b"GET", b"/v1/models/m:predict", JSON, False),
        (b"POST", b"/v1/models/m:predict", b"text/csv", False),
        (b"POST", b"/v2/models/m/infer", JSON, False),
        (b"POST", b"/v1/models/m", JSON, False),
    ],
)
def test_predictions_in_json_can_be_cut(method: bytes, path: bytes, kind: bytes, can: bool) -> None:
    assert is_cuttable(method, path, kind) is can


@pytest.mark.parametrize(
    ("rows", "parts", "least", "sizes"),
    [
        (10, 3, 1, [3, 3, 4]),
        (10, 3, 4, [5, 5]),
        (10, 2, 5, [5, 5]),
        (9, 4, 5, None),
        (10, 1, 1, None),
        (1, 4, 1, None),
    ],
)
def test_parts_are_even_and_not_too_small(
    rows: int, parts: int, least: int, sizes: list[int] | None
) -> None:
    body = json.dumps({"instances": list(range(rows)), "x": 1}).encode()
    cut = cut_rows(body, parts, least)
    if sizes is None:
        assert cut is None
        return
    assert cut is not None
    read = [json.loads(part) for part in cut]
    assert [len(part["instances"]) for part in read] == sizes
    assert [row for part in read for row in part["instances"]] == list(range(rows))
    assert {part["x"] for part in read} == {1}


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"{}", b'{"instances": 3}', b'{"inputs": {}}', b'{"instances":[NaN,1]}']
)
def test_what_is_not_of_the_form_is_left_alone(body: bytes) -> None:
    assert cut_rows(body, 4, 1) is None


def answer(rows: list[Any], **more: Any) -> bytes:
    return json.dumps({"model": "m", "version": 1, "predictions": rows, **more}).encode()


@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), min_size=2))
def test_joined_numbers_are_the_parts_numbers_to_the_last_bit(parts: list[list[float]]) -> None:
    joined = join_answers([answer(part) for part in parts])
    assert joined is not None
    assert json.loads(joined)["predictions"] == [value for part in parts for value in part]


def test_probabilities_and_classes_are_joined_as_one_replica_would_say_them() -> None:
    parts = [
        answer(["a"], classes=["a", "b"], probabilities=[[0.9, 0.1]]),
        answer(["b", "a"], classes=["a", "b"], probabilities=[[0.2, 0.8], [0.6, 0.4]]),
    ]
    joined = join_answers(parts)
    assert joined is not None
    assert json.loads(joined) == {
        "model": "m",
        "version": 1,
        "predictions": ["a", "b", "a"],
        "classes": ["a", "b"],
        "probabilities": [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]],
    }


def test_rows_in_warnings_are_counted_from_the_whole_s_first() -> None:
    def warn(*rows: int) -> list[dict[str, Any]]:
        return [{"row": row, "column": "c", "kind": "unknown", "message": "m"} for row in rows]

    joined = join_answers(
        [answer([1, 2], warnings=warn(1)), answer([3]), answer([4, 5], warnings=warn(0, 1))]
    )
    assert joined is not None
    assert json.loads(joined)["warnings"] == warn(1, 3, 4)


def test_a_hundred_warnings_are_told_and_the_others_counted() -> None:
    lines = [{"row": row, "column": "c"} for row in range(70)]
    joined = join_answers([answer([0] * 70, warnings=lines, warnings_left_out=5)] * 2)
    assert joined is not None
    told = json.loads(joined)
    assert len(told["warnings"]) == 100
    assert told["warnings_left_out"] == 50


@pytest.mark.parametrize(
    "other",
    [
        b'{"model":"m","version":2,"predictions":[1]}',
        b'{"model":"m","version":1,"predictions":[1],"probabilities":[[1]]}',
        b'{"model":"m","version":1,"predictions":[1],"new_key":[1]}',
        b'{"model":"m","version":1}',
        b"not json",
        b"[]",
    ],
)
def test_what_does_not_fit_together_is_not_put_together(other: bytes) -> None:
    assert join_answers([answer([1]), other]) is None
    assert join_answers([other, answer([1])]) is None
