"""Parts of days and times."""

from collections.abc import Callable
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from models.moment_columns import Moments, read_moments

Numbers = npt.NDArray[np.float64]

_EPOCH: Final = pd.Timestamp("1970-01-01", tz="UTC")
_DAY: Final = pd.Timedelta(days=1)
_PARTS: Final[dict[str, Callable[[Moments], Any]]] = {
    "year": lambda moments: moments.year,
    "month": lambda moments: moments.month,
    "day": lambda moments: moments.day,
    "weekday": lambda moments: moments.day_of_week,
    "yearday": lambda moments: moments.day_of_year,
    "hour": lambda moments: moments.hour,
    "minute": lambda moments: moments.minute,
    "days": lambda moments: (moments - _EPOCH) / _DAY,
}


class DateFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn days and times in ISO 8601 into numbers.

    X is a DataFrame or a 2-D object array of texts; the answer is float64 of shape (n, columns *
    parts), column by column. A missing value, and a text that is no date, is NaN in every part. A
    time with an offset is counted in UTC; one without is taken as it stands.

    Args:
        parts: of year, month (1 to 12), day (1 to 31), weekday (Monday is 0), yearday (1 to 366),
            hour, minute, days (whole and broken days since 1970-01-01).
    """

    def __init__(self, parts: tuple[str, ...] = ("year", "month", "day", "weekday")) -> None:
        self.parts = parts

    def fit(self, X: Any, y: object = None) -> Self:
        """Remember the columns' names and number.

        Raises:
            ValueError: there is no such part.
        """
        unknown = [part for part in self.parts if part not in _PARTS]
        if unknown:
            raise ValueError(f"there is no part {unknown[0]!r}; take of {', '.join(_PARTS)}")
        frame = pd.DataFrame(X)
        self.n_features_in_ = frame.shape[1]
        if isinstance(X, pd.DataFrame):
            self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        return self

    def transform(self, X: Any) -> Numbers:
        """Return the parts, float64."""
        frame = pd.DataFrame(X)
        return np.column_stack(
            [
                np.asarray(_PARTS[part](moments), dtype=np.float64)
                for moments in (read_moments(frame.iloc[:, at]) for at in range(frame.shape[1]))
                for part in self.parts
            ]
        )

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return COLUMN_PART, in the order of the answer."""
        names = getattr(self, "feature_names_in_", input_features)
        if names is None:
            names = [f"x{position}" for position in range(self.n_features_in_)]
        return np.array([f"{name}_{part}" for name in names for part in self.parts], dtype=object)
