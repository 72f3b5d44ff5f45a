"""A form: one way of computing a fitted estimator."""

from typing import Literal, Protocol, TypeAlias

Name: TypeAlias = Literal["scikit-learn", "lean", "walked"]
"""scikit-learn: the estimator itself. lean: the same numpy, BLAS and compiled calls in the same
order, without what surrounds them. walked: trees in one flat array, walked by compiled code."""

Takes: TypeAlias = Literal["X", "matrix", "columns"]
"""What a form is handed:

X: whatever the estimator takes: a DataFrame with its names, an array, a list.

matrix: float64, C-contiguous, shape (rows, columns), in the fitted order; NaN is null, True is 1.0.
Only for tables of numbers.

columns: a sequence of 1-D arrays, one a column, in the fitted order. A number's column is int64
where the schema's dtype is a whole number that is never null, else float64 (booleans, too: 1.0, 0.0
and NaN for null). A text's column is an object array of str, null being None or NaN as the schema's
`missing` says.
"""


class Form(Protocol):
    """Answers as a fitted scikit-learn estimator does.

    Besides these it has the estimator's own methods, whichever of these the estimator has, with the
    same results, types and shapes: `predict(X)`, `predict_proba(X)`; of a pipeline that ends in a
    transformer `transform(X)`. It raises where the estimator raises, though not always the same
    exception. It writes neither into X nor anywhere else.
    """

    @property
    def name(self) -> Name:
        """Which way it is."""

    @property
    def takes(self) -> Takes:
        """What its methods are handed."""
