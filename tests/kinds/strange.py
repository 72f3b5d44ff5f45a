"""What strangers brought: pandas' newer types, odd names, boosters, models around models."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold, TunedThresholdClassifierCV
from sklearn.multioutput import RegressorChain
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier, XGBRegressor

from tests.kinds.functions import Wrapped, filled_in_place
from tests.kinds.kind import Fitted, Kind, churn, mixed, numbers, spending, three, two, value
from tests.kinds.texts import moods, texts


def words(columns: list[str], encoder: Any, target: Any, last: Any) -> Fitted:
    """Fit on some columns of `mixed`, with an encoder for its words."""
    rows = mixed()[columns]
    kinds = make_column_selector(dtype_exclude=["number", "bool"])
    encode = make_column_transformer((encoder, kinds), remainder="passthrough")
    return Fitted(make_pipeline(encode, last).fit(rows, target(mixed())), rows)


def arrow_strings() -> Fitted:
    types = {"city": "string[pyarrow]", "plan": "string[python]"}
    rows = mixed()[["city", "plan", "age"]].astype(types)
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city", "plan"]), remainder="passthrough"
    )
    model = make_pipeline(encode, LogisticRegression(max_iter=500))
    return Fitted(model.fit(rows, churn(mixed())), rows)


def categories(model: Any, target: Any) -> Fitted:
    """Fit on pandas' categories, some of them missing."""
    rows = mixed()[["city", "plan", "age", "income"]]
    rows.loc[::9, "plan"] = np.nan
    rows = rows.astype({"city": "category", "plan": "category"})
    return Fitted(model.fit(rows, target(mixed())), rows)


def stays(rows: pd.DataFrame) -> Any:
    return (churn(rows) == "stays").astype(int)


def number_categories() -> Fitted:
    rows = mixed()[["age", "visits"]]
    rows["zip"] = pd.Categorical(rows["age"] % 4)
    model = HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype")
    return Fitted(model.fit(rows, churn(mixed())), rows)


def missing_words() -> Fitted:
    rows = mixed()[["plan", "age"]]
    rows.loc[::6, "plan"] = np.nan
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=-2
    )
    encode = make_column_transformer((encoder, ["plan"]), remainder="passthrough")
    model = make_pipeline(encode, HistGradientBoostingRegressor(max_iter=5))
    return Fitted(model.fit(rows, spending(mixed())), rows)


def frames_inside() -> Fitted:
    rows = mixed()
    encode = ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
             ["age", "income", "visits"]),
            ("c", OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["city", "plan"]),
            ("m", "passthrough", ["member"]),
        ]
    )  # fmt: skip
    model = make_pipeline(encode, SelectKBest(k=6), LogisticRegression(max_iter=500))
    return Fitted(model.set_output(transform="pandas").fit(rows, churn(rows)), rows)


def names_with_marks() -> Fitted:
    rows = numbers(5)
    target = two(rows)
    rows.columns = pd.Index([" lead", "trail ", "a,b", "new\nline", "x\\y"])
    return Fitted(LogisticRegression().fit(rows, target), rows)


def names_of_keys() -> Fitted:
    rows = numbers(5)
    target = value(rows)
    rows.columns = pd.Index(["instances", "inputs", "prediction", "model", "b64"])
    return Fitted(Ridge().fit(rows, target), rows)


def on_numbers(model: Any, target: Callable[[Any], Any]) -> Fitted:
    rows = numbers()
    return Fitted(model.fit(rows, target(rows)), rows)


def calibrated_and_frozen() -> Fitted:
    forest = on_numbers(RandomForestClassifier(5, random_state=0), three).model
    return on_numbers(CalibratedClassifierCV(FrozenEstimator(forest)), three)


def gaps_for_a_booster() -> Fitted:
    rows = numbers()
    rows.loc[::5, "x1"] = np.nan
    model = make_pipeline(StandardScaler(), XGBRegressor(n_estimators=5, n_jobs=1))
    return Fitted(model.fit(rows, value(numbers())), rows)


