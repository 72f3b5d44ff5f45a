"""Who is promoted: judged by numbers alone, and by two real models."""

from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from models.publish.gate import Contender, compare, judge
from models.spec.publishing import Publish


@dataclass(frozen=True)
class Accuracy:
    name: str = "accuracy"
    greater_is_better: bool = True

    def score(self, model: Any, X: Any, y: Any) -> float:
        return float(accuracy_score(y, model.predict(X)))


@dataclass(frozen=True)
class Error(Accuracy):
    name: str = "error"
    greater_is_better: bool = False


@dataclass(frozen=True)
class Auc(Accuracy):
    name: str = "roc_auc"

    def score(self, model: Any, X: Any, y: Any) -> float:
        if len(np.unique(y)) < 2:
            raise ValueError("one class alone")
        return float(roc_auc_score(y, model.predict_proba(X)[:, 1]))


def refusals(ours: float, theirs: float, rule: Publish, *, falling: bool = False) -> list[str]:
    metric = Error() if falling else Accuracy()
    return list(judge(7, metric, {metric.name: (ours, theirs)}, {}, rule).refusals)


@pytest.mark.parametrize(
    ("ours", "theirs", "margin", "falling", "promoted"),
    [
        (0.9, 0.8, 0.0, False, True),
        (0.8, 0.8, 0.0, False, False),
        (0.9, 0.8, 0.2, False, False),
        (0.1, 0.2, 0.0, True, True),
        (0.3, 0.2, 0.0, True, False),
        (nan, 0.2, 0.0, False, False),
        (0.9, nan, 0.0, False, False),
    ],
)
def test_the_margin_decides(
    ours: float, theirs: float, margin: float, falling: bool, promoted: bool
) -> None:
    assert (refusals(ours, theirs, Publish(margin=margin), falling=falling) == []) is promoted


def test_a_refusal_says_what_was_measured() -> None:
    [words] = refusals(0.81, 0.8, Publish(margin=0.05))
    assert "0.8100" in words
    assert "version 7's 0.8000" in words
    assert "0.05" in words


@pytest.mark.parametrize(
    ("rows", "mine", "other", "tolerance", "refused"),
    [
        (100, 0.7, 0.8, 0.0, True),
        (100, 0.7, 0.8, 0.2, False),
        (100, 0.8, 0.8, 0.0, False),
        (29, 0.1, 0.8, 0.0, False),
        (100, nan, 0.8, 0.0, False),
    ],
)
def test_no_named_slice_may_be_worse(
    rows: int, mine: float, other: float, tolerance: float, refused: bool
) -> None:
    rule = Publish(slices=("school",), slice_tolerance=tolerance)
    whole = {"accuracy": (0.9, 0.8)}
    found = judge(1, Accuracy(), whole, {"school = GP": (rows, mine, other)}, rule).refusals
    assert bool(found) is refused
    if refused:
        assert "school = GP" in found[0]


def test_both_models_answer_the_same_rows() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=400), "b": rng.normal(size=400)})
    y = (X["a"] > 0).to_numpy().astype(int)
    y[:40] = 0
    slices = {"part": pd.Series(["one class"] * 40 + ["mixed"] * 360)}
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    dummy = DummyClassifier(strategy="most_frequent").fit(X[["b"]], y)
    ours, theirs = Contender(tree, X), Contender(dummy, X[["b"]])
    whole, parts = compare(ours, theirs, y, slices, (Auc(), Accuracy()))
    assert whole["accuracy"] == (
        accuracy_score(y, tree.predict(X)),
        accuracy_score(y, dummy.predict(X[["b"]])),
    )
    assert parts["part = mixed"][0] == 360
    assert parts["part = mixed"][1] == roc_auc_score(y[40:], tree.predict_proba(X[40:])[:, 1])
    assert np.isnan(parts["part = one class"][1])
