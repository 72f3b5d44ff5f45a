"""Models that cannot be served, each with what its refusal has to say."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from sklearn.cluster import DBSCAN
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.manifold import SpectralEmbedding
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
)

from tests.kinds.functions import centred, day_of_year, doubled_in_place, in_hours
from tests.kinds.kind import FITTED_ROWS, Fitted, mixed, numbers, three, value
from tests.kinds.texts import moods, texts


class Refused(NamedTuple):
    """A model, and words of the refusal: the cause, and what to do."""

    name: str
    fit: Callable[[], Fitted]
    cause: str
    remedy: str
    sample: Literal["csv", "parquet"] = "csv"


def on_numbers(model: Any) -> Callable[[], Fitted]:
    return lambda: Fitted(model.fit(numbers(), three(numbers())), numbers())


def durations() -> Fitted:
    rows = pd.DataFrame({"day": pd.to_timedelta(np.arange(FITTED_ROWS), unit="h")})
    model = make_pipeline(FunctionTransformer(in_hours), LinearRegression())
    return Fitted(model.fit(rows, np.arange(FITTED_ROWS)), rows)


def beyond_int64() -> Fitted:
    rows = pd.DataFrame({"id": np.arange(FITTED_ROWS, dtype=np.uint64) + np.uint64(2**63 - 1)})
    return Fitted(LinearRegression().fit(rows, np.arange(FITTED_ROWS)), rows)


def dates() -> Fitted:
    rows = pd.DataFrame({"day": pd.date_range("2026-01-01", periods=FITTED_ROWS, freq="D")})
    model = make_pipeline(FunctionTransformer(day_of_year), LinearRegression())
    return Fitted(model.fit(rows, np.arange(FITTED_ROWS)), rows)


def the_same_name_twice() -> Fitted:
    """Fit on an array: scikit-learn refuses a frame with such columns itself."""
    rows = numbers(3)
    model = LinearRegression().fit(rows.to_numpy(), value(rows))
    return Fitted(model, rows.set_axis(["a", "b", "a"], axis=1))


def looks_at_neighbours() -> Fitted:
    rows = numbers()
    model = make_pipeline(FunctionTransformer(centred), LinearRegression())
    return Fitted(model.fit(rows, value(rows)), rows)


def writes_into_rows() -> Fitted:
    """Fit a classifier that is asked for labels and for probabilities."""
    rows = numbers()
    model = make_pipeline(FunctionTransformer(doubled_in_place), LogisticRegression())
    return Fitted(model.fit(rows.copy(), three(rows)), rows)


def lets_gaps_through() -> Fitted:
    rows = numbers()
    rows.loc[::5, "x1"] = np.nan
    return Fitted(StandardScaler().fit(rows), rows)


def words_out() -> Fitted:
    rows = mixed()[["city", "plan"]]
    return Fitted(SimpleImputer(strategy="most_frequent").fit(rows), rows)


def texts_with_another_column() -> Fitted:
    rows = texts()
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(rows["review"], moods(rows))
    return Fitted(model, rows.assign(mood=moods(rows)))


def sparse_columns() -> Fitted:
    rows = mixed()[["city", "plan"]]
    encode = make_column_transformer((OneHotEncoder(), ["city", "plan"]), sparse_threshold=1.0)
    return Fitted(encode.fit(rows), rows)


def vectors_of_texts() -> Fitted:
    return Fitted(TfidfVectorizer().fit(texts()["review"]), texts())


def half_floats() -> Fitted:
    """Scale two steps deep; printed, such numbers are short, and others when they are read."""
    rows = numbers().astype(np.float16)
    model = make_pipeline(make_column_transformer((MinMaxScaler(), ["x0", "x1"])), Ridge())
    return Fitted(model.fit(rows, value(numbers())), rows)


def half_float_columns() -> Fitted:
    rows = numbers().astype(np.float16)
    return Fitted(Ridge().fit(rows, value(numbers())), rows)


def chance(strategy: str) -> Any:
    return DummyClassifier(strategy=strategy, random_state=0)


def searched() -> Any:
    return GridSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, cv=2, refit=False)


BY_CLI = (
    Refused("dbscan", on_numbers(DBSCAN()), "DBSCAN, which has neither", "use KMeans"),
    Refused(
        "durations",
        durations,
        "column 'day' holds timedelta64",
        "fit the pipeline on numbers, such as seconds",
        "parquet",
    ),
    Refused(
        "twice", the_same_name_twice, "twice.csv has two columns 'a'", "give each a name of its own"
    ),
)
BY_FUNCTION = (
    Refused("pipeline-dbscan", on_numbers(make_pipeline(StandardScaler(), DBSCAN())),
            "labels only the rows that it was fitted on", "fit a classifier on its labels"),
    Refused("days", dates, "rows hold day str", "as Parquet, for a CSV file cannot tell days"),
    Refused("beyond", beyond_int64, "column 'id' holds whole numbers above 9223372036854775807",
            "float64 or on texts"),
    Refused("no-novelty", on_numbers(LocalOutlierFactor()), "LocalOutlierFactor, which has neither",
            "fit it with novelty=True"),
    Refused("map", on_numbers(SpectralEmbedding()),
            "places only the rows that it was fitted on", "use PCA"),
    Refused("nearest", on_numbers(NearestNeighbors()), "NearestNeighbors, which has neither",
            "dump the fitted estimator or pipeline itself"),
    Refused("not-refitted", on_numbers(searched()), "GridSearchCV, which has neither",
            "let the search have refit=True"),
    Refused("neighbours-matter", looks_at_neighbours, "depends on the rows that are asked with it",
            "let it learn in fit"),
    Refused("writes", writes_into_rows, r"writes into the rows that it is given \(columns: x0\)",
            "X = X.copy()"),
    Refused("chance", on_numbers(chance("uniform")), "or on chance", "draws random numbers"),
    Refused("gaps", lets_gaps_through, "transform answers NaN", "put an imputer before"),
    Refused("words-out", words_out, "transform answers (object|str)", "let an encoder be its last"),
    Refused("wide", on_numbers(PolynomialFeatures(17)), "answers 5985 numbers", "with a PCA"),
    Refused("half-floats", half_floats, "MinMaxScaler.(scale|min)_ is float16", "and fit again"),
    Refused("half-columns", half_float_columns, "column 'x0' holds floats of 16 bits",
            "astype", "parquet"),
    Refused("sparse", sparse_columns, "transform answers a sparse matrix", "sparse_threshold=0"),
    Refused("vectors", vectors_of_texts, "transform answers a sparse matrix", "put TruncatedSVD"),
    Refused("text-and-more", texts_with_another_column, "has 2 columns and the model was fitted on"
            " a list of texts", "give one column"),
)  # fmt: skip
