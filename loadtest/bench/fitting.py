"""Fits a model of the benchmark. Run as a program: `python -m loadtest.bench.fitting FOLDER NAME`.

Of the model it writes NAME.joblib, NAME.csv (rows to register it with) and NAME.rows.json (1,000
rows to ask with). It knows scikit-learn and joblib alone, as a data scientist's notebook does.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Fitting: TypeAlias = tuple[Any, Any, Any]
"""An estimator, X and y."""

ROWS: Final = 1000
SAMPLES: Final = 200
_JOBS: Final = ("admin", "blue-collar", "management", "retired", "services", "student")
_TOWNS: Final = tuple(f"town-{number:02}" for number in range(20))


def main() -> None:
    """Fit the model that the command line names, into the folder that it names."""
    folder, name = Path(sys.argv[1]), sys.argv[2]
    folder.mkdir(parents=True, exist_ok=True)
    model, X, y = _MODELS[name]()
    model.fit(X, y)
    joblib.dump(model, folder / f"{name}.joblib")
    table = X if isinstance(X, pd.DataFrame) else _named(X)
    table.head(SAMPLES).to_csv(folder / f"{name}.csv", index=False)
    rows = [table.iloc[number % len(table)].tolist() for number in range(ROWS)]
    (folder / f"{name}.rows.json").write_text(json.dumps(rows, allow_nan=False), encoding="utf-8")


def _iris() -> Fitting:
    X, y = load_iris(return_X_y=True)
    return make_pipeline(StandardScaler(), LogisticRegression()), _float64(X), y


def _forest() -> Fitting:
    X, y = load_breast_cancer(return_X_y=True)
    return RandomForestClassifier(n_estimators=100, n_jobs=1, random_state=0), _float64(X), y


def _boosting() -> Fitting:
    X, y = load_digits(return_X_y=True)
    return HistGradientBoostingClassifier(random_state=0), _float64(X), y


def _float64(X: Any) -> Any:
    return np.asarray(X, dtype=np.float64)


def _named(X: Any) -> pd.DataFrame:
    return pd.DataFrame(X, columns=[f"x{column}" for column in range(X.shape[1])])


def _mixed() -> Fitting:
    """Return a pipeline over three columns of numbers and two of words."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer(
        (numbers, ["age", "balance", "hours"]),
        (OneHotEncoder(handle_unknown="ignore"), ["job", "town"]),
    )
    X = _people()
    chance = 1 / (1 + np.exp(-(X["balance"] - 2000) / 1000 - (X["job"] == "management")))
    y = np.where(np.random.default_rng(1).random(len(X)) < chance, "yes", "no")
    return make_pipeline(columns, LogisticRegression(max_iter=1000)), X, y


def _people() -> pd.DataFrame:
    """Return made-up people."""
    draw = np.random.default_rng(0)
    count = 2000
    return pd.DataFrame(
        {
            "age": draw.integers(18, 90, count).astype(np.float64),
            "balance": draw.normal(2000, 1500, count).round(2),
            "hours": draw.gamma(2.0, 4.0, count).round(1),
            "job": draw.choice(_JOBS, count),
            "town": draw.choice(_TOWNS, count),
        }
    )


_MODELS: Final[dict[str, Callable[[], Fitting]]] = {
    "iris": _iris,
    "forest": _forest,
    "boosting": _boosting,
    "mixed": _mixed,
}

if __name__ == "__main__":
    main()
