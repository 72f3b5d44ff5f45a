"""Whatever is wrong with a form is found; of odd models nothing wrong is ever chosen."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from models.containers import Containers
from models.forms import candidates
from models.forms.scikit import ScikitForm
from models.plans.plan import SCIKIT, Plan, Trust
from models.schema import TabularSchema
from models.tables import as_taken
from tests.models.plans.conftest import manifest_of, plan_of

RNG = np.random.default_rng(11)
X, Y = make_classification(300, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0)
HOLES = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
WORDS = np.array(["ä", "b", "c c"])[Y]
SCALES = X * [1e-30, 1e30, 1.0, 1e-3, 1e8]
CONSTANT = X * [0.0, 1.0, 1.0, 0.0, 1.0]
REPEATED = np.round(X)
SMALLER = SCALES / 1e3
NARROW = X.astype(np.float32)
TREES: dict[str, Any] = {"n_estimators": 9, "random_state": 0}

ZOO: dict[str, tuple[Any, Any]] = {
    "logistic": (make_pipeline(StandardScaler(), LogisticRegression()).fit(X, WORDS), X),
    "binary logistic": (LogisticRegression().fit(X, Y == 1), X),
    "logistic, scales": (
        make_pipeline(MinMaxScaler(), LogisticRegression()).fit(SCALES, Y), SCALES),
    "linear": (LinearRegression().fit(X, X[:, 0]), X),
    "linear, two outputs": (LinearRegression().fit(X, X[:, :2]), X),
    "ridge, constant columns": (Ridge().fit(CONSTANT, X[:, 1]), CONSTANT),
    "ridge classifier": (RidgeClassifier().fit(X, WORDS), X),
    "linear svc": (LinearSVC().fit(X, Y), X),
    "svc": (SVC().fit(X, Y), X),
    "sgd": (SGDClassifier(random_state=0).fit(X, Y), X),
    "neighbours": (KNeighborsClassifier().fit(X, Y), X),
    "tree": (DecisionTreeClassifier(random_state=0).fit(X, WORDS), X),
    "one class": (RandomForestClassifier(5, random_state=0).fit(X, np.ones(300)), X),
    "forest, draws": (RandomForestClassifier(4, random_state=0).fit(REPEATED, Y), REPEATED),
    "forest, holes": (RandomForestClassifier(9, random_state=0).fit(HOLES, WORDS), HOLES),
    "forest, all cores": (RandomForestClassifier(9, random_state=0, n_jobs=-1).fit(X, Y), X),
    "forest, scales": (RandomForestClassifier(**TREES).fit(SMALLER, Y), SMALLER),
    "forest, float32": (RandomForestClassifier(**TREES).fit(NARROW, Y), NARROW),
    "forest, two outputs": (
        RandomForestClassifier(9, random_state=0).fit(X, np.stack([Y, Y > 0], axis=1)), X),
    "imputed forest": (
        make_pipeline(SimpleImputer(), RandomForestClassifier(**TREES)).fit(HOLES, Y), HOLES),
    "extra trees": (ExtraTreesRegressor(9, random_state=0).fit(X, X[:, 2] * 1e6), X),
    "boosting": (GradientBoostingClassifier(n_estimators=5, random_state=0).fit(X, Y), X),
    "ada": (AdaBoostClassifier(n_estimators=5, random_state=0).fit(X, Y), X),
    "histograms": (HistGradientBoostingClassifier(max_iter=5).fit(HOLES, WORDS), HOLES),
    "histograms, poisson": (
        HistGradientBoostingRegressor(loss="poisson", max_iter=5).fit(X, np.exp(X[:, 0])), X),
    "powers": (
        make_pipeline(PolynomialFeatures(2), StandardScaler(), LogisticRegression()).fit(X, Y), X),
}  # fmt: skip


@pytest.mark.parametrize("name", ZOO)
def test_nothing_wrong_is_chosen(name: str) -> None:
    model, rows = ZOO[name]
    plan = plan_of(model, rows)
    chosen = {one.form for one in plan.ranges}
    manifest = manifest_of(model, rows)
    assert isinstance(manifest.input, TabularSchema)
    forms = {one.name: one for one in candidates(model, manifest.input)}
    assert chosen <= {one.form for one in plan.verified(Trust())} | {SCIKIT}
    # Other rows than those of the plan, and scikit-learn asked by nobody but this test.
    other = rows[RNG.integers(0, len(rows), 200)] * RNG.normal(1.0, 0.5, (200, rows.shape[1]))
    other = other.astype(rows.dtype)
    columns = [np.ascontiguousarray(one, np.float64) for one in other.T]
    table = Containers(manifest.input).rows(200, columns)
    for form in chosen - {SCIKIT}:
        taken = as_taken(table, forms[form].takes)  # type: ignore[index]
        said = forms[form].predict(taken)  # type: ignore[index,attr-defined]
        expected = model.predict(other)
        assert said.dtype == expected.dtype
        assert (
            (said == expected).all()
            if expected.dtype.kind != "f"
            else np.allclose(said, expected, rtol=1e-12, atol=1e-12)
        )
        if manifest.output.probabilities:
            chances = forms[form].predict_proba(taken)  # type: ignore[index,attr-defined]
            np.testing.assert_allclose(chances, model.predict_proba(other), rtol=0, atol=1e-12)


class Liar:
    """Answers as scikit-learn does, but for one thing.

    Args:
        model: whose answers they would be.
        lie: changes a method's answer to some rows.
    """

    name = "lean"
    takes = "matrix"

    def __init__(self, model: Any, lie: Callable[[str, Any, Any], Any]) -> None:
        self._model = model
        self._lie = lie

    def predict(self, X: Any) -> Any:
        return self._lie("predict", X, self._model.predict(X))

    def predict_proba(self, X: Any) -> Any:
        return self._lie("predict_proba", X, self._model.predict_proba(X))


def off_by(amount: float) -> Callable[[str, Any, Any], Any]:
    def lie(method: str, _X: Any, answer: Any) -> Any:
        return answer + amount if method == "predict_proba" else answer

    return lie


def fails_on_extremes(_method: str, X: Any, answer: Any) -> Any:
    if (np.abs(X) > 1e38).any():
        raise OverflowError
    return answer


def last_label_of_37(method: str, X: Any, answer: Any) -> Any:
    if method == "predict" and len(X) == 37:
        answer = answer.copy()
        answer[-1] = next(one for one in (0, 1) if one != answer[-1])
    return answer


def of_another_type(method: str, _X: Any, answer: Any) -> Any:
    return answer.astype(np.float32) if method == "predict_proba" else answer


def of_another_shape(method: str, _X: Any, answer: Any) -> Any:
    return answer[:, :2] if method == "predict_proba" else answer


def nan_at_zero(method: str, X: Any, answer: Any) -> Any:
    if method == "predict_proba":
        answer = np.where((X[:, :1] == 0) & np.signbit(X[:, :1]), np.nan, answer)
    return answer


def verdict(model: Any, liar: Any, monkeypatch: pytest.MonkeyPatch, rows: Any = X) -> Plan:
    monkeypatch.setattr("models.plans.make.candidates", lambda *_: [ScikitForm(model), liar])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return plan_of(model, rows)


@pytest.mark.parametrize(
    "lie",
    [
        off_by(2e-12),
        fails_on_extremes,
        last_label_of_37,
        of_another_type,
        of_another_shape,
        nan_at_zero,
    ],
)
def test_a_lie_is_found(lie: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(X, Y)
    plan = verdict(model, Liar(model, lie), monkeypatch)
    assert plan.verified(Trust())[1:] == ()
    assert [one.form for one in plan.ranges] == [SCIKIT]


def test_who_tells_the_truth_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(X, Y)
    (_, honest) = verdict(model, Liar(model, lambda _m, _X, said: said), monkeypatch).tried
    assert honest.is_verified(Trust())
    assert honest.compared_rows > 4096
    assert [one.rows for one in honest.timings] == [1, 8, 64, 512, 4096]


class Walked:
    """One tree, walked in Python, with a comparison that is almost right."""

    name = "walked"
    takes = "matrix"

    def __init__(self, model: Any, goes_left: Callable[[Any, Any], Any]) -> None:
        self._tree = model.tree_
        self._classes = model.classes_
        self._goes_left = goes_left

    def predict_proba(self, X: Any) -> Any:
        tree, at = self._tree, np.zeros(len(X), int)
        for _ in range(tree.max_depth + 1):
            inner = tree.children_left[at] >= 0
            left = self._goes_left(X[np.arange(len(X)), tree.feature[at]], tree.threshold[at])
            turn = np.where(left, tree.children_left[at], tree.children_right[at])
            at = np.where(inner, turn, at)
        return tree.value[at, 0]

    def predict(self, X: Any) -> Any:
        return self._classes[self.predict_proba(X).argmax(axis=1)]


def right(x: Any, threshold: Any) -> Any:
    return x.astype(np.float32) <= threshold


def strict(x: Any, threshold: Any) -> Any:
    return x.astype(np.float32) < threshold


def wide(x: Any, threshold: Any) -> Any:
    return x <= threshold


def narrow(x: Any, threshold: Any) -> Any:
    return x.astype(np.float32) <= threshold.astype(np.float32)


@pytest.mark.parametrize(
    ("goes_left", "holds"), [(right, True), (strict, False), (wide, False), (narrow, False)]
)
@pytest.mark.parametrize("rows", [X, REPEATED], ids=["numbers", "whole"])
def test_a_comparison_that_is_almost_right_is_found(
    goes_left: Any, holds: bool, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = DecisionTreeClassifier(max_depth=4, random_state=0).fit(rows, Y)
    (_, walked) = verdict(model, Walked(model, goes_left), monkeypatch, rows).tried
    # Halves are float32 themselves: then that rounding changes nothing.
    assert walked.is_verified(Trust()) == (holds or (rows is REPEATED and goes_left is narrow))
