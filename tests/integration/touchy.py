"""Models that fail on some rows; importable, as a served model's parts have to be."""

import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from tests.integration.conftest import run

SICK = 77
KILLING = -66.0


def refuse_the_sick(ages: pd.DataFrame) -> pd.DataFrame:
    """Raise, as a user's own step may, if any row has the wrong value."""
    if (ages == SICK).any(axis=None):
        raise RuntimeError("secret of the inside at /etc/passwd")
    return ages


class Logarithm(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Answers log(a) + b, which is no number below zero; ends its process at one value."""

    def fit(self, X: Any, y: Any = None) -> "Logarithm":
        self.n_features_in_ = np.asarray(X).shape[1]
        return self

    def predict(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        values = np.asarray(X, dtype=float)
        if (values[:, 0] == KILLING).any():
            os._exit(9)
        with np.errstate(all="ignore"):
            return np.asarray(np.log(values[:, 0]) + values[:, 1])


def people() -> tuple[Any, pd.DataFrame]:
    dice = np.random.default_rng(7)
    rows = pd.DataFrame(
        {"age": dice.integers(18, 70, 200), "town": dice.choice(["Bonn", "Ulm", "Kiel"], 200)}
    )
    steps = ColumnTransformer(
        [
            ("age", FunctionTransformer(refuse_the_sick), ["age"]),
            ("town", OneHotEncoder(), ["town"]),
        ]
    )
    labels = np.where(rows["age"] + dice.normal(0, 5, 200) > 40, "old", "young")
    return make_pipeline(steps, LogisticRegression(max_iter=1000)).fit(rows, labels), rows


def logarithm() -> tuple[Any, pd.DataFrame]:
    rows = pd.DataFrame(np.random.default_rng(8).uniform(1, 9, (50, 2)), columns=["a", "b"])
    return Logarithm().fit(rows.to_numpy()), rows


def register_all(folder: Path) -> Path:
    """Register both as a user would; return the store."""
    for name, make in (("people", people), ("logarithm", logarithm)):
        model, rows = make()
        joblib.dump(model, folder / f"{name}.joblib")
        rows.to_csv(folder / f"{name}.csv", index=False)
        run("-m", "models", "register", folder / f"{name}.joblib", "--name", name,
            "--sample", folder / f"{name}.csv", "--store", folder / "store")  # fmt: skip
    return folder / "store"
