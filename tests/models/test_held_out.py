"""Which rows are held out: a share of them, the same ones for ever."""

import numpy as np
import pandas as pd
import pytest

from models.held_out import held_out_mask


def table(rows: int, start: int = 0) -> pd.DataFrame:
    numbers = np.arange(start, start + rows)
    return pd.DataFrame(
        {"id": numbers, "x": numbers * 0.5, "word": [f"w{n % 977}" for n in numbers]}
    )


COLUMNS = ["id", "x", "word"]


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 0.5])
def test_about_the_share_is_held_out(share: float) -> None:
    mask = held_out_mask(table(20_000), COLUMNS, share, seed=3)
    # Five standard deviations of a binomial count.
    assert abs(mask.sum() - 20_000 * share) <= 5 * np.sqrt(20_000 * share * (1 - share))


def test_a_row_stays_on_its_side_when_the_table_grows_and_in_parts() -> None:
    whole = held_out_mask(table(5_000), COLUMNS, 0.2, seed=0)
    parts = [held_out_mask(table(1_000, start), COLUMNS, 0.2, 0) for start in range(0, 5_000, 1000)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    shuffled = table(5_000).sample(frac=1.0, random_state=1)
    np.testing.assert_array_equal(
        held_out_mask(shuffled, COLUMNS, 0.2, 0), whole[shuffled.index.to_numpy()]
    )


def test_another_seed_holds_out_other_rows() -> None:
    first, second = (held_out_mask(table(10_000), COLUMNS, 0.5, seed) for seed in (0, 1))
    # Independent sides agree on half of the rows, give or take five standard deviations.
    assert abs((first == second).mean() - 0.5) < 5 * 0.5 / np.sqrt(10_000)


def test_equal_values_of_a_group_stay_together() -> None:
    rows = table(10_000)
    mask = held_out_mask(rows, ["word"], 0.3, seed=0)
    sides = pd.Series(mask).groupby(rows["word"]).nunique()
    assert (sides == 1).all()
    assert 0 < mask.sum() < len(mask)
