"""Logarithms of numbers that are mostly small and sometimes large."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class LogOnePlus(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Take log(1 + x) of each column; NaN stays.

    A value of -1 or below has no logarithm. In training that is an error; later it counts as the
    smallest value that training knew, so that one odd row does not fail.

    Args:
        columns: their names, for the error; the step before may not pass them on.
    """

    def __init__(self, columns: tuple[str, ...] = ()) -> None:
        self.columns = columns

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn the smallest value of each column.

        Raises:
            ValueError: a value is -1 or below, and in which column.
        """
        numbers = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        lowest = pd.DataFrame(numbers).min().to_numpy()
        for position in np.flatnonzero(lowest <= -1.0):
            name = repr(self.columns[position]) if self.columns else f"column {position}"
            raise ValueError(
                f"{name} has the value {lowest[position]:g}; log(1 + x) is for values above -1:"
                " take log = true away"
            )
        self.lowest_ = lowest
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the logarithms, float64."""
        check_is_fitted(self)
        numbers = validate_data(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False
        )
        return np.log1p(np.where(numbers <= -1.0, self.lowest_, numbers))

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that NaN is let through."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
