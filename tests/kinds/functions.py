"""Functions and estimators of the models here: importable, as a served model's have to be."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin


def ratios(X: pd.DataFrame) -> pd.DataFrame:
    """Divide each column by the next one, row by row."""
    shifted = X.shift(-1, axis=1).iloc[:, :-1].to_numpy()
    divided: pd.DataFrame = X.iloc[:, :-1] / (np.abs(shifted) + 1.0)
    return divided


def lowered(texts: Any) -> list[str]:
    """Write texts in small letters."""
    return [text.lower() for text in texts]


def centred(X: Any) -> Any:
    """Take away the mean of the rows at hand: what a step must not do."""
    return X - np.asarray(X).mean(axis=0)


def day_of_year(X: pd.DataFrame) -> pd.DataFrame:
    """Return the day of the year of each date."""
    days: pd.DataFrame = X.apply(lambda column: column.dt.day_of_year)
    return days


def in_hours(X: pd.DataFrame) -> pd.DataFrame:
    """Return durations as numbers of hours."""
    hours: pd.DataFrame = X.apply(lambda column: column.dt.total_seconds() / 3600)
    return hours


def day_of_text(X: pd.DataFrame) -> pd.DataFrame:
    """Return the day of the year of each date, which is a text."""
    return day_of_year(X.apply(pd.to_datetime))


def hours_between(X: pd.DataFrame) -> pd.DataFrame:
    """Return the hours from each moment to the next column's, and the hour of the first; -1 for
    none."""
    hours = (X["end"] - X["begin"]).dt.total_seconds() / 3600
    return pd.DataFrame({"hours": hours.fillna(-1.0), "of_day": X["begin"].dt.hour})


def doubled_in_place(X: pd.DataFrame) -> pd.DataFrame:
    """Write into the argument so that a second call gives something else."""
    X["x0"] = X["x0"] * 2.0
    return X


def filled_in_place(X: pd.DataFrame) -> pd.DataFrame:
    """Write into the argument, and nothing more the second time; add a column, too."""
    X["x1"] = X["x1"].fillna(0.5)
    X["x0 x1"] = X["x0"] * X["x1"]
    return X


class Wrapped(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts by another model; what it learned is in an attribute without a "_" at its end."""

    def __init__(self, inner: Any = None) -> None:
        self.inner = inner

    def fit(self, X: pd.DataFrame, y: Any) -> "Wrapped":
        """Fit the other model."""
        self.learned = self.inner.fit(X, y)
        return self

    def predict(self, X: pd.DataFrame) -> Any:
        """Ask the other model."""
        return self.learned.predict(X)
