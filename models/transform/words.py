"""Words of one column of texts as numbers; a missing text has no words."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer


def or_empty(document: Any) -> Any:
    """Return a text, or an empty one for None and NaN."""
    return document if isinstance(document, str | bytes) else ""


def named(words: Any, input_features: Any) -> npt.NDArray[np.object_]:
    """Return COLUMN_WORD; the words alone if nobody knows the column."""
    prefix = "" if input_features is None else f"{input_features[0]}_"
    return np.array([f"{prefix}{word}" for word in words], dtype=object)


class WordWeights(TfidfVectorizer):  # type: ignore[misc]
    """Tf-idf as scikit-learn has it, of texts that may be missing, with the column in the names."""

    def decode(self, doc: Any) -> Any:
        """Return the text; None and NaN are empty."""
        return super().decode(or_empty(doc))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return COLUMN_WORD."""
        return named(super().get_feature_names_out(), input_features)


class HashedWords(HashingVectorizer):  # type: ignore[misc]
    """Hashed words as scikit-learn has them, of texts that may be missing; learns nothing."""

    def decode(self, doc: Any) -> Any:
        """Return the text; None and NaN are empty."""
        return super().decode(or_empty(doc))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return COLUMN_hash0, COLUMN_hash1 and so on: which words they are, nobody knows."""
        return named((f"hash{at}" for at in range(self.n_features)), input_features)
