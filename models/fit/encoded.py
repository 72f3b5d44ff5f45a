"""A classifier of numbers 0, 1, 2 … as one of any labels."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import get_tags

Array = npt.NDArray[Any]


class EncodedLabels(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Number the classes, in sorted order, for an estimator that knows numbers only.

    Args:
        estimator: the unfitted classifier; fitted, it is `estimator_`.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Array, **options: Any) -> Self:
        """Fit the classifier on numbered classes; options are passed on to its `fit`."""
        encoder = LabelEncoder().fit(y)
        self.classes_ = encoder.classes_
        self.estimator_ = clone(self.estimator).fit(X, encoder.transform(y), **options)
        self.n_features_in_ = self.estimator_.n_features_in_
        return self

    def predict(self, X: Any, **options: Any) -> Array:
        """Return labels, shape (n,); options are passed on."""
        numbered = np.asarray(self.estimator_.predict(X, **options)).astype(np.intp)
        found: Array = self.classes_[numbered]
        return found

    def predict_proba(self, X: Any, **options: Any) -> Array:
        """Return probabilities, shape (n, classes), in the order of `classes_`."""
        return np.asarray(self.estimator_.predict_proba(X, **options))

    def __sklearn_tags__(self) -> Any:
        """Take what the classifier takes."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator).input_tags
        tags.input_tags.sparse, tags.input_tags.allow_nan = inner.sparse, inner.allow_nan
        return tags
