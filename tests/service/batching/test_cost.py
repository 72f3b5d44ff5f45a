import ast
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.batching import admission, cost, fair
from service.batching.cost import CostModel, RowBytes

batches = st.lists(st.tuples(st.integers(0, 65535), st.floats(0.0, 100.0)), max_size=100)


@given(batches)
def test_a_prediction_is_never_negative_and_never_less_for_more_rows(
    finished: list[tuple[int, float]],
) -> None:
    model = CostModel()
    for rows, seconds in finished:
        model.learn(rows, seconds)
        assert model.call_s >= 0
        assert model.row_s >= 0
        assert math.isfinite(model.predict(65535))


@given(
    st.floats(0.0, 0.1),
    st.floats(1e-6, 0.01),
    st.lists(st.integers(1, 256), min_size=80, max_size=80).filter(lambda r: len(set(r)) > 20),
)
def test_a_line_is_learned(call_s: float, row_s: float, sizes: list[int]) -> None:
    model = CostModel()
    for rows in sizes:
        model.learn(rows, call_s + row_s * rows)
    for rows in (1, 100, 256):
        assert model.predict(rows) == pytest.approx(call_s + row_s * rows, rel=0.3, abs=0.002)


def test_batches_of_one_size_are_learned_too() -> None:
    model = CostModel()
    for _ in range(50):
        model.learn(1, 0.003)
    assert model.predict(1) == pytest.approx(0.003)
    assert model.predict(100) == pytest.approx(0.3)  # careful, until one has been seen
    for rows in (4, 16, 64, 128, 64, 128):
        model.learn(rows, 0.003 + rows * 0.0001)
    assert model.predict(100) < 0.06


@given(st.integers(1, 256))
def test_one_pause_of_the_machine_is_no_news(rows: int) -> None:
    model = CostModel()
    for _ in range(40):
        model.learn(rows, 0.01)
    model.learn(rows, 10.0)
    assert model.predict(rows) < 0.012


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_a_model_that_changed_is_learned_again(factor: float) -> None:
    model = CostModel()
    for _ in range(40):
        model.learn(10, 0.01)
    for _ in range(100):
        model.learn(10, 0.01 * factor)
    assert model.predict(10) == pytest.approx(0.01 * factor, rel=0.1)


@pytest.mark.parametrize(
    ("call_s", "row_s", "timeout_s", "rows"),
    [
        (0.003, 0.0001, 30.0, 256),
        (0.003, 0.0001, 0.04, 100),  # nobody waits for a batch longer than its time
        (0.003, 0.005, 30.0, 20),
        (2.0, 0.005, 30.0, 256),
        (0.1, 5.0, 30.0, 1),
        (0.0, 0.0, 30.0, 256),
        (0.0, 0.0, 0.01, 256),
        (0.0, 5e-324, 30.0, 256),
        (0.0, 5e-324, 0.01, 256),
        (0.1, 5.0, -1.0, 1),
    ],
)
def test_rows_are_gathered_as_long_as_it_gains_something(
    call_s: float, row_s: float, timeout_s: float, rows: int
) -> None:
    assert CostModel(call_s, row_s).batch_rows(256, timeout_s) == rows


@given(st.integers(1, 256), st.integers(1, 256))
def test_shares_of_a_full_batch_are_the_batch(rows: int, batch_rows: int) -> None:
    model = CostModel()
    shares = batch_rows * model.share_s(1, batch_rows)
    assert shares == pytest.approx(model.predict(batch_rows))
    assert model.share_s(rows, batch_rows) <= model.predict(rows) + 1e-12


def test_a_length_tells_the_rows() -> None:
    known = RowBytes()
    assert known.rows(10_000) == 1
    for _ in range(100):
        known.learn(1000, 10)
    known.learn(0, 0)
    assert known.rows(10_000) == 100
    assert known.rows(0) == 1


@pytest.mark.parametrize("module", [admission, cost, fair])
def test_what_decides_knows_no_clock_and_no_loop(module: object) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
        )
    }
    assert imported <= {"collections", "collections.abc", "heapq", "math", "typing"}
