"""Samples of streams are even, and do not depend on how the stream is cut."""

import numpy as np
import pandas as pd
import pytest

from models.medium.batch import Batch, folds_of, lots
from models.medium.sampled import Edges, Sample


def drawn(rows: int, most: int, batch: int, seed: int = 1) -> list[int]:
    sample = Sample(most, seed)
    for begin in range(0, rows, batch):
        sample.see(pd.DataFrame({"row": np.arange(begin, min(begin + batch, rows))}))
    return sample.frame()["row"].tolist()


@pytest.mark.parametrize("batch", [1, 7, 64, 1000])
def test_the_same_rows_however_the_stream_is_cut(batch: int) -> None:
    found = drawn(1000, 50, batch)
    assert found == drawn(1000, 50, 333)
    assert len(found) == 50
    assert found == sorted(found)
    assert found != drawn(1000, 50, batch, seed=2)


def test_few_rows_are_all_kept() -> None:
    assert drawn(30, 50, 7) == list(range(30))


def test_each_part_of_the_stream_has_its_share() -> None:
    found = np.array(drawn(100_000, 10_000, 999))
    counts = np.bincount(found // 10_000, minlength=10)
    # Hypergeometric, standard deviation 28.5: six of them.
    assert np.abs(counts - 1000).max() < 171


def test_lots_are_even_and_folds_too() -> None:
    numbers = np.arange(100_000, dtype=np.uint64)
    assert len(np.unique(lots(numbers, 3))) == 100_000
    folds = folds_of(Batch(pd.DataFrame(), numbers, numbers), 5, 3)
    assert np.abs(np.bincount(folds) - 20_000).max() < 6 * np.sqrt(100_000 * 0.2 * 0.8)


def test_edges_have_lowest_highest_and_missing() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=900), "n": rng.integers(0, 99, 900)})
    frame["hole"] = rng.normal(size=900)
    frame.loc[700, "hole"] = np.nan
    frame["empty"] = np.nan
    frame["text"] = pd.Series(["some"] * 899 + [None], dtype="str")
    edges = Edges()
    for begin in range(0, 900, 130):
        edges.see(frame.iloc[begin : begin + 130])
    for name in ("x", "n", "hole"):
        assert edges.rows[name].min() == frame[name].min()
        assert edges.rows[name].max() == frame[name].max()
    assert edges.rows[["hole", "text", "empty"]].isna().any().all()
    assert len(edges.rows) <= 9
