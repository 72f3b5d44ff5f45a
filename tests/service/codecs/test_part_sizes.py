import random

from hypothesis import given
from hypothesis import strategies as st

from service.codecs.part_sizes import (
    AIM_S,
    CALLS,
    LEAST_BYTES,
    LEAST_ROWS,
    MOST_BYTES,
    MOST_ROWS,
    PartSizes,
)


@given(st.lists(st.tuples(st.integers(0, 1 << 30), st.integers(0, 1 << 20), st.floats(-1, 1e9))))
def test_sizes_stay_within_their_limits(parts: list[tuple[int, int, float]]) -> None:
    sizes = PartSizes()
    for part in parts:
        sizes.learn(*part)
        assert LEAST_BYTES <= sizes.size_bytes <= MOST_BYTES
        assert LEAST_ROWS <= sizes.rows <= MOST_ROWS


@given(st.floats(2.5e-8, 3.5e-7), st.floats(8, 1000))
def test_parts_come_to_take_what_they_shall(byte_s: float, row_bytes: float) -> None:
    sizes = PartSizes()
    for _ in range(20):
        rows = max(round(sizes.size_bytes / row_bytes), 1)
        sizes.learn(sizes.size_bytes, rows, byte_s * sizes.size_bytes)
    assert abs(sizes.size_bytes * byte_s - AIM_S) < 0.1 * AIM_S


@given(st.floats(0.003, 0.05), st.floats(2e-8, 4e-7))
def test_a_call_that_takes_long_makes_parts_long(call_s: float, byte_s: float) -> None:
    sizes = PartSizes()
    for _ in range(20):
        sizes.learn(sizes.size_bytes, 100, call_s + byte_s * sizes.size_bytes)
    taken = call_s + byte_s * sizes.size_bytes
    if sizes.size_bytes < MOST_BYTES:
        assert taken >= 0.9 * max(AIM_S, CALLS * call_s)
    assert taken <= 1.1 * max(AIM_S, CALLS * call_s, call_s + byte_s * LEAST_BYTES)


def test_noise_does_not_keep_parts_small() -> None:
    drawn = random.Random(2)
    sizes = PartSizes()
    for _ in range(50):
        pause_s = drawn.choice((0.0, 0.0, 0.0, 0.03))
        sizes.learn(sizes.size_bytes, 100, 0.04 + 1e-7 * sizes.size_bytes + pause_s)
    assert sizes.size_bytes > 4 * LEAST_BYTES


def test_a_slow_first_part_shrinks_the_next_by_half_at_most() -> None:
    sizes = PartSizes()
    for _ in range(8):
        sizes.learn(sizes.size_bytes, 100, 1e-6)
    largest = sizes.size_bytes
    assert largest == MOST_BYTES
    sizes.learn(largest, 100, 60.0)
    assert sizes.size_bytes == largest // 2


def test_rows_are_known_from_the_first_batch_on() -> None:
    sizes = PartSizes()
    sizes.expect(64.0)
    assert sizes.rows == sizes.size_bytes // 64


def test_a_stream_goes_on_with_what_the_one_before_has_learned() -> None:
    former = PartSizes()
    former.expect(64.0)
    for _ in range(20):
        former.learn(former.size_bytes, 1000, 1e-7 * former.size_bytes)
    sizes = PartSizes(former)
    assert sizes.size_bytes == former.size_bytes > LEAST_BYTES
    assert sizes.row_bytes == 0.0, "another body's rows may be longer"
    sizes.expect(32.0)
    assert sizes.rows == sizes.size_bytes // 32
    former.learn(former.size_bytes, 1000, 2e-7 * former.size_bytes)
    sizes.learn(sizes.size_bytes, 2000, 2e-7 * sizes.size_bytes)
    assert sizes.size_bytes == former.size_bytes


def test_a_short_body_has_a_part_for_each_worker() -> None:
    former = PartSizes()
    for _ in range(20):
        former.learn(former.size_bytes, 1000, 1e-8 * former.size_bytes)
    assert former.size_bytes == MOST_BYTES
    sizes = PartSizes(former, 3 * LEAST_BYTES)
    for _ in range(3):
        assert sizes.size_bytes == 3 * LEAST_BYTES
        sizes.learn(sizes.size_bytes, 1000, 1e-8 * sizes.size_bytes)
    assert PartSizes(former, LEAST_BYTES // 2).size_bytes == LEAST_BYTES