def two_texts() -> Fitted:
    rows = texts()
    rows["title"] = rows["review"].str[::-1]
    encode = ColumnTransformer(
        [("r", TfidfVectorizer(), "review"), ("t", HashingVectorizer(n_features=32), "title")]
    )
    return Fitted(make_pipeline(encode, LogisticRegression()).fit(rows, moods(rows)), rows)


def written_in_place() -> Fitted:
    """Fit behind a function that assigns to its argument, as many do."""
    rows = numbers()
    rows.loc[::5, "x1"] = np.nan
    model = make_pipeline(FunctionTransformer(filled_in_place), LogisticRegression())
    return Fitted(model.fit(rows.copy(), two(numbers())), rows)


def stack_of_pipelines() -> Fitted:
    """Fit a stack whose members bring encoders of their own; "NA" is one of their words."""
    rows = mixed()

    def member(last: Any) -> Any:
        encode = make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["city", "plan"]),
            (SimpleImputer(), ["age", "income", "visits"]),
        )
        return make_pipeline(encode, last)

    trees = {"one": DecisionTreeClassifier(max_depth=3), "some": RandomForestClassifier(5)}
    members = [(name, member(last.set_params(random_state=0))) for name, last in trees.items()]
    model = StackingClassifier(members, LogisticRegression(), cv=2)
    return Fitted(model.fit(rows, churn(rows)), rows)


def large_integers(rows: Any) -> Any:
    return np.array([2**60 + 1, 2**60 + 3, -(2**61)])[three(rows)]


def letters(rows: Any) -> Any:
    return np.array(["a", "b", "c"])[three(rows)]


def pair(rows: Any) -> Any:
    return np.column_stack([value(rows), rows["x1"]])


PROBABLE: dict[str, Callable[[], Fitted]] = {
    "infrequent-words": partial(
        words, ["city", "plan", "age"],
        OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist"),
        churn, LogisticRegression(max_iter=500),
    ),
    "targets-of-classes": partial(
        words, ["city", "plan", "age"], TargetEncoder(cv=StratifiedKFold(3), smooth=2.0),
        lambda rows: np.digitize(rows["age"], [30, 50]).astype(str), GaussianNB(),
    ),
    "set-output-frames": frames_inside,
    "calibrated-frozen": calibrated_and_frozen,
    "tuned-threshold": partial(
        on_numbers, TunedThresholdClassifierCV(LogisticRegression(), cv=3, random_state=0), two
    ),
    "large-integers": partial(on_numbers, DecisionTreeClassifier(max_depth=3), large_integers),
    "lightgbm": partial(on_numbers, LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1), letters),
    "xgboost": partial(on_numbers, XGBClassifier(n_estimators=5, n_jobs=1), three),
    "stack-of-pipelines": stack_of_pipelines,
    "two-texts": two_texts,
    "written-in-place": written_in_place,
}  # fmt: skip
PROBABLE_BY_PARQUET: dict[str, Callable[[], Fitted]] = {
    "arrow-strings": arrow_strings,
    "number-categories": number_categories,
    "names-with-marks": names_with_marks,
    "xgboost-categories": partial(
        categories, XGBClassifier(n_estimators=5, n_jobs=1, enable_categorical=True), stays
    ),
}
CERTAIN: dict[str, Callable[[], Fitted]] = {
    "missing-words": missing_words,
    "names-of-keys": names_of_keys,
    "regressor-chain": partial(on_numbers, RegressorChain(Ridge(), order=[1, 0]), pair),
    "gaps-for-xgboost": gaps_for_a_booster,
    "wrapped-by-a-stranger": partial(on_numbers, Wrapped(Ridge()), value),
    "outliers-of-words": partial(
        words, ["city", "age"], OneHotEncoder(), churn,
        IsolationForest(n_estimators=10, random_state=0),
    ),
}  # fmt: skip
KINDS = (
    *(Kind(name, make, probabilities=True) for name, make in PROBABLE.items()),
    *(
        Kind(name, make, sample="parquet", probabilities=True)
        for name, make in PROBABLE_BY_PARQUET.items()
    ),
    *(Kind(name, make) for name, make in CERTAIN.items()),
)
