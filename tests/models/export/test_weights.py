"""Weights answer as the linear model does, of features and of raw columns, in plain Python."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model, svm
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from tests.models.export import reader
from tests.models.export.exporting import TOLERANCE, agree, exported, features_of, table

LINEAR = {
    "ridge": (linear_model.Ridge(), "regression"),
    "lasso": (linear_model.Lasso(0.1), "regression"),
    "poisson": (linear_model.PoissonRegressor(), "regression"),
    "tweedie": (linear_model.TweedieRegressor(power=0), "regression"),
    "no intercept": (linear_model.LinearRegression(fit_intercept=False), "regression"),
    "support vectors": (
        svm.LinearSVR(random_state=0, dual=False, loss="squared_epsilon_insensitive"),
        "regression",
    ),
    "logistic, two": (linear_model.LogisticRegression(), "two"),
    "logistic, three": (linear_model.LogisticRegression(), "three"),
    "gradient descent, two": (linear_model.SGDClassifier(loss="log_loss", random_state=0), "two"),
    "gradient descent": (linear_model.SGDClassifier(loss="log_loss", random_state=0), "three"),
    "hinge": (linear_model.SGDClassifier(random_state=0), "three"),
    "ridge classifier": (linear_model.RidgeClassifier(), "three"),
    "machine": (svm.LinearSVC(random_state=0), "two"),
}


@pytest.mark.parametrize(("estimator", "task"), LINEAR.values(), ids=LINEAR)
def test_weights(estimator: Any, task: str, tmp_path: Path) -> None:
    X, y = table(task)
    model = make_pipeline(StandardScaler(), estimator).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert told["features"] == list(X.columns)
    assert told["largest_difference"] <= TOLERANCE
    agree(model, X, [reader.weights(told, row) for row in features_of(model, X)])
    # Folded into raw columns: the preparation is gone.
    assert told["raw"]["columns"] == list(X.columns)
    agree(model, X, [reader.raw_weights(told, row) for row in X.to_numpy().tolist()])


def test_weights_behind_columns_that_are_filled_and_scaled(tmp_path: Path) -> None:
    X, y = table("regression")
    X = X.mask(np.random.default_rng(0).random(X.shape) < 0.1)
    filled = make_pipeline(SimpleImputer(strategy="median"), RobustScaler())
    columns = ColumnTransformer(
        [
            ("b", filled, ["bmi", "age"]),
            ("a", make_pipeline(SimpleImputer(), MinMaxScaler()), ["bp"]),
            ("c", make_pipeline(SimpleImputer(), MaxAbsScaler()), [6, 7]),
            ("left out", "drop", ["s1"]),
        ]
    )
    model = make_pipeline(columns, linear_model.Ridge()).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert told["features"] == ["b__bmi", "b__age", "a__bp", "c__s3", "c__s4"]
    agree(model, X, [reader.weights(told, row) for row in features_of(model, X)])
    rows = X.fillna({"s1": 0, "sex": 0, "s2": 0, "s5": 0, "s6": 0}).to_numpy().tolist()
    agree(model, X, [reader.raw_weights(told, row) for row in rows])


def mixed(task: str) -> tuple[pd.DataFrame, Any]:
    """Return a table with texts, whole numbers, truth values and gaps, and the targets."""
    X, y = table(task)
    numbers = X.iloc[:, :3].set_axis(["a", "b", "c"], axis=1)
    rng = np.random.default_rng(3)
    found = numbers.mask(rng.random(numbers.shape) < 0.1)
    found["shape"] = pd.Series(rng.choice(["long", "short", "round"], len(X)), dtype="str")
    found["town"] = pd.Series(rng.choice(["x", "y", 'z, "q"'], len(X)), dtype="str")
    found.loc[rng.random(len(X)) < 0.2, "town"] = np.nan
    found["size"] = pd.Series(rng.choice(["s", "m", "l"], len(X)), dtype="str")
    found["floor"] = rng.integers(1, 5, len(X))
    found["lit"] = rng.random(len(X)) < 0.5
    found["note"] = pd.Series(rng.choice(["p", "q"], len(X)), dtype="str")
    return found, y / 7 if task == "regression" else y  # whole numbers look like classes


CODED = {
    "unknown ones are zeros": OneHotEncoder(handle_unknown="ignore"),
    "none for the first": OneHotEncoder(handle_unknown="ignore", drop="first"),
    "rare ones together": OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=2),
    "dense": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "in an order": OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    ),
    "means of the target": TargetEncoder(),
}


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize("encoder", CODED.values(), ids=CODED)
@pytest.mark.parametrize("task", ["regression", "two", "three"])
def test_weights_of_raw_columns_behind_codes(encoder: Any, task: str, tmp_path: Path) -> None:
    """A reader in another language needs nothing but the columns of a request."""
    X, y = mixed(task)
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    columns = ColumnTransformer(
        [
            ("numbers", numbers, ["b", "a"]),
            ("gaps", MissingIndicator(error_on_new=False), ["c"]),
            ("filled", SimpleImputer(), ["c"]),
            ("coded", encoder, ["shape", "town", "floor"]),
            ("filled words", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(
                handle_unknown="ignore")), ["size"]),
            ("truth", "passthrough", ["lit"]),
        ]
    )  # fmt: skip
    last = {
        "regression": linear_model.Ridge(),
        "two": linear_model.LogisticRegression(max_iter=10_000),
        "three": linear_model.LogisticRegression(max_iter=10_000),
    }[task]
    model = make_pipeline(columns, StandardScaler(with_mean=False), last).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert told["raw_missing_because"] == ""
    assert set(told["raw"]["categories"]) == {"shape", "town", "floor", "size", "note"}
    hostile = X.copy()
    hostile.loc[::3, "shape"] = "nobody's"
    hostile.loc[1::3, "town"] = "elsewhere"
    hostile.loc[2::3, "size"] = "xxl"
    hostile.loc[::2, "floor"] = 77
    for rows in (X, hostile):
        cells = rows.astype(object).where(rows.notna(), None).to_numpy().tolist()
        agree(model, rows, [reader.raw_weights(told, row) for row in cells])


def test_a_category_weighs_what_its_feature_weighs(tmp_path: Path) -> None:
    X, y = mixed("regression")
    encode = ColumnTransformer([("words", OneHotEncoder(handle_unknown="ignore"), ["shape"])])
    model = make_pipeline(encode, linear_model.Ridge()).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert told["raw"]["categories"]["shape"] == {
        "values": ["long", "round", "short"],
        "weights": told["weights"],
        "missing": None,
        "unknown": [0.0],
    }
    assert told["raw"]["bias"] == told["bias"]


def test_a_column_of_many_categories_is_asked_in_parts(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"place": pd.Series(rng.integers(0, 900, 4000).astype(str), dtype="str")})
    y = rng.normal(size=4000)
    encode = ColumnTransformer([("o", OneHotEncoder(handle_unknown="ignore"), ["place"])])
    model = make_pipeline(encode, linear_model.Ridge()).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert len(told["raw"]["categories"]["place"]["values"]) > 800
    agree(model, X, [reader.raw_weights(told, row) for row in X.to_numpy().tolist()])


REFUSED = {
    "does more than fill, shift, scale and code columns": PolynomialFeatures(2),
    "does more to column 'a' than fill, shift and scale it": make_pipeline(
        SimpleImputer(), MinMaxScaler(clip=True)
    ),
}


@pytest.mark.parametrize(("words", "step"), REFUSED.items(), ids=REFUSED)
def test_weights_say_why_they_are_not_those_of_raw_columns(
    words: str, step: Any, tmp_path: Path
) -> None:
    X, y = table("two")
    X.columns = pd.Index(["a", "b", "c", "d"])
    encode = ColumnTransformer([("step", step, ["a", "b"])], remainder="passthrough")
    model = make_pipeline(encode, linear_model.LogisticRegression()).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert told["raw"] is None
    assert words in told["raw_missing_because"]
    agree(model, X, [reader.weights(told, row) for row in features_of(model, X)])


def test_a_column_taken_twice_is_told(tmp_path: Path) -> None:
    X, y = mixed("regression")
    both = [("n", StandardScaler(), ["floor"]), ("o", OneHotEncoder(), ["floor"])]
    model = make_pipeline(ColumnTransformer(both), linear_model.Ridge()).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert told["raw_missing_because"] == "column 'floor' is taken as a number and as a category"


def test_weights_of_a_bare_array(tmp_path: Path) -> None:
    X, y = table("three")
    model = linear_model.LogisticRegression(max_iter=10_000).fit(X.to_numpy(), y)
    told = exported(model, "weights", X.to_numpy(), tmp_path)
    agree(model, X.to_numpy(), [reader.weights(told, row) for row in X.to_numpy().tolist()])
