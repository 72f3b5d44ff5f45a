"""Mixed tables without a DataFrame: imputers, encoders and ColumnTransformers of them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)

from tests.models.forms.hostile import assert_same, forms_of, number_rows

DRAW = np.random.default_rng(5)
ROWS = 240
FRAME = pd.DataFrame(
    {
        "age": np.where(DRAW.random(ROWS) < 0.2, np.nan, DRAW.normal(40, 9, ROWS)),
        "job": DRAW.choice(["nurse", "cook", "smith", "clerk"], ROWS, p=[0.5, 0.3, 0.15, 0.05]),
        "rooms": DRAW.integers(1, 6, ROWS),
        "town": DRAW.choice(np.array(["York", "Hull", None], dtype=object), ROWS),
        "owner": DRAW.random(ROWS) < 0.5,
        "share": DRAW.random(ROWS).astype("float32"),
    }
)
# Objects, or pandas would make NaN of None.
FRAME["town"] = pd.Series([None if pd.isna(town) else town for town in FRAME["town"]], dtype=object)
LABELS = np.array(["no", "so", "yes"])[
    (FRAME["rooms"] + (FRAME["job"] == "cook") * 2).clip(1, 3).to_numpy() - 1
]
NUMBERS, WORDS = ["age", "rooms", "share"], ["job"]
pytestmark = pytest.mark.filterwarnings("ignore")


def odd_rows(unknown: bool = True) -> pd.DataFrame:
    """Return rows with unseen categories, extremes, and both kinds of missing values."""
    draw = np.random.default_rng(7)
    rows = FRAME.sample(400, replace=True, random_state=3).reset_index(drop=True)
    ages = number_rows(FRAME[["age"]].to_numpy())[:, 0]
    rows["age"] = draw.choice(ages, len(rows))
    rows["rooms"] = draw.integers(-1, 9, len(rows)) if unknown else rows["rooms"]
    if unknown:
        jobs = np.array(["nurse", "cook", "", "Nurse", "nürse", "a" * 99, None], dtype=object)
        rows["job"] = pd.Series(draw.choice(jobs, len(rows)), dtype=FRAME["job"].dtype)
        towns = np.array(["York", "Hull", "Bath", None], dtype=object)
        rows["town"] = pd.Series(draw.choice(towns, len(rows)), dtype=object)
    return rows


def mixed(numbers: Any, words: Any, **settings: Any) -> ColumnTransformer:
    return ColumnTransformer([("n", numbers, NUMBERS), ("w", words, WORDS)], **settings)


FILLED = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())


@pytest.mark.parametrize(
    "words",
    [
        OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32),
        OneHotEncoder(drop="first"),
        OneHotEncoder(drop="if_binary", handle_unknown="ignore", min_frequency=30),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=40),
        OneHotEncoder(handle_unknown="warn", max_categories=2),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, min_frequency=40),
        OrdinalEncoder(),
        make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
        make_pipeline(
            SimpleImputer(strategy="constant", fill_value="?"),
            OneHotEncoder(handle_unknown="ignore"),
        ),
    ],
    ids=str,
)
def test_encoders_before_a_linear_model(words: Any) -> None:
    for unknown in (True, False):
        for method in (LogisticRegression(max_iter=300), None):
            steps = [("features", mixed(FILLED, words, sparse_threshold=0))]
            model = Pipeline([*steps, ("model", method)] if method else steps)
            model.fit(FRAME, LABELS)
            if "nan" in str(words) and method:
                continue  # NaN reaches the linear model: both refuse
            assert_same(model, FRAME, odd_rows(unknown), ["lean"], within=1e-12)


@pytest.mark.parametrize("target", ["binary", "multiclass", "continuous"])
def test_target_encoder(target: str) -> None:
    y: Any = {
        "binary": LABELS == "so",
        "multiclass": LABELS,
        "continuous": FRAME["age"].fillna(3).to_numpy(),
    }[target]
    encoded = ColumnTransformer(
        [("t", TargetEncoder(random_state=0), ["job", "town", "rooms"])], remainder="drop"
    )
    model = Pipeline([("features", encoded), ("model", Ridge())])
    y = y if target == "continuous" else pd.factorize(y, sort=True)[0]
    if target != "continuous":
        model.set_params(model=LogisticRegression(max_iter=300))
    assert_same(model.fit(FRAME, y), FRAME, odd_rows(), ["lean"], within=1e-12)


def test_sparse_and_dense_stacks_give_the_same() -> None:
    for threshold in (0.0, 0.3, 1.0):
        words = OneHotEncoder(handle_unknown="ignore")
        model = make_pipeline(
            mixed(SimpleImputer(), words, sparse_threshold=threshold), LogisticRegression()
        )
        assert_same(model.fit(FRAME, LABELS), FRAME, odd_rows(), ["lean"], within=1e-12)


@pytest.mark.parametrize("remainder", ["drop", "passthrough", MinMaxScaler()], ids=str)
def test_columns_by_name_position_slice_mask_and_rule(remainder: Any) -> None:
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    choices: list[Any] = [
        ["job", "town"],
        [1, 3],
        slice(1, 4, 2),
        slice("job", "town"),
        [False, True, False, True, False, False],
        make_column_selector(dtype_exclude="number"),
    ]
    for choice in choices:
        parts = [("w", words, choice), ("n", SimpleImputer(), ["age"])]
        model = make_pipeline(
            ColumnTransformer(parts, remainder=remainder), RandomForestClassifier(5, random_state=0)
        )
        assert_same(model.fit(FRAME, LABELS), FRAME, odd_rows(), ["lean", "walked"])


def test_nested_pipelines_and_passed_steps() -> None:
    inner = Pipeline([("fill", SimpleImputer()), ("none", "passthrough"), ("in", FILLED)])
    model = make_pipeline(
        ColumnTransformer(
            [
                ("n", inner, ["age"]),
                ("m", MissingIndicator(error_on_new=False), ["age", "share"]),
                ("gone", "drop", ["town"]),
                ("w", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), [1]),
                ("as_is", "passthrough", ["rooms", "owner"]),
            ]
        ),
        HistGradientBoostingClassifier(max_iter=4, random_state=0),
    )
    assert_same(model.fit(FRAME, LABELS), FRAME, odd_rows(), ["lean", "walked"])


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("keeps", [True, False])
def test_numbers_are_filled(strategy: str, dtype: str, keeps: bool) -> None:
    rows = DRAW.normal(size=(60, 4)).astype(dtype)
    rows[::3, 0] = np.nan
    rows[:, 2] = np.nan
    imputer = SimpleImputer(strategy=strategy, keep_empty_features=keeps, add_indicator=True)
    odd = number_rows(np.nan_to_num(rows.astype(np.float64)))[::3]
    odd[::5, 0] = np.nan
    odd[::7, 3] = np.nan
    assert_same(make_pipeline(imputer).fit(rows), rows, odd, ["lean"])
    for steps in ([StandardScaler()], []):
        model = make_pipeline(imputer, *steps, Ridge()).fit(rows, np.arange(60))
        assert_same(model, rows, odd, ["lean"])


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("holes", [(0,), (0, 1, 2)])
@pytest.mark.parametrize("empty", [True, False])
def test_what_was_filled_lies_in_memory_as_scikit_learn_has_it(
    told: bool, holes: tuple[int, ...], empty: bool
) -> None:
    # BLAS rounds otherwise for another order, which single precision shows after seven digits.
    rows = DRAW.normal(size=(60, 4 if empty else 3)).astype(np.float32)
    rows[::3, holes] = np.nan
    rows[:, 3:] = np.nan
    imputer = make_pipeline(SimpleImputer(add_indicator=told)).fit(rows)
    [form] = forms_of(imputer, rows)[1]
    for asked in (rows, rows[1:3], np.nan_to_num(rows)):
        expected = imputer.transform(asked)
        found = form.transform(asked.astype(np.float64))  # type: ignore[attr-defined]
        np.testing.assert_array_equal(found, expected)
        assert found.flags.c_contiguous == expected.flags.c_contiguous
        assert found.flags.f_contiguous == expected.flags.f_contiguous


def test_encoders_of_numbers_in_an_array() -> None:
    rows = DRAW.integers(0, 4, (90, 3)).astype(np.float64)
    rows[::9, 1] = np.nan
    odd = number_rows(rows)[::2]
    for encoder in (
        OneHotEncoder(handle_unknown="ignore"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-3),
        OneHotEncoder(),
    ):
        model = make_pipeline(encoder, RandomForestClassifier(4, random_state=0))
        assert_same(model.fit(rows, rows[:, 0] > 1), rows, odd, ["lean", "walked"])


def test_what_is_not_known_has_no_form() -> None:
    words = OneHotEncoder(handle_unknown="ignore")
    for features in (
        mixed(FILLED, words, transformer_weights={"n": 2.0}),
        mixed(FILLED, OneHotEncoder(dtype=np.int64, handle_unknown="ignore")),
        mixed(FunctionTransformer(np.nan_to_num), words),
    ):
        model = make_pipeline(features, LogisticRegression(max_iter=300)).fit(FRAME, LABELS)
        assert forms_of(model, FRAME)[1] == [], features
