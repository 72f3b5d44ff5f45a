"""Which rows no fit ever sees: said by each row's content, so that it holds for every run.

A row that was held out once stays held out, however the table grows and whoever asks: the version
that serves now was not fitted on the rows by which the next candidate is judged. Equal rows are on
the same side.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def held_out_mask(
    frame: pd.DataFrame, columns: Sequence[str], share: float, seed: int
) -> npt.NDArray[np.bool_]:
    """Return which rows are held out.

    Args:
        frame: rows, with the dtypes that they always have.
        columns: what tells a row from others: all columns, or the one whose equal values stay
            together.
        share: of the rows, on average.
        seed: another seed holds out other rows.
    """
    # Objects as text: pandas hashes a column of them otherwise if a batch happens to have one type.
    objects = [name for name in columns if frame[name].dtype == object]
    telling = frame[list(columns)].astype(dict.fromkeys(objects, "str"))
    hashed = pd.util.hash_pandas_object(telling, index=False)
    return _spread(np.asarray(hashed, np.uint64), seed) < np.uint64(int(share * 2**64))


def _spread(hashes: npt.NDArray[np.uint64], seed: int) -> npt.NDArray[np.uint64]:
    """Mix the seed in; splitmix64, by Vigna after Steele, Lea and Flood (2014)."""
    with np.errstate(over="ignore"):
        z = hashes + _GOLDEN * np.uint64(seed + 1)
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
        return z ^ (z >> np.uint64(31))
