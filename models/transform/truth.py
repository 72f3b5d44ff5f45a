"""True and false as numbers."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin


class TruthValues(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn True and False into 1.0 and 0.0, and None or NaN into NaN.

    X is a DataFrame or a 2-D array, of bool, of objects, or of numbers.
    """

    def fit(self, X: Any, y: object = None) -> Self:
        """Remember the columns' names and number."""
        self.n_features_in_ = pd.DataFrame(X).shape[1]
        if isinstance(X, pd.DataFrame):
            self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float64]:
        """Return 1.0, 0.0 and NaN."""
        # numpy makes NaN of None, but not of pandas' own missing value.
        values = pd.DataFrame(X).astype(object)
        return values.where(values.notna(), None).to_numpy().astype(np.float64)
