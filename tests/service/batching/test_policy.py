import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.batching import policy
from service.batching.policy import (
    HANG_FLOOR_S,
    batch_length,
    hang_limit_s,
    may_queue,
    next_lane,
)


@pytest.mark.parametrize(
    ("rows", "max_rows", "count"),
    [
        ([1, 1, 1], 10, 3),
        ([1, 1, 1], 2, 2),
        ([5, 5, 5], 10, 2),
        ([5, 6], 10, 1),
        ([100, 1], 10, 1),
        ([], 10, 0),
    ],
)
def test_batch_length(rows: list[int], max_rows: int, count: int) -> None:
    assert batch_length(rows, max_rows) == count


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(1, 100))
def test_a_batch_is_never_empty_nor_too_large(rows: list[int], max_rows: int) -> None:
    count = batch_length(rows, max_rows)
    assert count >= 1
    assert count == 1 or sum(rows[:count]) <= max_rows
    if count < len(rows) and sum(rows[:count]) < max_rows:
        assert sum(rows[: count + 1]) > max_rows


@given(st.lists(st.integers(1, 50)), st.integers(1, 100))
def test_every_request_travels_once_and_in_order(rows: list[int], max_rows: int) -> None:
    travelled: list[int] = []
    waiting = list(rows)
    while waiting:
        count = batch_length(waiting, max_rows)
        travelled += waiting[:count]
        del waiting[:count]
    assert travelled == rows


def test_the_lane_whose_request_waited_longest_is_next() -> None:
    assert next_lane({"a": 2.0, "b": 1.0}) == "b"
    assert next_lane({}) is None


def test_the_queue_is_bounded() -> None:
    assert may_queue(9, 10)
    assert not may_queue(10, 10)


seconds = st.floats(0.0, 1000.0)


@given(seconds, st.floats(-10.0, 1000.0), st.floats(1.0, 100.0))
def test_a_hang_is_seen_in_time_and_nothing_else_is(
    expected_s: float, remaining_s: float, ceiling_s: float
) -> None:
    limit = hang_limit_s(expected_s, remaining_s, ceiling_s)
    assert limit <= ceiling_s
    if expected_s == 0.0:
        assert limit == ceiling_s
    else:
        assert limit >= min(ceiling_s, HANG_FLOOR_S, 5 * expected_s)  # haste ends no good batch
    if 0.0 < expected_s < 0.01 and remaining_s > 10 * HANG_FLOOR_S:
        assert limit <= 0.4 * remaining_s  # a retry still fits


def test_the_policy_knows_no_clock_and_no_loop() -> None:
    tree = ast.parse(Path(policy.__file__).read_text(encoding="utf-8"))
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in (
            node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "")]
        )
    }
    assert imported <= {"collections", "typing"}
