"""Features that Spark SQL has fitted are those that scikit-learn fits on the same rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyspark.sql.functions as F
import pytest
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from sklearn.pipeline import Pipeline

from models.errors import BadData, BadSpecification
from models.places import Places
from models.spark.contract import check
from models.spark.frames import ORDER, as_frame
from models.spark.preparation import LABEL, featured, fit_features, refuse_unsupported
from models.spark.source import raw_rows
from models.spec import Specification
from models.transform.pipeline import features
from tests.models.spark.tables import COLUMNS, FEATURES, people, specified

TOLERANCE = 1e-12

OTHER: list[dict[str, Any]] = [
    {"kind": "numeric", "columns": ["age"], "impute": "mean", "scale": "robust"},
    {"kind": "numeric", "columns": ["income", "tier"], "impute": "most_frequent", "scale": "none"},
    {"kind": "response", "columns": ["town", "grade"]},
    {"kind": "ordinal", "columns": ["member"]},
    {"kind": "date", "columns": ["since"], "parts": ["days"]},
]


def prepared(
    spark: SparkSession, spec: Specification, frame: pd.DataFrame, label: Any
) -> tuple[DataFrame, pd.DataFrame]:
    """Return typed rows with label and order, in Spark and in pandas."""
    marked = frame.assign(**{LABEL: label, ORDER: np.arange(len(frame))})
    rows = spark.createDataFrame(pa.Table.from_pandas(marked, preserve_index=False))
    integers = {name: F.col(name).cast("bigint") for name in ("tier",)}
    return rows.withColumns(integers).persist(), as_frame(frame, spec.columns)


def assert_same_steps(ours: Any, theirs: Any) -> None:
    """Compare everything that two fitted transformers have learned."""
    if isinstance(ours, Pipeline):
        for (_, one), (_, other) in zip(ours.steps, theirs.steps, strict=True):
            assert_same_steps(one, other)
        return
    learned = {name: value for name, value in vars(theirs).items() if name.endswith("_")}
    assert learned.keys() <= vars(ours).keys()
    for name, value in learned.items():
        if name in ("indicator_", "feature_names_in_", "target_type_"):
            continue
        parts = value if isinstance(value, list) else [value]
        found = getattr(ours, name) if isinstance(value, list) else [getattr(ours, name)]
        for mine, expected in zip(found, parts, strict=True):
            array = np.asarray(expected)
            if array.dtype.kind == "f":
                np.testing.assert_allclose(mine, array, rtol=TOLERANCE, atol=TOLERANCE)
            elif expected is not None:
                assert [str(one) for one in np.ravel(mine)] == [str(one) for one in array.ravel()]


@pytest.mark.parametrize("rules", [FEATURES, OTHER], ids=["first", "other"])
def test_learned_and_transformed_as_scikit_learn(
    spark: SparkSession, rules: list[dict[str, Any]]
) -> None:
    spec = specified("spent", {"name": "Ridge"}, rules)
    rows, frame = prepared(spark, spec, people(400), people(400)["spent"])
    ours = fit_features(rows, spec, None)
    theirs = features(spec).set_params(sparse_threshold=0.0)
    X, y = frame[spec.feature_columns()], frame["spent"].to_numpy()
    theirs.fit(X, y)
    for (name, one, _), (_, other, _) in zip(
        ours.features.transformers_, theirs.transformers_, strict=True
    ):
        if name != "remainder":
            assert_same_steps(one, other)
    strange = pd.concat([X, X.assign(town="Rom", age=np.nan)])
    np.testing.assert_allclose(
        ours.features.transform(strange), theirs.transform(strange), rtol=0, atol=TOLERANCE
    )
    vectors = featured(rows, spec, ours, fitting=False).orderBy(ORDER)
    found = vectors.select(vector_to_array(F.col("features"))).collect()
    assert (np.array([row[0] for row in found]) == ours.features.transform(X)).all()
    rows.unpersist()


@pytest.mark.parametrize(("target", "smooth"), [("churn", "auto"), ("tier", 5.0), ("tier", "auto")])
def test_response_codes_of_classes_are_scikit_learns(
    spark: SparkSession, target: str, smooth: Any
) -> None:
    rules = [{"kind": "response", "columns": ["town", "grade"], "smooth": smooth}]
    spec = specified(target, {"name": "LogisticRegression"}, rules)
    frame = people(300)
    classes, label = np.unique(frame[target].to_numpy(), return_inverse=True)
    rows, typed = prepared(spark, spec, frame, label.astype(float))
    ours = fit_features(rows, spec, classes)
    theirs = features(spec).set_params(sparse_threshold=0.0)
    X = typed[["town", "grade"]]
    theirs.fit(X, frame[target].to_numpy())
    np.testing.assert_allclose(
        ours.features.transform(X), theirs.transform(X), rtol=0, atol=TOLERANCE
    )
    rows.unpersist()


def test_no_row_is_fitted_with_its_own_response(spark: SparkSession) -> None:
    """Where each row is its own category, a row's code must not tell its target."""
    frame = people(200).assign(town=[f"town{at}" for at in range(200)])
    spec = specified("spent", {"name": "Ridge"}, [{"kind": "response", "columns": ["town"]}])
    rows, typed = prepared(spark, spec, frame, frame["spent"])
    ours = fit_features(rows, spec, None)
    codes = featured(rows, spec, ours, fitting=True).orderBy(ORDER)
    found = np.array([row[0] for row in codes.select(vector_to_array("features")).collect()])  # type: ignore[arg-type]
    served = ours.features.transform(typed[["town"]])
    assert abs(np.corrcoef(served[:, 0], frame["spent"])[0, 1]) > 0.99
    assert abs(np.corrcoef(found[:, 0], frame["spent"])[0, 1]) < 0.5
    rows.unpersist()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"kind": "text", "columns": ["town"]}, "text"),
        ({"kind": "onehot", "columns": ["town"], "min_frequency": 5}, "min_frequency"),
        ({"kind": "numeric", "columns": ["age"], "impute": "none"}, "'age' is nullable"),
    ],
)
def test_rules_without_a_way_are_refused_by_name(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(BadSpecification, match=words):
        refuse_unsupported(specified("spent", {"name": "Ridge"}, [rule]))


def test_a_column_without_values_is_refused(
    spark: SparkSession, table: Callable[..., pd.DataFrame], places: Places
) -> None:
    table(30).assign(age=np.nan).to_parquet(places.data / "people.parquet")
    spec = specified("spent", {"name": "Ridge"})
    checked = check(raw_rows(spark, spec, places), spec, places)
    rows = checked.taken.withColumns({LABEL: F.col("spent"), ORDER: F.lit(1).cast("bigint")})
    with pytest.raises(BadData, match="'age' has no value"):
        fit_features(rows, spec, None)
    checked.close()


def test_columns_are_those_of_the_table() -> None:
    assert list(people(1).columns) == list(COLUMNS)
