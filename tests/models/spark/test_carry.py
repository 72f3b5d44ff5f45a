"""What comes back from MLlib answers as MLlib does, on rows that it has not seen."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pyspark.sql.functions as F
import pytest
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import DataFrame, SparkSession
from sklearn.base import is_classifier, is_regressor
from sklearn.linear_model import (
    ElasticNet,
    LinearRegression,
    LogisticRegression,
    Ridge,
)

from models.spark.carry import carried
from models.spark.learners import LEARNERS, Facts, mllib_estimator

TOLERANCE = 1e-12
FITTED = 300


@dataclass(frozen=True)
class Rows:
    X: npt.NDArray[np.float64]
    y: dict[str, npt.NDArray[np.float64]]
    fitted: dict[str, DataFrame]
    held_out: DataFrame


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> Iterator[Rows]:
    rng = np.random.default_rng(3)
    # Rounded values: many lie exactly on a threshold's side of <=.
    X = np.round(rng.normal(size=(500, 5)), 1)
    signal = X[:, 0] - 0.7 * X[:, 1] + 0.5 * X[:, 2] ** 2
    noisy = signal + rng.normal(0, 0.5, 500)
    y = {
        "number": 3 * noisy + 10,
        "two": (noisy > 0.5).astype(float),
        "three": np.digitize(noisy, [0, 1.2]).astype(float),
    }
    table = [
        (at, *map(float, values), list(map(float, x)))
        for at, (x, *values) in enumerate(zip(X, *y.values(), strict=True))
    ]
    frame = spark.createDataFrame(
        table, "at bigint, number double, two double, three double, x array<double>"
    )
    frame = frame.withColumn("features", array_to_vector(frame["x"])).persist()
    fitted = {
        name: frame.where(f"at < {FITTED}").withColumn("label", frame[name]).persist() for name in y
    }
    yield Rows(X, y, fitted, frame.where(f"at >= {FITTED}").orderBy("at"))
    for one in (frame, *fitted.values()):
        one.unpersist()


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("LinearRegression", "number", {}),
    ("Ridge", "number", {"alpha": 20.0}),
    ("ElasticNet", "number", {"alpha": 0.3, "l1_ratio": 0.4}),
    ("LogisticRegression", "two", {"C": 0.3}),
    ("LogisticRegression", "three", {}),
    ("RandomForestClassifier", "two", {"n_estimators": 8, "max_depth": 4}),
    ("RandomForestClassifier", "three", {"n_estimators": 7, "max_depth": 6}),
    ("RandomForestRegressor", "number", {"n_estimators": 6, "max_depth": 5}),
    ("GradientBoostingClassifier", "two", {"n_estimators": 6}),
    ("GradientBoostingRegressor", "number", {"n_estimators": 6, "subsample": 0.8}),
]


@pytest.mark.parametrize(("name", "target", "given"), CASES)
def test_answers_of_carried_models_are_sparks(
    rows: Rows, name: str, target: str, given: dict[str, Any]
) -> None:
    learner = LEARNERS[name]
    fitted = mllib_estimator(learner, given, Facts(FITTED, 5)).fit(rows.fitted[target])
    classes = {
        "number": None,
        "two": np.array([False, True]),
        "three": np.array(["high", "low", "mid"], dtype=object),
    }[target]
    model = carried(learner, given, fitted, classes)

    answered = fitted.transform(rows.held_out)
    said = np.array([row[0] for row in answered.select("prediction").collect()])
    X = rows.X[FITTED:]
    if classes is None:
        assert is_regressor(model)
        assert np.abs(model.predict(X) - said).max() <= TOLERANCE * np.abs(said).max()
        return
    assert is_classifier(model)
    shares = answered.select(vector_to_array(F.col("probability"))).collect()
    expected = np.array([row[0] for row in shares])
    assert len(np.unique(said)) == len(classes)
    assert (model.predict(X) == classes[said.astype(int)]).all()
    assert np.abs(model.predict_proba(X) - expected).max() <= TOLERANCE
    assert model.predict(X).dtype == classes.dtype


def test_penalties_are_scikit_learns(rows: Rows) -> None:
    # A property of the two optimisers, not of the conversion: both stop near the same minimum.
    X = rows.X[:FITTED]
    for name, target, given, same in (
        ("LinearRegression", "number", {}, LinearRegression()),
        ("Ridge", "number", {"alpha": 20.0}, Ridge(alpha=20.0)),
        ("ElasticNet", "number", {"alpha": 0.3}, ElasticNet(alpha=0.3, tol=1e-10)),
        ("LogisticRegression", "two", {"C": 0.3}, LogisticRegression(C=0.3, tol=1e-10)),
        ("LogisticRegression", "three", {"C": 2.0}, LogisticRegression(C=2.0, tol=1e-10)),
    ):
        learner = LEARNERS[name]
        fitted = mllib_estimator(
            learner, given, Facts(FITTED, 0, float(np.std(rows.y[target][:FITTED])))
        ).fit(rows.fitted[target])
        classes = None if target == "number" else np.unique(rows.y[target])
        model = carried(learner, given, fitted, classes)
        same.fit(X, rows.y[target][:FITTED])
        np.testing.assert_allclose(model.coef_, same.coef_, atol=2e-5, err_msg=name)


def test_trees_need_no_spark_once_they_are_stored(rows: Rows, tmp_path: Any) -> None:
    learner = LEARNERS["RandomForestClassifier"]
    given = {"n_estimators": 3, "max_depth": 3}
    fitted = mllib_estimator(learner, given, Facts(FITTED, 5)).fit(rows.fitted["two"])
    model = carried(learner, given, fitted, np.array([0, 1]))
    joblib.dump(model, tmp_path / "m.joblib")
    assert b"pyspark" not in (tmp_path / "m.joblib").read_bytes()
    again = joblib.load(tmp_path / "m.joblib")
    assert (again.predict_proba(rows.X) == model.predict_proba(rows.X)).all()
    np.testing.assert_array_equal(model.feature_importances_, fitted.featureImportances.toArray())
