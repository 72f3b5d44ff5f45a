from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.models.forms.hostile import assert_same, number_rows

X, y = load_iris(return_X_y=True)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("scaled", [True, False])
def test_logistic_regression(dtype: str, names: bool, classes: int, scaled: bool) -> None:
    rows: Any = X[y < classes].astype(dtype)
    if names:
        rows = pd.DataFrame(rows, columns=list("abcd"))
    steps = [StandardScaler()] if scaled else []
    model = make_pipeline(*steps, LogisticRegression(max_iter=1000)).fit(rows, y[y < classes])
    hostile = number_rows(X)
    if dtype == "int64":
        hostile = np.trunc(hostile[np.isfinite(hostile).all(axis=1)])
        hostile = hostile[(abs(hostile) < 2.0**60).all(axis=1)]
    assert_same(model, rows, hostile, ["lean"])
