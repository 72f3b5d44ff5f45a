"""Classifiers: labels of every type, estimators around estimators, one output and several."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tests.kinds.kind import Array, Fitted, Kind, numbers, three, two

Labels = Callable[[Any], Array]


def fit(make: Callable[[], Any], labels: Labels = three, *, bare: str = "") -> Fitted:
    """Fit an estimator on named columns, on a bare array, or on a list of lists."""
    rows = numbers()
    X = {"": rows, "array": rows.to_numpy(), "lists": rows.to_numpy().tolist()}[bare]
    return Fitted(make().fit(X, labels(rows)), rows)


def svc_with_probability(labels: Labels) -> Fitted:
    """Fit an SVC whose probabilities come from a fit of their own and contradict its labels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # "probability" goes with scikit-learn 1.11
        fitted = fit(lambda: SVC(probability=True, C=0.05, random_state=0), labels)
    model, rows = fitted
    contradicted = model.classes_[model.predict_proba(rows).argmax(axis=1)] != model.predict(rows)
    assert contradicted.any()
    return fitted


def mapped(names: list[Any], base: Labels = three) -> Labels:
    """Return a target with these labels in place of 0, 1, 2."""
    return lambda rows: np.array(names)[base(rows).astype(int)]


def both(*targets: Labels) -> Labels:
    """Return a target of several columns."""
    return lambda rows: np.column_stack([target(rows) for target in targets])


def indicators(rows: Any) -> Array:
    """Return three labels that a row has or has not."""
    return np.column_stack([three(rows) == i for i in range(3)]).astype(int)


def logistic() -> Any:
    return LogisticRegression(max_iter=500)


def voters() -> list[tuple[str, Any]]:
    return [("lr", make_pipeline(StandardScaler(), logistic())), ("nb", GaussianNB())]


def forest() -> Any:
    return RandomForestClassifier(8, random_state=0)


PLAIN: dict[str, Callable[[], Fitted]] = {
    "strings": partial(fit, logistic, mapped(["niedrig", "mittel", "hoch"])),
    "booleans-as-labels": partial(fit, logistic, two),
    "integers": partial(fit, forest, three),
    "negative": partial(fit, logistic, mapped([-1, 1], two)),
    "floats": partial(fit, DecisionTreeClassifier, mapped([-1.0, 0.0, 2.0])),
    "stacking": partial(fit, lambda: StackingClassifier(voters(), logistic(), cv=2)),
    "voting": partial(fit, lambda: VotingClassifier(voters(), voting="soft"), mapped(list("abc"))),
    "bagging": partial(fit, lambda: BaggingClassifier(logistic(), 3, random_state=0)),
    "calibrated": partial(fit, lambda: CalibratedClassifierCV(GaussianNB(), cv=2)),
    "searched": partial(fit, lambda: GridSearchCV(logistic(), {"C": [0.1, 1.0]}, cv=2)),
    "neighbours": partial(fit, KNeighborsClassifier),
    "gaussian-process": partial(fit, GaussianProcessClassifier, two),
    "dummy-prior": partial(fit, lambda: DummyClassifier(strategy="prior")),
    "svc-probability": partial(svc_with_probability, two),
}
ON_ARRAYS = {
    "bare-array": partial(fit, logistic, bare="array"),
    "list-of-lists": partial(fit, forest, mapped(["no", "yes"], two), bare="lists"),
}
CERTAIN = {
    "svc": partial(fit, SVC, mapped(["rot", "grün", "blau"])),
    "hard-voting": partial(fit, lambda: VotingClassifier(voters())),
    "two-outputs": partial(
        fit,
        lambda: MultiOutputClassifier(logistic()),
        both(mapped(["a", "b", "c"]), mapped(["no", "yes"], two)),
    ),
    "forest-of-outputs": partial(fit, forest, both(three, two)),
    "boolean-outputs": partial(fit, forest, both(two, lambda rows: three(rows) > 0)),
    "chain": partial(fit, lambda: ClassifierChain(logistic(), random_state=0), indicators),
    "indicator-network": partial(
        fit, lambda: MLPClassifier((4,), solver="lbfgs", max_iter=2000, random_state=0), indicators
    ),
    "indicator-ridge": partial(fit, RidgeClassifier, indicators),
}
KINDS = (
    *(Kind(name, make, probabilities=True) for name, make in PLAIN.items()),
    *(Kind(name, make, form="array", probabilities=True) for name, make in ON_ARRAYS.items()),
    *(Kind(name, make) for name, make in CERTAIN.items()),
)
