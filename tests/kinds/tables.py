"""Pipelines over tables of mixed types."""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)

from models.transform.dates import DateFeatures
from tests.kinds.functions import day_of_text, hours_between, ratios
from tests.kinds.kind import (
    FITTED_ROWS,
    Fitted,
    Kind,
    churn,
    mixed,
    numbers,
    spending,
    two,
    value,
)


def nested_column_transformers() -> Fitted:
    rows = mixed()
    measures = ColumnTransformer(
        [
            ("filled", make_pipeline(SimpleImputer(), StandardScaler()), ["income"]),
            ("both", FeatureUnion([("plain", "passthrough"), ("z", StandardScaler())]), ["age"]),
        ],
        remainder="passthrough",
    )
    inner = ColumnTransformer(
        [("measures", measures, ["age", "income", "visits"]), ("flag", "passthrough", ["member"])]
    )
    outer = ColumnTransformer(
        [
            ("words", OneHotEncoder(handle_unknown="ignore"), ["city", "plan"]),
            ("rest", inner, ["age", "income", "visits", "member"]),
        ]
    )
    model = make_pipeline(outer, LogisticRegression(max_iter=2000))
    return Fitted(model.fit(rows, churn(rows)), rows)


def numpy_function() -> Fitted:
    rows = numbers().abs()
    model = make_pipeline(FunctionTransformer(np.log1p), LinearRegression())
    return Fitted(model.fit(rows, value(rows)), rows)


def importable_function() -> Fitted:
    rows = numbers()
    model = make_pipeline(FunctionTransformer(ratios), StandardScaler(), Ridge())
    return Fitted(model.fit(rows, value(rows)), rows)


def dates_as_texts() -> Fitted:
    days = pd.date_range("2026-01-01", periods=FITTED_ROWS, freq="D").strftime("%Y-%m-%d")
    rows = pd.DataFrame({"day": days, "x": np.arange(FITTED_ROWS) % 7 * 0.5})
    made = make_column_transformer(
        (FunctionTransformer(day_of_text), ["day"]), ("passthrough", ["x"])
    )
    model = make_pipeline(made, StandardScaler(), Ridge())
    return Fitted(model.fit(rows, np.sin(np.arange(FITTED_ROWS))), rows)


def moments() -> Fitted:
    """Fit on moments themselves, as a Parquet file or a database gives them."""
    return between(pd.date_range("2026-01-01", periods=FITTED_ROWS, freq="7h"))


def moments_of_a_zone() -> Fitted:
    """Over the end of summer time, in nanoseconds."""
    begin = pd.date_range("2026-10-01", periods=FITTED_ROWS, freq="7h", tz="Europe/Berlin")
    return between(begin.as_unit("ns"))


def between(begin: pd.DatetimeIndex) -> Fitted:
    end = (begin + pd.to_timedelta(np.arange(FITTED_ROWS) % 50 * 11, unit="min")).to_series()
    rows = pd.DataFrame({"begin": begin, "end": end.where(np.arange(FITTED_ROWS) % 9 > 0).array})
    model = make_pipeline(FunctionTransformer(hours_between), StandardScaler(), Ridge())
    return Fitted(model.fit(rows, np.cos(np.arange(FITTED_ROWS))), rows)


def dates_in_parts() -> Fitted:
    """Fit as specifications do, with our own step."""
    days = pd.date_range("2026-01-01", periods=FITTED_ROWS, freq="D").strftime("%Y-%m-%d")
    rows = pd.DataFrame({"day": days, "x": np.arange(FITTED_ROWS) % 7 * 0.5})
    parts = make_pipeline(DateFeatures(("month", "weekday")), SimpleImputer())
    model = make_pipeline(
        make_column_transformer((parts, ["day"]), ("passthrough", ["x"])), Ridge()
    )
    return Fitted(model.fit(rows, np.sin(np.arange(FITTED_ROWS))), rows)


def target_encoder() -> Fitted:
    rows = mixed()[["city", "plan", "age"]]
    encode = make_column_transformer(
        (TargetEncoder(cv=KFold(3)), ["city", "plan"]), remainder="passthrough"
    )
    return Fitted(make_pipeline(encode, Ridge()).fit(rows, spending(mixed())), rows)


def ordinal_unknown() -> Fitted:
    rows = mixed()[["plan", "city", "age"]]
    encode = make_column_transformer(
        (
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            make_column_selector(dtype_exclude="number"),
        ),
        remainder="passthrough",
    )
    model = make_pipeline(encode, RandomForestClassifier(10, random_state=0))
    return Fitted(model.fit(rows, churn(mixed())), rows)


def pandas_categories() -> Fitted:
    rows = mixed()[["city", "plan", "age", "income"]]
    rows = rows.astype({"city": "category", "plan": "category"})
    model = HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=5)
    return Fitted(model.fit(rows, churn(mixed())), rows)


