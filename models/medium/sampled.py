"""Rows drawn evenly from a stream whose length nobody knows."""

import numpy as np
import pandas as pd

from models.medium.batch import lots
from models.rows import Array


class Sample:
    """Keeps the rows with the smallest of random numbers: every row has the same chance.

    Which rows are kept depends on the seed and on their places, not on the size of the batches.

    Args:
        most: rows to keep.
        seed: of the drawing.
    """

    def __init__(self, most: int, seed: int) -> None:
        self.most = most
        self._seed = seed
        self._seen = 0
        self._frames: list[pd.DataFrame] = []
        self._lots: list[Array] = []
        self._kept = 0

    def see(self, frame: pd.DataFrame) -> None:
        """Take a batch."""
        numbers = np.arange(self._seen, self._seen + len(frame), dtype=np.uint64)
        drawn = lots(numbers, self._seed)
        self._seen += len(frame)
        if self._kept >= self.most:
            chosen = drawn < self._highest()
            frame, drawn = frame[chosen], drawn[chosen]
        if not len(frame):
            return
        self._frames.append(frame)
        self._lots.append(drawn)
        self._kept += len(frame)
        # Joining seldom, not at every batch, keeps the work linear.
        if self._kept > self.most + max(self.most // 4, 1):
            self._thin()

    def frame(self) -> pd.DataFrame:
        """Return the rows, in the order in which they came."""
        if self._kept > self.most:
            self._thin()
        return pd.concat(self._frames, ignore_index=True) if self._frames else pd.DataFrame()

    def _highest(self) -> np.uint64:
        return np.uint64(max(lot.max() for lot in self._lots))

    def _thin(self) -> None:
        drawn = np.concatenate(self._lots)
        chosen = np.sort(np.argpartition(drawn, self.most - 1)[: self.most])
        frame = pd.concat(self._frames, ignore_index=True)
        self._frames, self._lots = [frame.iloc[chosen]], [drawn[chosen]]
        self._kept = len(chosen)


class Edges:
    """Keeps for each column a row with its lowest, its highest, and a missing value."""

    def __init__(self) -> None:
        self.rows = pd.DataFrame()

    def see(self, frame: pd.DataFrame) -> None:
        """Take a batch."""
        if len(frame):
            found = _edges(frame.reset_index(drop=True))
            both = pd.concat([self.rows, found], ignore_index=True) if len(self.rows) else found
            self.rows = _edges(both)


def _edges(frame: pd.DataFrame) -> pd.DataFrame:
    numbers = frame.select_dtypes("number").dropna(axis=1, how="all")
    missing = frame.isna()
    places = {
        *numbers.idxmin().tolist(),
        *numbers.idxmax().tolist(),
        *missing.loc[:, missing.any()].idxmax().tolist(),
    }
    return frame.loc[sorted(places)].reset_index(drop=True)
