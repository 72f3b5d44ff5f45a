"""Schemas of models that are made of others: searches, ensembles, bags, calibration."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_transformer,
)
from sklearn.ensemble import (
    BaggingRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.experimental import (
    enable_halving_search_cv,  # noqa: F401
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

from models.encoders import column_knowledge
from tests.models.deriving import ROWS, columns


def test_a_search_is_looked_through(frame: pd.DataFrame, y: "np.ndarray[Any, Any]") -> None:
    X = frame[["kind"]]
    pipeline = make_pipeline(OneHotEncoder(), Ridge())
    search = GridSearchCV(pipeline, {"ridge__alpha": [0.1, 1.0]}, cv=2).fit(X, y)
    assert columns(search, X)["kind"].categories == ("a", "b", "c")


def encoding(**options: Any) -> Any:
    return make_column_transformer(
        (OneHotEncoder(**options), ["kind"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["hole"]),
    )


def members(options: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        (str(depth), make_pipeline(encoding(**options), DecisionTreeRegressor(max_depth=depth)))
        for depth in (1, 2)
    ]


@pytest.mark.parametrize(
    ("around", "unknown"),
    [
        (lambda: VotingRegressor(members({"handle_unknown": "ignore"})), "flag"),
        (lambda: StackingRegressor(members({}), cv=2), "reject"),
        (lambda: TransformedTargetRegressor(members({})[0][1]), "reject"),
        (lambda: VotingRegressor([("s", StackingRegressor(members({}), cv=2))]), "reject"),
        (
            lambda: HalvingRandomSearchCV(
                make_pipeline(encoding(), Ridge()),
                {"ridge__alpha": [0.1, 1.0]},
                n_candidates=2,
                min_resources=ROWS // 2,
                cv=2,
                random_state=0,
            ),
            "reject",
        ),
    ],
    ids=["voting", "stacking", "transformed-target", "nested", "halving"],
)
def test_what_is_made_of_others_is_looked_through(
    frame: pd.DataFrame, y: "np.ndarray[Any, Any]", around: Callable[[], Any], unknown: str
) -> None:
    X = frame[["kind", "hole"]]
    found = columns(around().fit(X, y), X)
    assert found["kind"].categories == ("a", "b", "c")
    assert found["kind"].policy.unknown == unknown
    assert found["hole"].nullable


@pytest.mark.parametrize(
    ("options", "categories"),
    [({"handle_unknown": "ignore"}, ("a", "b", "c", "rare")), ({}, ("a", "b", "c"))],
    ids=["takes-unknown", "fails-at-unknown"],
)
def test_members_of_other_rows_share_what_all_can_be_asked(
    frame: pd.DataFrame, options: dict[str, Any], categories: tuple[str, ...]
) -> None:
    """As calibration fits them, fold by fold: one has the only row with a rare word."""
    X = frame[["kind", "hole"]].copy()
    X.loc[ROWS - 1, "kind"] = "rare"
    model = make_pipeline(encoding(**options), Ridge())
    voting = VotingRegressor([("first", model), ("second", model)])
    parts = (X[: ROWS // 2], X[ROWS // 2 :])
    voting.estimators_ = [clone(model).fit(part, np.arange(len(part))) for part in parts]
    assert column_knowledge(voting, ["kind", "hole"])["kind"].categories == categories


def test_calibration_and_bags_are_looked_through(frame: pd.DataFrame) -> None:
    X, labels = frame[["kind", "hole"]], np.resize(["no", "yes", "yes"], ROWS)
    model = make_pipeline(encoding(), LogisticRegression())
    found = columns(CalibratedClassifierCV(model, cv=2).fit(X, labels), X)
    assert found["kind"].categories == ("a", "b", "c")
    coded = X.assign(kind=np.resize([2.0, 0.0, 1.0], ROWS)).to_numpy()
    by_place = make_column_transformer((OneHotEncoder(), [0]), (SimpleImputer(), [1]))
    bag = BaggingRegressor(make_pipeline(by_place, Ridge()), 3, random_state=0)
    known = column_knowledge(bag.fit(coded, np.arange(ROWS)), ["kind", "hole"])
    assert known["kind"].categories == (0.0, 1.0, 2.0)
    assert known["hole"].takes_missing


def test_codes_are_no_categories(frame: pd.DataFrame, y: "np.ndarray[Any, Any]") -> None:
    """The second encoder of a column sees what the first one made of it."""
    X = frame[["kind"]]
    inner = make_pipeline(OrdinalEncoder(), OneHotEncoder(), Ridge())
    found = columns(VotingRegressor([("a", inner), ("b", inner)]).fit(X, y), X)
    assert found["kind"].categories == ("a", "b", "c")
