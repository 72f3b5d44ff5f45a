"""How often each distinct number occurs."""

import numpy as np

from models.rows import Array


class Tally:
    """Counts distinct numbers; `values` ascend, `counts` belong to them."""

    def __init__(self) -> None:
        self.values: Array = np.empty(0, np.float64)
        self.counts: Array = np.empty(0, np.int64)

    def see(self, numbers: Array) -> None:
        """Take numbers, NaN left out."""
        found, counts = np.unique(numbers, return_counts=True)
        values, places = np.unique(np.concatenate([self.values, found]), return_inverse=True)
        total = np.zeros(len(values), np.int64)
        np.add.at(total, places, np.concatenate([self.counts, counts]))
        self.values, self.counts = values, total
