"""Policies: defaults that follow from the fitted pipeline, and rules that ask for others."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    SplineTransformer,
    TargetEncoder,
)

from models.columns import QUANTILES
from models.derive import input_schema
from models.errors import RefusedModel
from models.golden import golden_rows
from models.outputs import output_schema
from models.policies import Rule, keeps_to, read_rule
from models.rows import Rows, to_rows
from models.schema import Column, Policy, Quantiles, TabularSchema

ROWS = 60
Y = np.random.default_rng(7).normal(size=ROWS)


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    hole = rng.normal(size=ROWS)
    hole[::7] = np.nan
    return pd.DataFrame(
        {
            "number": rng.normal(size=ROWS),
            "hole": hole,
            "count": rng.integers(0, 9, ROWS),
            "small": rng.integers(-128, 128, ROWS).astype("int8"),
            "kind": pd.Series(np.resize(["b", "a", "c"], ROWS), dtype="str"),
            "floor": np.resize([1, 2, 5], ROWS),
            "flag": np.resize([True, False, False], ROWS),
            "group": pd.Categorical(np.resize(["x", "y"], ROWS), categories=["y", "x", "never"]),
        }
    )


def derive(model: Any, X: Rows, *rules: str) -> dict[str, Column]:
    schema = input_schema(model, X, rules=[read_rule(rule) for rule in rules])
    assert isinstance(schema, TabularSchema)
    assert TabularSchema.model_validate_json(schema.model_dump_json()) == schema
    return {column.name: column for column in schema.columns}


def encoded(X: pd.DataFrame, encoder: Any) -> Any:
    return make_pipeline(encoder, Ridge()).fit(X, Y)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("job:unknown=flag", Rule("job", "unknown", "flag")),
        ("*:out_of_range=reject", Rule("*", "out_of_range", "reject")),
        ("a:b=c:missing=accept", Rule("a:b=c", "missing", "accept")),
    ],
)
def test_rules_are_read_and_written_alike(text: str, rule: Rule) -> None:
    assert read_rule(text) == rule
    assert str(rule) == text


@pytest.mark.parametrize(
    "text", ["", "job", "job:unknown", "job:unknown=maybe", "job:odd=flag", ":unknown=flag", "=:"]
)
def test_what_is_no_rule_is_told_what_one_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"write COLUMN:KIND=VALUE.*reject, accept, flag"):
        read_rule(text)


@pytest.mark.parametrize(
    ("encoder", "unknown"),
    [
        (OneHotEncoder(), "reject"),
        (OneHotEncoder(handle_unknown="ignore"), "flag"),
        (OneHotEncoder(handle_unknown="ignore", drop="first"), "flag"),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2), "flag"),
        (OrdinalEncoder(), "reject"),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), "flag"),
        (TargetEncoder(cv=KFold(2)), "flag"),
    ],
    ids=str,
)
@pytest.mark.parametrize("column", ["kind", "floor"])
def test_unknown_categories_are_flagged_where_the_encoder_takes_them(
    frame: pd.DataFrame, encoder: Any, unknown: str, column: str
) -> None:
    X = frame[[column]]
    found = derive(encoded(X, encoder), X)[column]
    assert found.policy == Policy(unknown=unknown, missing="reject", out_of_range=None)  # type: ignore[arg-type]


def test_what_the_encoder_takes_but_the_model_does_not_is_rejected(frame: pd.DataFrame) -> None:
    # Its code of an unknown category is NaN, and Ridge knows no NaN.
    taking = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    X = frame[["kind"]]
    model = encoded(X, taking)
    assert derive(model, X)["kind"].policy.unknown == "reject"
    with pytest.raises(RefusedModel, match=r"kind:unknown=flag.*cannot do this.*contains NaN"):
        derive(model, X, "kind:unknown=flag")


def test_behind_an_imputer_the_encoder_still_decides(frame: pd.DataFrame) -> None:
    X = frame[["kind"]]
    steps = (SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    policy = derive(make_pipeline(*steps, Ridge()).fit(X, Y), X)["kind"].policy
    assert policy == Policy(unknown="flag", missing="accept", out_of_range=None)


def test_numbers_take_values_beyond_the_training_rows(frame: pd.DataFrame) -> None:
    X = frame[["number", "count", "small", "flag"]]
    policies = {name: one.policy for name, one in derive(LinearRegression().fit(X, Y), X).items()}
    accepting = Policy(unknown=None, missing="reject", out_of_range="accept")
    assert policies == {
        "number": accepting,
        "count": accepting,
        "small": accepting,
        "flag": Policy(),
    }


def test_a_model_that_fails_beyond_the_training_rows_rejects_there(frame: pd.DataFrame) -> None:
    X = frame[["number", "count"]]
    splines = make_column_transformer(
        (SplineTransformer(extrapolation="error"), ["number"]), remainder="passthrough"
    )
    model = encoded(X, splines)
    found = derive(model, X)
    assert found["number"].policy.out_of_range == "reject"
    assert found["count"].policy.out_of_range == "accept"
    with pytest.raises(RefusedModel, match=r"column 'number': ValueError: .X. contains values"):
        derive(model, X, "*:out_of_range=flag")
    both = derive(model, X, "*:out_of_range=flag", "number:out_of_range=reject")
    assert both["count"].policy.out_of_range == "flag"


def test_a_pandas_category_that_nobody_knows(frame: pd.DataFrame) -> None:
    X = frame[["group", "number"]]
    model = HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=2).fit(X, Y)
    group = derive(model, X)["group"]
    assert (group.policy.unknown, group.categories) == ("flag", ("y", "x", "never"))
    schema = input_schema(model, X)
    given = to_rows(schema, [["new", 0.5], ["x", 0.5], ["y", -0.5]])
    strange = pd.DataFrame(
        {"group": pd.Categorical(["new", "x", "y"], ["y", "x", "new"]), "number": [0.5, 0.5, -0.5]}
    )
    assert np.array_equal(model.predict(given), model.predict(strange))


def test_an_encoder_knows_of_a_pandas_category_what_it_has_seen(frame: pd.DataFrame) -> None:
    X = frame[["group"]]
    closed = derive(encoded(X, OneHotEncoder()), X)["group"]
    assert (closed.categories, closed.policy.unknown) == (("y", "x"), "reject")
    opened = derive(encoded(X, OneHotEncoder(handle_unknown="ignore")), X)["group"]
    assert (opened.categories, opened.policy.unknown) == (("y", "x"), "flag")


def test_booleans_that_are_both_known_have_no_others(frame: pd.DataFrame) -> None:
    X = frame[["flag"]]
    model = encoded(X, OneHotEncoder())
    assert derive(model, X)["flag"].policy.unknown is None
    with pytest.raises(RefusedModel, match="flag:unknown=flag: no encoder"):
        derive(model, X, "flag:unknown=flag")
    half = X[X["flag"]]
    model = make_pipeline(OneHotEncoder(), Ridge()).fit(half, Y[: len(half)])
    assert derive(model, half)["flag"].policy.unknown == "reject"


def test_missing_values_may_be_refused_though_the_model_takes_them(frame: pd.DataFrame) -> None:
    X = frame[["hole", "count"]]
    model = make_pipeline(SimpleImputer(), Ridge()).fit(X, Y)
    assert [one.policy.missing for one in derive(model, X).values()] == ["accept", "accept"]
    found = derive(model, X, "*:missing=reject")
    assert not any(column.nullable for column in found.values())
    assert (found["count"].dtype, found["count"].frame_dtype) == ("int64", "int64")
    schema = input_schema(model, X, rules=[read_rule("*:missing=reject")])
    assert isinstance(schema, TabularSchema)
    golden = golden_rows(model, X, schema, output_schema(model, X))
    assert golden.instances
    assert all(keeps_to(schema, row) for row in golden.instances)


def test_missing_values_may_be_taken_though_training_had_none(frame: pd.DataFrame) -> None:
    X = frame[["number", "count"]]
    model = HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=2).fit(X, Y)
    assert not derive(model, X)["count"].nullable
    count = derive(model, X, "count:missing=flag")["count"]
    assert (count.nullable, count.dtype, count.policy.missing) == (True, "float64", "flag")


def test_whole_numbers_that_are_computed_in_float32_are_never_missing(
    frame: pd.DataFrame,
) -> None:
    """With a missing value they would be float64, and so would be all that is computed."""
    X = frame[["small", "number"]].astype({"number": "float32"})
    roots = make_pipeline(SimpleImputer(), FunctionTransformer(np.arcsinh))
    model = make_column_transformer((roots, ["small", "number"])).fit(X)
    assert not derive(model, X)["small"].nullable
    with pytest.raises(RefusedModel, match="answers those differently"):
        derive(model, X, "small:missing=accept")
    apart = make_column_transformer((roots, ["small"]), (roots, ["number"])).fit(X)
    assert derive(apart, X)["small"].nullable
    double = X.astype("float64").assign(small=X["small"])
    assert derive(model.fit(double), double)["small"].nullable


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("job:unknown=flag", "no such column; it has number, kind, flag"),
        ("number:missing=flag", "cannot do this for column 'number': ValueError: Input X contains"),
        ("*:missing=accept", r"--policy \*:missing=accept: .* column 'number'"),
        ("flag:missing=flag", "booleans has no room for a missing value"),
        ("kind:unknown=accept", "cannot do this for column 'kind': ValueError: Found unknown"),
        ("*:unknown=flag", "cannot do this for column 'kind'"),
        ("number:unknown=flag", "number:unknown=flag: no encoder has learned its categories"),
        ("kind:out_of_range=flag", "kind:out_of_range=flag: it is no number with a range"),
    ],
)
def test_what_the_pipeline_cannot_do_is_refused(
    frame: pd.DataFrame, rule: str, sentence: str
) -> None:
    X = frame[["number", "kind", "flag"]]
    encoder = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    model = encoded(X, encoder)
    with pytest.raises(RefusedModel, match=sentence):
        derive(model, X, rule)


def test_a_rule_for_a_column_goes_before_one_for_all(frame: pd.DataFrame) -> None:
    X = frame[["number", "count"]]
    rules = ("count:out_of_range=accept", "*:out_of_range=reject", "*:out_of_range=flag")
    found = derive(LinearRegression().fit(X, Y), X, *rules)
    assert found["number"].policy.out_of_range == "flag"
    assert found["count"].policy.out_of_range == "accept"


def test_a_sample_that_the_policies_reject_is_refused(frame: pd.DataFrame) -> None:
    X = frame[["hole"]]
    model = make_pipeline(SimpleImputer(), Ridge()).fit(X, Y)
    schema = input_schema(model, X, rules=[read_rule("*:missing=reject")])
    with pytest.raises(RefusedModel, match="reject every row of the sample"):
        golden_rows(model, X[X["hole"].isna()], schema, output_schema(model, X))


def test_an_example_is_one_that_the_policy_takes(frame: pd.DataFrame) -> None:
    X = frame[["kind"]]
    model = encoded(X, OneHotEncoder(handle_unknown="ignore"))
    strange = pd.DataFrame({"kind": pd.Series(["new", "a"], dtype="str")})
    assert derive(model, strange)["kind"].example == "new"
    assert derive(model, strange, "kind:unknown=reject")["kind"].example == "a"


@pytest.mark.parametrize("name", ["number", "hole", "count", "small", "floor"])
def test_quantiles_are_those_of_the_rows(frame: pd.DataFrame, name: str) -> None:
    X = frame[[name]]
    model = make_pipeline(SimpleImputer(), Ridge()).fit(X, Y)
    quantiles = derive(model, X)[name].quantiles
    assert quantiles is not None
    expected = np.nanquantile(X[name].astype(float), [percent / 100 for percent in QUANTILES])
    assert list(quantiles.model_dump().values()) == pytest.approx(expected, abs=1e-12)
    assert list(Quantiles.model_fields) == [f"p{percent}" for percent in QUANTILES]


def test_texts_and_numbers_at_the_end_of_all_have_no_quantiles(frame: pd.DataFrame) -> None:
    X = frame[["kind", "flag"]].assign(huge=np.resize([-1.7e308, 1.7e308], ROWS))
    drop = make_column_transformer((OneHotEncoder(), ["kind"]), ("drop", ["huge", "flag"]))
    found = derive(encoded(X, drop), X)
    assert [column.quantiles for column in found.values()] == [None, None, None]


def test_columns_of_older_manifests_do_what_they_did() -> None:
    old: dict[str, Any] = {"name": "a", "dtype": "string", "frame_dtype": "str"}
    number = {"name": "a", "dtype": "float64", "frame_dtype": "float64", "min": 0.0, "max": 1.0}
    for told, policy in (
        (old, Policy(unknown=None, missing="reject", out_of_range=None)),
        (old | {"categories": ["x"]}, Policy(unknown="reject", missing="reject")),
        (number, Policy(missing="reject", out_of_range="accept")),
        (number | {"nullable": True}, Policy(missing="accept", out_of_range="accept")),
        (number | {"categories": [0.0, 1.0]}, Policy(unknown="reject")),
    ):
        column = Column.model_validate_json(json.dumps(told))
        assert column.policy == policy
        assert column.quantiles is None


def test_nullable_and_the_policy_never_disagree() -> None:
    with pytest.raises(ValueError, match="nullable contradicts the policy"):
        Column(name="a", dtype="float64", frame_dtype="float64", policy=Policy(missing="flag"))


def test_categories_of_pandas_own_integers_are_integers(frame: pd.DataFrame) -> None:
    X = frame[["floor"]].astype({"floor": "Int64"})
    found = derive(encoded(X, OneHotEncoder(handle_unknown="ignore")), X)["floor"]
    assert found.categories == (1, 2, 5)
    assert {type(value) for value in found.categories} == {int}
    assert (found.frame_dtype, found.policy.unknown) == ("Int64", "flag")


def test_none_may_be_what_an_imputer_fills_in(frame: pd.DataFrame) -> None:
    kinds = frame["kind"].astype(object)
    kinds[frame["kind"] != "a"] = None
    X = pd.DataFrame({"kind": kinds})
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    found = derive(encoded(X, filled), X)["kind"]
    assert (found.categories, found.nullable, found.missing) == (("a",), True, "none")
