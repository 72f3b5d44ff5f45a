"""Order statistics found in passes are those of sorted numbers."""

import numpy as np
import pytest

from models.medium.learners import order
from models.medium.learners.order import OrderStatistics


def numbers_of(kind: str) -> np.ndarray:
    rng = np.random.default_rng(1)
    many = {
        "normal": rng.normal(0, 1, 20_000),
        "wide": rng.normal(0, 1, 20_000) * 10.0 ** rng.integers(-300, 300, 20_000),
        "near": 1 + rng.random(20_000) * 1e-10,
        "equal": np.full(5000, -7.25),
        "zeros": rng.choice([-0.0, 0.0, -1.0], 5000),
        "one": np.array([3.5]),
        "peak": np.concatenate([np.full(15_000, 0.1), rng.normal(0, 1, 5000)]),
    }
    return many[kind]


@pytest.mark.parametrize("kind", ["normal", "wide", "near", "equal", "zeros", "one", "peak"])
@pytest.mark.parametrize("kept", [50, 1_000_000])
def test_numbers_of_ranks(kind: str, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "MOST_KEPT", kept)
    monkeypatch.setattr(order, "MOST_COUNTED", 100)
    numbers = numbers_of(kind)
    ascending = np.sort(numbers)
    ranks = sorted({0, len(numbers) // 4, len(numbers) // 2, len(numbers) - 1})
    found = OrderStatistics(lambda count: ranks if count == len(numbers) else [])
    passes, known = 0, False
    while not known:
        for begin in range(0, len(numbers), 700):
            found.see(numbers[begin : begin + 700])
        known, passes = found.end_pass(), passes + 1
        assert passes <= 5
    assert [found.at(rank) for rank in ranks] == [float(ascending[rank]) for rank in ranks]
    assert found.count == len(numbers)


def test_few_distinct_numbers_take_one_pass() -> None:
    found = OrderStatistics(lambda count: [count // 2])
    found.see(np.arange(1001) % 7.0)
    assert found.end_pass()
    assert found.at(500) == 3.0
