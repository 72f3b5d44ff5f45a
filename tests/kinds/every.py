"""Every estimator that scikit-learn has, fitted on plain numbers wherever it can be."""

from collections.abc import Iterator
from typing import Any, Final, cast

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

from tests.kinds.kind import Fitted, numbers, three, two, value

_LOGISTIC: Final = LogisticRegression()
_ARGUMENTS: Final[dict[str, tuple[Any, ...]]] = {
    "ColumnTransformer": ([("some", StandardScaler(), ["x0"])],),
    "FeatureUnion": ([("all", StandardScaler())],),
    "Pipeline": ([("last", _LOGISTIC)],),
    "VotingClassifier": ([("one", _LOGISTIC)],),
    "VotingRegressor": ([("one", Ridge())],),
    "StackingClassifier": ([("one", _LOGISTIC)],),
    "StackingRegressor": ([("one", Ridge())],),
    "GridSearchCV": (_LOGISTIC, {"C": [1.0]}),
    "RandomizedSearchCV": (_LOGISTIC, {"C": [1.0]}),
    "RegressorChain": (Ridge(),),
    "MultiOutputRegressor": (Ridge(),),
    "SparseCoder": (np.eye(4),),
}
"""What those need that cannot be made without arguments, or with a LogisticRegression."""

_CHEAPER: Final[dict[str, dict[str, Any]]] = {
    "TSNE": {"max_iter": 250},
    "HistGradientBoostingClassifier": {"max_iter": 5},
    "HistGradientBoostingRegressor": {"max_iter": 5},
    "MeanShift": {"bandwidth": 2.0},
    "AffinityPropagation": {"max_iter": 60},
}
"""Settings of those that would take a second."""

NAMES: Final = tuple(name for name, _ in cast("list[tuple[str, Any]]", all_estimators()))


def made(name: str) -> Any:
    """Return an unfitted estimator."""
    kind = dict(all_estimators())[name]
    try:
        model = kind(*_ARGUMENTS.get(name, ()))
    except TypeError:
        model = kind(_LOGISTIC)
    by_chance = "random_state" in model.get_params(deep=False)
    settings = {"random_state": 0} if by_chance else {}
    return model.set_params(**settings, **_CHEAPER.get(name, {}))


def targets(rows: pd.DataFrame) -> Iterator[Any]:
    """Give targets of every form; an estimator takes the first that it likes."""
    yield three(rows)
    yield two(rows).astype(int)
    yield np.abs(value(rows)) + 1.0
    yield np.column_stack([value(rows), rows["x2"]])
    yield np.column_stack([three(rows) == i for i in range(3)]).astype(int)


def fitted(name: str) -> Fitted | None:
    """Return the estimator fitted on numbers of both signs, or else of one; None if on neither."""
    for rows in (numbers(), numbers().abs()):
        for target in targets(rows):
            try:
                return Fitted(made(name).fit(rows, target), rows)
            except (ValueError, TypeError, AttributeError, IndexError):
                continue
    return None
