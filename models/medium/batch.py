"""Some rows at a time, and which fold each belongs to."""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from models.rows import Array

_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2: Final = np.uint64(0xC4CEB9FE1A85EC53)


@dataclass(frozen=True)
class Batch:
    """Rows of the cache.

    Args:
        X: the columns that were asked for.
        y: the targets.
        numbers: each row's place in its file of the cache, from 0; uint64.
    """

    X: pd.DataFrame
    y: Array
    numbers: Array

    def take(self, chosen: Any) -> Self:
        """Return some of the rows: by a mask, or a slice."""
        return type(self)(self.X[chosen], self.y[chosen], self.numbers[chosen])


def lots(numbers: Array, seed: int) -> Array:
    """Return a random number for each row number: uint64, always the same for the same seed.

    The finalizer of MurmurHash3 (Appleby) over the steps of splitmix64.
    """
    with np.errstate(over="ignore"):
        z = (numbers.astype(np.uint64) + np.uint64(seed) * _MIX_2 + np.uint64(1)) * _STEP
        z = (z ^ (z >> np.uint64(33))) * _MIX_1
        z = (z ^ (z >> np.uint64(33))) * _MIX_2
        return z ^ (z >> np.uint64(33))


def folds_of(batch: Batch, folds: int, seed: int) -> Array:
    """Return the number of each row's fold, drawn by its row number."""
    return (lots(batch.numbers, seed) % np.uint64(folds)).astype(np.int64)
