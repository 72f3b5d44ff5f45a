"""Each rule gives what scikit-learn gives, by readable names."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from models.errors import BadSpecification
from models.spec import Specification
from models.transform import features
from tests.models.transform.conftest import specification

Array = np.ndarray[Any, Any]
FUNCTIONS = "tests.models.transform.own_functions"


def made(spec: Specification, frame: pd.DataFrame, y: Any = None) -> pd.DataFrame:
    """Return the features of the rows by name."""
    transformer = clone(features(spec))
    answered = transformer.fit_transform(frame[spec.feature_columns()], y)
    dense = answered.toarray() if hasattr(answered, "toarray") else answered
    return pd.DataFrame(dense, columns=transformer.get_feature_names_out())


@pytest.mark.parametrize(
    ("scale", "scaler"),
    [("standard", StandardScaler), ("minmax", MinMaxScaler), ("robust", RobustScaler)],
)
def test_numbers_are_filled_then_logarithms_then_scaled(
    frame: pd.DataFrame, scale: str, scaler: Any
) -> None:
    rule = {"kind": "numeric", "columns": ["age", "income"], "log": True, "scale": scale}
    found = made(specification(rule | {"indicator": True}), frame)
    assert list(found) == ["age", "income", "missingindicator_income"]
    filled = SimpleImputer(strategy="median").fit_transform(frame[["age", "income"]])
    expected = scaler().fit_transform(np.log1p(filled))
    np.testing.assert_allclose(found[["age", "income"]], expected, rtol=0, atol=1e-12)
    assert (found["missingindicator_income"] == frame["income"].isna()).all()


@pytest.mark.parametrize(
    ("impute", "filling"),
    [("mean", lambda values: values.mean()), ("zero", lambda values: 0.0)],
)
def test_how_holes_are_filled(frame: pd.DataFrame, impute: str, filling: Any) -> None:
    rule = {"kind": "numeric", "columns": ["income"], "impute": impute, "scale": "none"}
    found = made(specification(rule), frame)
    expected = frame["income"].fillna(filling(frame["income"]))
    np.testing.assert_allclose(found["income"], expected, rtol=1e-12)


def test_holes_can_be_left_to_the_estimator(frame: pd.DataFrame) -> None:
    rule = {"kind": "numeric", "columns": ["income"], "impute": "none", "scale": "none"}
    found = made(specification(rule), frame)
    pd.testing.assert_series_equal(found["income"], frame["income"], check_index=False)


def test_what_has_no_logarithm_is_an_error_in_training_and_the_least_value_later(
    frame: pd.DataFrame,
) -> None:
    spec = specification({"kind": "numeric", "columns": ["age"], "log": True, "scale": "none"})
    step = features(spec).fit(frame[["age"]])
    odd = step.transform(pd.DataFrame({"age": [-7, frame["age"].min(), 2]}))
    assert odd[0] == odd[1]
    assert odd[2] == np.log1p(2.0)
    with pytest.raises(ValueError, match=r"'age' has the value -3; .*take log = true away"):
        features(spec).fit(frame[["age"]].assign(age=np.arange(len(frame)) - 3))


def test_one_hot_unknown_is_all_zeros(frame: pd.DataFrame) -> None:
    spec = specification({"kind": "onehot", "columns": ["city"]})
    found = made(spec, frame)
    assert list(found) == ["city_Bonn", "city_Kiel", "city_Ulm", "city_nan"]
    expected = OneHotEncoder(sparse_output=False).fit_transform(frame[["city"]])
    assert np.array_equal(found, expected)
    step = features(spec).fit(frame[["city"]])
    assert not step.transform(pd.DataFrame({"city": pd.Series(["Rom"], dtype="str")})).any()


def test_rare_categories_share_a_feature(frame: pd.DataFrame) -> None:
    rows = frame.assign(city=frame["city"].where(frame.index > 2, "Calw"))
    found = made(specification({"kind": "onehot", "columns": ["city"], "min_frequency": 4}), rows)
    assert "city_infrequent_sklearn" in found
    assert "city_Calw" not in found


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_response_coding_is_cross_fitted_and_unknown_ones_take_the_prior(
    frame: pd.DataFrame, numbers: Array, task: str
) -> None:
    y: Any = {
        # Whole numbers must not be taken for classes.
        "regression": np.rint(numbers),
        "binary": np.where(numbers > numbers.mean(), "yes", "no"),
        "multiclass": np.array(["a", "b", "c"])[np.digitize(numbers, [4.0, 6.0])],
    }[task]
    regression = task == "regression"
    spec = specification(
        {"kind": "response", "columns": ["city"]},
        task="regression" if regression else "classification",
    )
    found = made(spec, frame, y)
    folds: Any = KFold if regression else StratifiedKFold
    encoder = TargetEncoder(
        target_type="continuous" if regression else task,
        cv=folds(5, shuffle=True, random_state=0),
    )
    np.testing.assert_allclose(found, encoder.fit_transform(frame[["city"]], y), rtol=0, atol=1e-12)
    assert list(found) == (["city_a", "city_b", "city_c"] if task == "multiclass" else ["city"])
    step = features(spec).fit(frame[["city"]], y)
    unknown = step.transform(pd.DataFrame({"city": pd.Series(["Rom"], dtype="str")}))
    prior = y.mean() if regression else [(y == one).mean() for one in np.unique(y)]
    np.testing.assert_allclose(unknown[0], prior if task != "binary" else prior[1:], atol=1e-12)


def test_an_order_counts_and_unknown_is_minus_one(frame: pd.DataFrame) -> None:
    rule = {"kind": "ordinal", "columns": ["size"], "order": [["low", "mid", "high"]]}
    spec = specification(rule)
    expected = frame["size"].map({"low": 0, "mid": 1, "high": 2})
    assert (made(spec, frame)["size"] == expected).all()
    step = features(spec).fit(frame[["size"]])
    strange = pd.DataFrame({"size": pd.Series(["huge", None, "mid"], dtype="str")})
    assert step.transform(strange).ravel().tolist() == [-1, -1, 1]


def test_an_order_must_fit_its_column() -> None:
    def ordinal(column: str, *orders: list[Any]) -> Specification:
        return specification({"kind": "ordinal", "columns": [column], "order": list(orders)})

    for spec, words in (
        (ordinal("size", ["low"], ["high"]), "1 columns and 2 orders"),
        (ordinal("size", [1, 2]), "values of its type, text"),
        (ordinal("age", [3, 1]), "does not ascend"),
    ):
        with pytest.raises(BadSpecification, match=words):
            features(spec)


def test_booleans_with_and_without_holes(frame: pd.DataFrame) -> None:
    found = made(specification({"kind": "boolean", "columns": ["member", "paid"]}), frame)
    assert list(found) == ["member", "paid"]
    more_frequent = bool(frame["member"].dropna().astype(bool).mean() > 0.5)
    filled = frame["member"].where(frame["member"].notna(), more_frequent)
    assert (found["member"] == filled.astype(float)).all()
    assert (found["paid"] == frame["paid"]).all()


def test_words_are_tf_idf_a_column_and_missing_text_has_none(frame: pd.DataFrame) -> None:
    rule = {"kind": "text", "columns": ["note", "size"], "ngrams": [1, 2], "max_features": 12}
    found = made(specification(rule), frame)
    known = TfidfVectorizer(ngram_range=(1, 2), max_features=12)
    weights = known.fit_transform(frame["note"].fillna("")).toarray()
    np.testing.assert_allclose(found.iloc[:, :12], weights, rtol=0, atol=1e-12)
    assert list(found)[:12] == [f"note_{word}" for word in known.get_feature_names_out()]
    assert list(found)[12:] == ["size_high", "size_low", "size_mid"]
    assert not found.loc[frame["note"].isna()].iloc[:, :12].to_numpy().any()


def test_hashed_words(frame: pd.DataFrame) -> None:
    rule = {"kind": "text", "columns": ["note"], "hashed": True, "max_features": 32}
    found = made(specification(rule), frame)
    known = HashingVectorizer(n_features=32, alternate_sign=False)
    assert np.array_equal(found, known.transform(frame["note"].fillna("")).toarray())
    assert list(found)[:2] == ["note_hash0", "note_hash1"]


def test_a_function_of_the_users_own(frame: pd.DataFrame) -> None:
    rule = {"kind": "function", "columns": ["income", "age"], "call": f"{FUNCTIONS}:ratio"}
    found = made(specification(rule | {"arguments": {"floor": 30.0}}), frame)
    expected: Any = frame["income"].fillna(0.0) / np.maximum(frame["age"], 30.0)
    pd.testing.assert_series_equal(found["ratio"], expected, check_names=False, check_index=False)
    unnamed = made(specification(rule | {"call": f"{FUNCTIONS}:squares"}), frame)
    assert list(unnamed) == ["squares0", "squares1"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("__main__:ratio", "__main__ lives in one script"),
        (f"{FUNCTIONS}:nameless", "cannot be stored"),
        (f"{FUNCTIONS}:rattio", "has no function 'rattio'"),
        ("tests.models.no_such:ratio", "cannot be imported"),
    ],
)
def test_functions_that_could_not_be_served_are_refused(call: str, words: str) -> None:
    with pytest.raises(BadSpecification, match=words):
        features(specification({"kind": "function", "columns": ["age"], "call": call}))


def test_a_function_over_all_rows_is_refused(frame: pd.DataFrame) -> None:
    rule = {"kind": "function", "columns": ["age"], "call": f"{FUNCTIONS}:total"}
    with pytest.raises(ValueError, match="total answers shape"):
        features(specification(rule)).fit(frame[["age"]])


def test_a_rule_for_another_type_is_refused() -> None:
    with pytest.raises(BadSpecification, match="'city' is of type 'text', and kind = 'numeric'"):
        features(specification({"kind": "numeric", "columns": ["city"]}))


def test_rules_of_one_kind_have_names_that_a_search_can_reach(tmp_path: Path) -> None:
    spec = specification(
        {"kind": "numeric", "columns": ["age"]},
        {"kind": "numeric", "columns": ["income"], "impute": "mean"},
    )
    known = features(spec).get_params()
    assert known["numeric__impute__strategy"] == "median"
    assert known["numeric_2__impute__strategy"] == "mean"
