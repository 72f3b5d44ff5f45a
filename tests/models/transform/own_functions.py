"""Functions as a user writes them, importable."""

from typing import Any

import numpy as np
import pandas as pd


def ratio(X: pd.DataFrame, floor: float = 1.0) -> pd.DataFrame:
    """Divide the first column by the second."""
    first, second = X.iloc[:, 0].fillna(0.0), X.iloc[:, 1]
    return pd.DataFrame({"ratio": first / np.maximum(second.fillna(floor), floor)})


def squares(X: pd.DataFrame) -> Any:
    """Return an array, without names."""
    return X.fillna(0.0).to_numpy(dtype=np.float64) ** 2


def total(X: pd.DataFrame) -> Any:
    """Answer one number for all rows: what a function must not do."""
    return X.sum()


nameless = lambda X: X  # noqa: E731  # a test that it is refused
