"""A function of the user's own as a step."""

import importlib
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.preprocessing import FunctionTransformer

from models.errors import BadSpecification


class OwnFunction(FunctionTransformer):  # type: ignore[misc]
    """Call a function with a DataFrame of the columns, and know the names of what it answers.

    The function answers a DataFrame or an array of numbers, one row a row. It must not look at
    other rows: requests come one by one.
    """

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn the names of the features, from one row.

        Raises:
            ValueError: the function does not answer one row a row.
        """
        super().fit(X, y)
        answered = self.transform(X.iloc[:1] if isinstance(X, pd.DataFrame) else X[:1])
        if getattr(answered, "ndim", 0) != 2 or len(answered) != 1:
            raise ValueError(
                f"{self.func.__name__} answers shape {np.shape(answered)} for one row; a DataFrame"
                " or an array of shape (rows, features) is needed"
            )
        if isinstance(answered, pd.DataFrame):
            self.names_out_ = [str(name) for name in answered.columns]
        else:
            stem = self.func.__name__
            self.names_out_ = [f"{stem}{position}" for position in range(answered.shape[1])]
        return self

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the DataFrame's columns, or the function's name with numbers."""
        return np.array(self.names_out_, dtype=object)


def imported(call: str) -> Callable[..., Any]:
    """Return the function behind "package.module:function".

    Raises:
        BadSpecification: there is none, or the process that serves the model could not import it.
    """
    module_name, _, name = call.partition(":")
    if module_name == "__main__":
        raise BadSpecification(
            f"{call}: a function of __main__ lives in one script only; move it into a module that"
            " is installed where the model is served"
        )
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise BadSpecification(
            f"{call}: the module cannot be imported ({error}); install it, or put its folder into"
            " PYTHONPATH, here and where the model is served"
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise BadSpecification(f"{call}: {module_name} has no function {name!r}")
    if getattr(function, "__name__", name) != name:
        raise BadSpecification(
            f"{call}: it is a {function.__name__} under another name, and cannot be stored; write"
            f" def {name}(X): …"
        )
    return function  # type: ignore[no-any-return]
