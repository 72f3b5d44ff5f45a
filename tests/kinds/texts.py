"""Pipelines over texts: a text column among others, or nothing but texts."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from tests.kinds.functions import lowered
from tests.kinds.kind import FITTED_ROWS, Array, Fitted, Kind

GOOD = ["great", "fine", "happy", "sunny", "bravo", "'ja'"]
BAD = ["bad", "sad", "awful", "rain,", "nein", '"no"']
ODD = ["", "NA", "null", "None", "12345", "größer: 体重 🙂"]


def texts() -> pd.DataFrame:
    """Return one column of texts, among them what looks like a missing value or a number."""
    rng = np.random.default_rng(3)
    made = [" ".join(rng.choice([GOOD, BAD][i % 2], 4)) for i in range(FITTED_ROWS - len(ODD))]
    return pd.DataFrame({"review": made[:20] + ODD + made[20:]})


def moods(rows: pd.DataFrame) -> Array:
    return np.array(
        ["good" if any(word in text for word in GOOD) else "bad" for text in rows["review"]]
    )


def text_column() -> Fitted:
    rows = texts().assign(stars=np.arange(FITTED_ROWS) % 5 + 0.5)
    encode = make_column_transformer((TfidfVectorizer(), "review"), (StandardScaler(), ["stars"]))
    model = make_pipeline(encode, LogisticRegression())
    return Fitted(model.fit(rows, moods(rows)), rows)


def cleaned_column() -> Fitted:
    rows = texts().assign(stars=np.arange(FITTED_ROWS) % 5 + 0.5)
    words = make_pipeline(FunctionTransformer(lowered), CountVectorizer())
    encode = make_column_transformer((words, "review"), remainder="passthrough")
    return Fitted(make_pipeline(encode, LogisticRegression()).fit(rows, moods(rows)), rows)


def on_a_series(*steps: Any) -> Fitted:
    rows = texts()
    return Fitted(make_pipeline(*steps).fit(rows["review"], moods(rows)), rows)


def bare_series() -> Fitted:
    return on_a_series(TfidfVectorizer(), LogisticRegression())


def bare_list() -> Fitted:
    rows = texts()
    model = make_pipeline(CountVectorizer(), MultinomialNB())
    return Fitted(model.fit(rows["review"].tolist(), moods(rows)), rows)


def union_of_words_and_letters() -> Fitted:
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3), max_features=50)
    return on_a_series(make_union(CountVectorizer(), letters), LogisticRegression())


def cleaned_first() -> Fitted:
    clean = FunctionTransformer(lowered)
    return on_a_series(clean, HashingVectorizer(n_features=64), LogisticRegression())


def lengths() -> Fitted:
    rows = texts()
    model = make_pipeline(TfidfVectorizer(), Ridge())
    return Fitted(model.fit(rows["review"], rows["review"].str.len().to_numpy()), rows)


def topics() -> Fitted:
    return on_a_series(TfidfVectorizer(), TruncatedSVD(3, random_state=0))


KINDS = (
    Kind("text-column", text_column, probabilities=True),
    Kind("cleaned-column", cleaned_column, probabilities=True),
    Kind("bare-series", bare_series, form="texts", sample="parquet", probabilities=True),
    Kind("bare-list", bare_list, form="texts", probabilities=True),
    Kind("words-and-letters", union_of_words_and_letters, form="texts", probabilities=True),
    Kind("cleaned-first", cleaned_first, form="texts", probabilities=True),
    Kind("text-to-number", lengths, form="texts", sample="parquet"),
    Kind("text-to-topics", topics, form="texts", sample="parquet"),
)
