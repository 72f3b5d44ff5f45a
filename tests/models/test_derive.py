"""Schemas derived from fitted pipelines, and rows that travel through them unchanged."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import (
    ColumnTransformer,
    make_column_selector,
    make_column_transformer,
)
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.experimental import (
    enable_iterative_imputer,  # noqa: F401
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import IterativeImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)

from models.derive import input_schema
from models.errors import RefusedModel
from models.pictures import PicturePixels
from models.schema import TabularSchema
from models.store import Store
from tests.models.deriving import ROWS, assert_rows_survive, columns


def test_names_types_and_ranges_of_plain_columns(
    frame: pd.DataFrame, y: "np.ndarray[Any, Any]"
) -> None:
    X = frame[["number", "count", "small", "single"]]
    found = columns(LinearRegression().fit(X, y), X)
    assert [(c.name, c.dtype, c.frame_dtype) for c in found.values()] == [
        ("number", "float64", "float64"),
        ("count", "int64", "int64"),
        ("small", "int8", "int8"),
        ("single", "float32", "float32"),
    ]
    assert found["count"].min == X["count"].min()
    assert found["count"].max == X["count"].max()
    assert found["count"].example == X["count"].iloc[0]
    assert type(found["count"].example) is int
    assert found["number"].min == X["number"].min()
    assert not any(c.nullable or c.categories or c.ordered for c in found.values())


def test_the_order_is_the_fitted_one(frame: pd.DataFrame, y: "np.ndarray[Any, Any]") -> None:
    model = LinearRegression().fit(frame[["count", "number"]], y)
    schema = input_schema(model, frame[["kind", "number", "count"]])
    assert isinstance(schema, TabularSchema)
    assert [column.name for column in schema.columns] == ["count", "number"]
    assert schema.container == "frame"


def test_one_hot_categories_and_both_missing_markers(
    frame: pd.DataFrame, y: "np.ndarray[Any, Any]"
) -> None:
    X = frame[["kind", "kind_none", "kind_nan"]]
    model = make_pipeline(OneHotEncoder(), Ridge()).fit(X, y)
    found = columns(model, X)
    assert {c.categories for c in found.values()} == {("a", "b", "c")}
    assert [(c.nullable, c.missing, c.frame_dtype) for c in found.values()] == [
        (False, "nan", "str"),
        (True, "none", "object"),
        (True, "nan", "object"),
    ]
    # The encoder knows the one marker and refuses the other: the schema must name the right one.
    other = X.assign(kind_none=X["kind_none"].astype(object).where(X["kind_none"].notna(), np.nan))
    with pytest.raises(ValueError, match="unknown categories"):
        model.predict(other)


def test_an_ordered_category_behind_an_imputer(
    frame: pd.DataFrame, y: "np.ndarray[Any, Any]"
) -> None:
    X = frame[["size", "kind_nan"]]
    ordinal = OrdinalEncoder(categories=[["low", "mid", "high"]])
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    model = make_pipeline(
        make_column_transformer((ordinal, ["size"]), (filled, ["kind_nan"])), Ridge()
    ).fit(X, y)
    found = columns(model, X)
    assert found["size"].categories == ("low", "mid", "high")
    assert found["size"].ordered
    assert not found["size"].nullable
    assert found["kind_nan"].categories == ("a", "b", "c")
    assert not found["kind_nan"].ordered
    assert found["kind_nan"].nullable


@pytest.mark.parametrize(
    "choice",
    [
        ["kind", "size"],
        [2, 3],
        slice(2, 4),
        slice("kind", "size"),
        [False, False, True, True],
        make_column_selector(dtype_include="str"),
        [-2, -1],
    ],
    ids=["names", "positions", "slice", "slice of names", "mask", "selector", "from the end"],
)
def test_however_a_column_transformer_chooses(
    frame: pd.DataFrame, y: "np.ndarray[Any, Any]", choice: Any
) -> None:
    X = frame[["number", "count", "kind", "size"]]
    transformer = ColumnTransformer([("text", OneHotEncoder(), choice)], remainder="passthrough")
    found = columns(make_pipeline(transformer, Ridge()).fit(X, y), X)
    assert found["kind"].categories == ("a", "b", "c")
    assert found["size"].categories == ("high", "low", "mid")
    assert found["number"].categories is None
    assert found["count"].categories is None


def test_an_encoder_behind_a_scaler_inside_a_union(
    frame: pd.DataFrame, y: "np.ndarray[Any, Any]"
) -> None:
    X = frame[["number", "count"]]
    steps = Pipeline([("same", "passthrough"), ("encode", OrdinalEncoder())])
    union = FeatureUnion([("scaled", StandardScaler()), ("codes", steps)])
    found = columns(make_pipeline(union, Ridge()).fit(X, y), X)
    assert found["count"].categories == tuple(sorted(set(X["count"].tolist())))
    assert found["number"].categories == tuple(sorted(X["number"].tolist()))


def test_an_encoder_of_computed_columns_says_nothing_of_the_input(
    frame: pd.DataFrame, y: "np.ndarray[Any, Any]"
) -> None:
    X = frame[["number", "count"]]
    signs = FunctionTransformer(np.sign)
    encoder = OneHotEncoder(handle_unknown="ignore")
    found = columns(make_pipeline(signs, encoder, Ridge()).fit(X, y), X)
    assert found["number"].categories is None


def test_a_target_encoder_knows_its_categories(frame: pd.DataFrame) -> None:
    X = frame[["kind", "number"]]
    target = np.resize([0, 1], ROWS)
    transformer = make_column_transformer((TargetEncoder(cv=StratifiedKFold(2)), ["kind"]))
    found = columns(make_pipeline(transformer, LogisticRegression()).fit(X, target), X)
    assert found["kind"].categories == ("a", "b", "c")


def test_pandas_categories_of_gradient_boosting(
    frame: pd.DataFrame, y: "np.ndarray[Any, Any]"
) -> None:
    X = frame[["group", "number"]]
    model = HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=2).fit(X, y)
    group = columns(model, X)["group"]
    assert (group.frame_dtype, group.dtype, group.ordered) == ("category", "string", False)
    assert group.categories == ("y", "x", "never")


@pytest.mark.parametrize(("name", "nullable"), [("hole", True), ("number", False)])
def test_a_model_that_bears_missing_values_offers_them_only_if_training_had_some(
    frame: pd.DataFrame, y: "np.ndarray[Any, Any]", name: str, nullable: bool
) -> None:
    X = frame[[name, "count"]]
    model = HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=2).fit(X, y)
    assert columns(model, X)[name].nullable is nullable


def test_a_null_that_the_model_cannot_predict_is_not_offered(
    frame: pd.DataFrame, y: "np.ndarray[Any, Any]"
) -> None:
    X = frame[["kind_nan", "number"]]
    # The imputer sees a copy of the column, and the encoder beside it does not bear missing ones.
    union = make_column_transformer(
        (SimpleImputer(strategy="most_frequent"), ["kind_nan"]),
        (OneHotEncoder(), ["kind_nan"]),
        remainder="passthrough",
    )
    full = X.assign(kind_nan=frame["kind"])
    encoder = make_column_transformer((OneHotEncoder(), [0]), remainder="passthrough")
    model = make_pipeline(union, encoder, Ridge()).fit(full, y)
    assert not columns(model, full)["kind_nan"].nullable


def test_an_integer_column_that_may_be_missing_is_a_float(
    frame: pd.DataFrame, y: "np.ndarray[Any, Any]"
) -> None:
    X = frame[["count"]]
    found = columns(make_pipeline(SimpleImputer(), Ridge()).fit(X, y), X)["count"]
    assert (found.dtype, found.frame_dtype, found.nullable) == ("float64", "float64", True)
    assert type(found.example) is float


def test_an_experimental_imputer_counts_too(frame: pd.DataFrame, y: "np.ndarray[Any, Any]") -> None:
    X = frame[["number", "count"]]
    model = make_pipeline(IterativeImputer(random_state=0), Ridge()).fit(X, y)
    assert all(column.nullable for column in columns(model, X).values())


def test_pictures_of_a_strange_mode_are_refused(y: "np.ndarray[Any, Any]") -> None:
    model = make_pipeline(PicturePixels(mode="CMYK"), Ridge())
    with pytest.raises(RefusedModel, match="mode 'CMYK'"):
        input_schema(model, np.empty(1, dtype=object))


def test_an_imputer_for_another_marker_does_not_make_null_welcome(
    frame: pd.DataFrame, y: "np.ndarray[Any, Any]"
) -> None:
    X = frame[["count"]]
    model = make_pipeline(SimpleImputer(missing_values=-1), Ridge()).fit(X, y)
    assert not columns(model, X)["count"].nullable


def test_booleans_stay_booleans(frame: pd.DataFrame, y: "np.ndarray[Any, Any]") -> None:
    X = frame[["flag", "number"]]
    plain = columns(LinearRegression().fit(X, y), X)["flag"]
    assert (plain.dtype, plain.categories, plain.min) == ("bool", None, None)
    encoded = make_column_transformer((OneHotEncoder(), ["flag"]))
    found = columns(make_pipeline(encoded, Ridge()).fit(X, y), X)["flag"]
    assert found.categories == (False, True)
    assert type(found.example) is bool


def test_examples_come_from_one_complete_row(
    frame: pd.DataFrame, y: "np.ndarray[Any, Any]"
) -> None:
    X = frame[["hole", "number"]]
    assert np.isnan(X["hole"].iloc[0])
    model = HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=2).fit(X, y)
    found = columns(model, X)
    assert found["hole"].example == X["hole"].iloc[1]
    assert found["number"].example == X["number"].iloc[1]


@pytest.mark.parametrize(
    ("names", "expected"), [(None, ["x0", "x1"]), (("width", "height"), ["width", "height"])]
)
def test_an_array_model_gets_names_from_its_sample(
    y: "np.ndarray[Any, Any]", names: tuple[str, ...] | None, expected: list[str]
) -> None:
    X = np.random.default_rng(0).normal(size=(ROWS, 2))
    model = RandomForestRegressor(n_estimators=3).fit(X, y)
    schema = input_schema(model, X, names)
    assert isinstance(schema, TabularSchema)
    assert schema.container == "array"
    assert [column.name for column in schema.columns] == expected
    assert_rows_survive(model, X, schema)


def test_an_array_of_objects_keeps_texts_and_numbers(y: "np.ndarray[Any, Any]") -> None:
    X = np.array([["a", 1.5], ["b", 2.5]] * (ROWS // 2), dtype=object)
    encoder = ColumnTransformer([("text", OneHotEncoder(), [0])], remainder="passthrough")
    found = columns(make_pipeline(encoder, Ridge()).fit(X, y), X)
    assert found["x0"].categories == ("a", "b")
    assert (found["x0"].dtype, found["x1"].dtype) == ("string", "float64")


def test_text_without_an_encoder_is_open(frame: pd.DataFrame, y: "np.ndarray[Any, Any]") -> None:
    X = frame[["kind"]]
    words = CountVectorizer(token_pattern=r"\w")
    model = make_pipeline(make_column_transformer((words, "kind")), Ridge()).fit(X, y)
    found = columns(model, X)["kind"]
    assert (found.dtype, found.categories) == ("string", None)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (pd.timedelta_range("1h", periods=ROWS), "column 'odd' holds timedelta64"),
        (pd.Series([2**63, 1] * (ROWS // 2), dtype="uint64"), "whole numbers above 9223372036854"),
        (pd.Series([1, "a"] * (ROWS // 2), dtype=object), "column 'odd' holds int and str"),
        (pd.Series([[1]] * ROWS, dtype=object), "type list cannot travel in JSON"),
        (pd.Series([np.inf, 1.0] * (ROWS // 2)), "infinity cannot travel"),
    ],
)
def test_columns_that_no_request_can_carry_are_refused(
    y: "np.ndarray[Any, Any]", values: Any, sentence: str
) -> None:
    X = pd.DataFrame({"odd": values, "number": 1.0})
    drop = ColumnTransformer([("number", "passthrough", ["number"])])
    with pytest.raises(RefusedModel, match=sentence):
        input_schema(make_pipeline(drop, Ridge()).fit(X, y), X)


def test_moments_travel_as_texts(y: "np.ndarray[Any, Any]") -> None:
    """NaT, zones and nanoseconds come back as they were."""
    begin = pd.Series(pd.date_range("2026-10-20", periods=ROWS, freq="11h", tz="Europe/Berlin"))
    fine = pd.Series(pd.date_range("1960-01-01", periods=ROWS, freq="111222333ns"))
    X = pd.DataFrame({"begin": begin, "fine": fine, "number": 1.0})
    X.loc[3, "begin"] = pd.NaT
    drop = ColumnTransformer([("number", "passthrough", ["number"])])
    model = make_pipeline(drop, Ridge()).fit(X, y)
    found = columns(model, X)
    assert [found[name].dates for name in X.columns] == [True, True, False]
    assert found["begin"].example == "2026-10-20T00:00:00+02:00"
    assert (found["begin"].nullable, found["fine"].nullable) == (True, False)
    schema = input_schema(model, X)
    assert isinstance(schema, TabularSchema)
    assert_rows_survive(model, X, schema)


def test_texts_are_dates_if_the_model_fails_at_others(y: "np.ndarray[Any, Any]") -> None:
    X = pd.DataFrame({"day": pd.date_range("2026-01-01", periods=ROWS).strftime("%Y-%m-%d")})
    strict = make_pipeline(FunctionTransformer(days_of), Ridge()).fit(X, y)
    liberal = make_pipeline(FunctionTransformer(lengths_of), Ridge()).fit(X, y)
    assert columns(strict, X)["day"].dates
    assert not columns(liberal, X)["day"].dates
    assert not columns(liberal, X.assign(day="soon"))["day"].dates


def days_of(X: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({name: pd.to_datetime(X[name]).dt.day for name in X.columns})


def lengths_of(X: pd.DataFrame) -> pd.DataFrame:
    lengths: pd.DataFrame = X.map(len)
    return lengths


def test_columns_of_the_same_name_are_refused(y: "np.ndarray[Any, Any]") -> None:
    X = np.ones((ROWS, 2))
    with pytest.raises(RefusedModel, match="same name"):
        input_schema(LinearRegression().fit(X, y), X, ("x", "x"))


def test_the_students_schema(presets_store: Store) -> None:
    schema = presets_store.manifest("students", 1).input
    assert isinstance(schema, TabularSchema)
    found = {column.name: column for column in schema.columns}
    assert [name for name, column in found.items() if column.nullable] == [
        "study_hours",
        "absences",
        "guardian",
    ]
    assert found["age"].dtype == "int64"
    assert found["internet"].dtype == "bool"
    assert found["mother_education"].categories == ("none", "primary", "secondary", "higher")
    assert [name for name, column in found.items() if column.ordered] == ["mother_education"]
    assert found["guardian"].categories == ("father", "mother", "other")
