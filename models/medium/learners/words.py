"""Tf-idf: words and in how many texts each is, counted batch by batch."""

from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer

from models.estimators import Estimator
from models.rows import Array

MOST_WORDS: Final = 1_000_000
"""So many words are counted at a time: about 200 MB. Beyond, the rarer half is forgotten, so that
the counts of words that come again later are too low by what was forgotten."""


class WordLearner:
    """TfidfVectorizer: exact as long as there are no more than a million different words."""

    def __init__(self, step: Estimator, most_words: int = MOST_WORDS) -> None:
        self._step = clone(step)
        self._most_words = most_words
        self._counts = pd.DataFrame({"times": [], "texts": []}, dtype=np.int64)
        self._texts = 0
        self.forgotten = 0
        """The largest number of times that a forgotten word had been seen."""

    def see(self, X: "pd.Series[Any]", y: Array, folds: Array) -> None:
        """Count the words of the texts."""
        self._texts += len(X)
        counter = clone(self._step).set_params(max_features=None)
        try:
            found = CountVectorizer.fit_transform(counter, X)
        except ValueError as error:
            if "empty vocabulary" not in str(error):
                raise
            return
        batch = pd.DataFrame(
            {
                "times": np.asarray(found.sum(axis=0)).ravel(),
                "texts": np.bincount(found.indices, minlength=found.shape[1]),
            },
            index=pd.Index(CountVectorizer.get_feature_names_out(counter), dtype=object),
        ).astype(np.int64)
        self._counts = self._counts.add(batch, fill_value=0).astype(np.int64)
        if len(self._counts) > self._most_words:
            kept = self._counts.nlargest(self._most_words // 2, "times")
            self.forgotten += int(self._counts["times"].drop(kept.index).max())
            self._counts = kept

    def end_pass(self) -> bool:
        """Say that one pass is enough."""
        return True

    def fitted(self) -> Estimator:
        """Return the vectorizer.

        Raises:
            ValueError: no text has a word.
        """
        if self._counts.empty:
            raise ValueError("no text has a word; leave the column out")
        # Ordered as scikit-learn orders them, and chosen by the same call: ties fall alike.
        counts = self._counts.sort_index()
        limit = self._step.max_features
        if limit is not None and len(counts) > limit:
            chosen = (-counts["times"].to_numpy()).argsort()[:limit]
            counts = counts.iloc[np.sort(chosen)]
        step = self._step.set_params(vocabulary=list(counts.index)).fit([""])
        step.set_params(vocabulary=None)
        step.fixed_vocabulary_ = False
        smoothed = int(step.smooth_idf)
        texts = counts["texts"].to_numpy() + float(smoothed)
        step.idf_ = np.log(np.full_like(texts, self._texts + smoothed) / texts) + 1.0
        return step