def booleans() -> Fitted:
    rows = pd.DataFrame({f"is_{i}": column > 0 for i, column in enumerate(numbers().to_numpy().T)})
    model = KNeighborsClassifier(3).fit(rows, np.asarray(rows["is_0"] & ~rows["is_2"]))
    return Fitted(model, rows)


def integers_with_gaps() -> Fitted:
    rows = mixed()[["age", "visits"]]
    rows["age"] = rows["age"].astype(float).where(np.arange(len(rows)) % 9 > 0)
    model = make_pipeline(SimpleImputer(strategy="median"), LinearRegression())
    return Fitted(model.fit(rows, spending(mixed())), rows)


def nothing_and_none() -> Fitted:
    """Fit an encoder that learned None; Parquet has only one word for what is missing."""
    words = pd.Series(["a", None, "b", "c"] * (FITTED_ROWS // 4), dtype=object)
    rows = pd.DataFrame({"word": words, "x": numbers()["x0"]})
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["word"]), remainder="passthrough"
    )
    return Fitted(make_pipeline(encode, LogisticRegression()).fit(rows, two(numbers())), rows)


def none_imputed() -> Fitted:
    """Fit an imputer of None, which leaves NaN as it is."""
    words = pd.Series(["a", None, "b", "c"] * (FITTED_ROWS // 4), dtype=object)
    rows = pd.DataFrame({"word": words, "x": numbers()["x0"]})
    filled = SimpleImputer(missing_values=None, strategy="constant", fill_value="?")
    encode = make_column_transformer(
        (make_pipeline(filled, OneHotEncoder()), ["word"]), remainder="passthrough"
    )
    return Fitted(make_pipeline(encode, LogisticRegression()).fit(rows, two(numbers())), rows)


def pandas_own_types() -> Fitted:
    rows = pd.DataFrame(
        {
            "count": pd.array(np.arange(FITTED_ROWS) % 7, dtype="Int64"),
            "yes": pd.array(np.arange(FITTED_ROWS) % 3 == 0, dtype="boolean"),
            "share": pd.array(np.arange(FITTED_ROWS) / 8, dtype="Float64"),
        }
    )
    rows.loc[::5, "count"] = pd.NA
    rows.loc[::7, "share"] = pd.NA
    model = make_pipeline(SimpleImputer(), Ridge())
    return Fitted(model.fit(rows, value(numbers())), rows)


def odd_names() -> Fitted:
    rows = numbers(8)
    target = two(rows)
    rows.columns = pd.Index(
        ["class", "two words", "1st", "a:b", 'say "hi"', "_private", "x[0].y", "$ref"]
    )
    return Fitted(LogisticRegression().fit(rows, target), rows)


def unicode_names() -> Fitted:
    rows = numbers(3)
    target = value(rows)
    rows.columns = pd.Index(["größe", "体重", "возраст"])
    return Fitted(Ridge().fit(rows, target), rows)


def sparse_inside() -> Fitted:
    rows = mixed()[["city", "plan", "visits"]]
    encode = make_column_transformer(
        (OneHotEncoder(), ["city", "plan"]), remainder="passthrough", sparse_threshold=1.0
    )
    model = make_pipeline(encode, SelectKBest(k=4), LogisticRegression())
    return Fitted(model.fit(rows, churn(mixed())), rows)


def mixed_array() -> Fitted:
    """Fit on an array of objects, as `frame.to_numpy()` gives it; columns go by their positions."""
    rows = mixed()[["city", "plan", "age"]]
    encode = make_column_transformer((OneHotEncoder(), [0, 1]), remainder="passthrough")
    return Fitted(make_pipeline(encode, Ridge()).fit(rows.to_numpy(), spending(mixed())), rows)


KINDS = (
    Kind("nested-column-transformers", nested_column_transformers, probabilities=True),
    Kind("numpy-function", numpy_function),
    Kind("importable-function", importable_function),
    Kind("dates-as-texts", dates_as_texts),
    Kind("dates-in-parts", dates_in_parts),
    Kind("moments", moments, sample="parquet"),
    Kind("moments-of-a-zone", moments_of_a_zone, sample="parquet"),
    Kind("none-imputed", none_imputed, probabilities=True),
    Kind("target-encoder", target_encoder),
    Kind("ordinal-unknown", ordinal_unknown, probabilities=True),
    Kind("pandas-categories", pandas_categories, probabilities=True),
    Kind("booleans", booleans, probabilities=True),
    Kind("integers-with-gaps", integers_with_gaps),
    Kind("odd-names", odd_names, probabilities=True),
    Kind("unicode-names", unicode_names),
    Kind("nothing-and-none", nothing_and_none, sample="parquet", probabilities=True),
    Kind("pandas-own-types", pandas_own_types, sample="parquet"),
    Kind("mixed-array", mixed_array, form="array"),
    Kind("sparse-inside", sparse_inside, probabilities=True),
)
