import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.batching import policy
from service.batching.policy import (
    HANG_FLOOR_S,
    fits,
    hang_limit_s,
    is_too_late,
    next_lane,
    search_limits_s,
)


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(1, 100))
def test_a_batch_is_never_empty_nor_too_large(rows: list[int], batch_rows: int) -> None:
    taken: list[int] = []
    for size in rows:
        if not fits(sum(taken), size, batch_rows):
            assert sum(taken) + size > batch_rows
            break
        taken.append(size)
    assert taken
    assert len(taken) == 1 or sum(taken) <= batch_rows


def test_the_lane_whose_turn_it_is_is_next() -> None:
    assert next_lane({"a": (2.0, 0.0, 1.0), "b": (1.0, 5.0, 9.0)}) == "b"
    assert next_lane({"a": (1.0, 0.0, 2.0), "b": (1.0, 0.0, 1.0)}) == "b"
    assert next_lane({}) is None


@pytest.mark.parametrize(
    ("now", "predicted_s", "late"),
    [
        (10.0, 0.1, False),
        (10.3, 0.1, False),
        (10.45, 0.1, True),
        (10.0, 0.6, False),  # hopeless from the start by the prediction, which may be wrong
        (10.45, 0.6, False),
    ],
)
def test_what_cannot_be_done_any_more_is_not_begun(
    now: float, predicted_s: float, late: bool
) -> None:
    assert is_too_late(now, 10.0, 10.5, predicted_s) == late


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


@given(
    hang_s=st.floats(1.0, 20.0), remaining_s=st.floats(-1.0, 300.0), ceiling_s=st.floats(1.0, 60.0)
)
def test_a_search_ends_itself_before_it_is_ended(
    hang_s: float, remaining_s: float, ceiling_s: float
) -> None:
    search_s, limit_s = search_limits_s(hang_s, remaining_s, ceiling_s)
    assert limit_s >= hang_s
    assert limit_s <= max(hang_s, ceiling_s)
    assert 0.0 <= search_s <= limit_s / 2
    assert search_s <= max(remaining_s, 0.0) / 2
    if remaining_s > 0.01:
        assert search_s > 0.0


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
