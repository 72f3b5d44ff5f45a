"""scikit-learn's names and parameters, as MLlib's."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyspark.ml.classification import (
    GBTClassifier,
    LogisticRegression,
    RandomForestClassifier,
)
from pyspark.ml.regression import GBTRegressor, LinearRegression, RandomForestRegressor

from models.errors import BadSpecification
from models.spec import Specification

DEEPEST: Final = 30
"""MLlib's trees have at most so many levels."""

FOREST_DEPTH: Final = 10
"""Of a forest that says nothing: scikit-learn's grow without end, which MLlib's cannot."""


ITERATIONS: Final = 1000
TOLERANCE: Final = 1e-10
"""Of L-BFGS, relative; also where the normal equations have no single solution."""


@dataclass(frozen=True)
class Facts:
    """What a parameter's translation may need.

    Args:
        rows: that are fitted; MLlib's penalties are a row's, scikit-learn's those of all.
        seed: of the run.
        deviation: of numbers that are fitted: the target's standard deviation, of all rows (not
            of a sample).
    """

    rows: int
    seed: int
    deviation: float = 1.0


Given = Mapping[str, Any]
Translate = Callable[[Given, Facts], dict[str, Any]]


@dataclass(frozen=True)
class Learner:
    """One estimator of MLlib under scikit-learn's name.

    Args:
        name: scikit-learn's class.
        build: MLlib's class.
        task: what it is for.
        defaults: the parameters that are understood, with scikit-learn's defaults.
        translate: makes MLlib's parameters of them.
        classes: at most so many; 0 for any number.
    """

    name: str
    build: Any
    task: str
    defaults: Mapping[str, Any]
    translate: Translate
    classes: int = 0


def learner(spec: Specification) -> Learner:
    """Return what fits the specification's estimator.

    Raises:
        BadSpecification: MLlib has no such estimator or parameter, or it is for the other task.
    """
    choice = spec.fit.estimator
    found = LEARNERS.get(choice.name)
    if found is None:
        raise BadSpecification(
            f'fit.estimator: engine = "spark" has no {choice.name!r}; it has: {", ".join(LEARNERS)}'
        )
    if found.task != spec.model.task:
        fitting = ", ".join(name for name, one in LEARNERS.items() if one.task == spec.model.task)
        raise BadSpecification(
            f"fit.estimator: {choice.name} is for {found.task}; for {spec.model.task} there are:"
            f" {fitting}"
        )
    if choice.members or choice.final:
        raise BadSpecification(f"fit.estimator: {choice.name} has no members")
    for name in [*choice.parameters, *spec.fit.search]:
        if name not in found.defaults:
            raise BadSpecification(
                f"fit: {choice.name} by MLlib has no parameter {name!r}; it has:"
                f" {', '.join(found.defaults)}"
            )
    return found


def mllib_estimator(found: Learner, given: Given, facts: Facts) -> Any:
    """Return MLlib's unfitted estimator, with `features` and `label` as its columns.

    Raises:
        BadSpecification: a parameter has a value that MLlib has no like for.
    """
    parameters = found.translate({**found.defaults, **given}, facts)
    try:
        return found.build(featuresCol="features", labelCol="label", **parameters)
    except (TypeError, ValueError) as error:
        raise BadSpecification(f"fit: {found.name} by MLlib: {error}") from error


def _linear(given: Given, _: Facts) -> dict[str, Any]:
    return _solved(given) | {"regParam": 0.0}


def _ridge(given: Given, facts: Facts) -> dict[str, Any]:
    return _solved(given) | _penalties(0.0, float(given["alpha"]) / facts.rows, facts)


def _elastic(given: Given, facts: Facts) -> dict[str, Any]:
    alpha, share = float(given["alpha"]), float(given.get("l1_ratio", 1.0))
    return _solved(given) | _penalties(alpha * share, alpha * (1 - share), facts)


def _penalties(first: float, second: float, facts: Facts) -> dict[str, Any]:
    """Return MLlib's parameters for |y - Xw|² / 2n + first |w| + second |w|² / 2.

    MLlib divides the target by its standard deviation before it fits, and does not undo this for
    the second penalty (WeightedLeastSquares.scala, after glmnet).
    """
    scaled = second * facts.deviation
    both = first + scaled
    return {"regParam": both, "elasticNetParam": first / both if both else 0.0}


def _solved(given: Given) -> dict[str, Any]:
    return _plain(given) | {"solver": "normal"}


def _logistic(given: Given, facts: Facts) -> dict[str, Any]:
    # scikit-learn: C Σ loss + |w|² / 2; MLlib: Σ loss / n + regParam |w|² / 2.
    C = float(given["C"])
    if C <= 0:
        raise BadSpecification("fit: C must be above 0")
    penalty = 0.0 if math.isinf(C) else 1.0 / (C * facts.rows)
    return _plain(given) | {"regParam": penalty, "elasticNetParam": float(given["l1_ratio"])}


def _plain(given: Given) -> dict[str, Any]:
    common = {
        "fitIntercept": bool(given["fit_intercept"]),
        # What is scaled says [[features]], and not the estimator.
        "standardization": False,
    }
    iterated = {"max_iter": ITERATIONS, "tol": TOLERANCE} | dict(given)
    return common | {"maxIter": int(iterated["max_iter"]), "tol": float(iterated["tol"])}


def _trees(given: Given, facts: Facts) -> dict[str, Any]:
    depth = int(given["max_depth"])
    if not 0 <= depth <= DEEPEST:
        raise BadSpecification(f"fit: max_depth is at most {DEEPEST} with MLlib")
    seed = given["random_state"]
    return {
        "maxDepth": depth,
        "minInstancesPerNode": int(given["min_samples_leaf"]),
        "maxBins": int(given["max_bins"]),
        "seed": facts.seed if seed is None else int(seed),
        "featureSubsetStrategy": _subset(given["max_features"]),
    }


def _forest(given: Given, facts: Facts) -> dict[str, Any]:
    share = given["max_samples"]
    return _trees(given, facts) | {
        "numTrees": int(given["n_estimators"]),
        "bootstrap": bool(given["bootstrap"]),
        "subsamplingRate": 1.0 if share is None else float(share),
        "impurity": _word(given, "criterion", _IMPURITIES),
    }


def _boosting(given: Given, facts: Facts) -> dict[str, Any]:
    return _trees(given, facts) | {
        "maxIter": int(given["n_estimators"]),
        "stepSize": float(given["learning_rate"]),
        "subsamplingRate": float(given["subsample"]),
        "lossType": _word(given, "loss", _LOSSES),
    }


def _subset(features: object) -> str:
    if features is None or features == 1.0:
        return "all"
    if features in ("sqrt", "log2"):
        return str(features)
    if isinstance(features, int | float) and not isinstance(features, bool) and features > 0:
        return str(features)
    raise BadSpecification(f"fit: max_features = {features!r}; give sqrt, log2 or a number")


def _word(given: Given, name: str, words: Mapping[str, str]) -> str:
    word = given[name]
    if word not in words:
        raise BadSpecification(f"fit: {name} = {word!r} is not MLlib's; it has: {', '.join(words)}")
    return words[word]


_IMPURITIES: Final = {
    "gini": "gini",
    "entropy": "entropy",
    "log_loss": "entropy",
    "squared_error": "variance",
}
_LOSSES: Final = {"log_loss": "logistic", "squared_error": "squared", "absolute_error": "absolute"}

_ITERATED: Final = {"fit_intercept": True, "max_iter": ITERATIONS, "tol": TOLERANCE}
_GROWN: Final = {"min_samples_leaf": 1, "max_bins": 256, "random_state": None}
_OF_FOREST: Final = {
    "n_estimators": 100,
    "max_depth": FOREST_DEPTH,
    "bootstrap": True,
    "max_samples": None,
    **_GROWN,
}
_OF_BOOSTING: Final = {
    "n_estimators": 100,
    "learning_rate": 0.1,
    "max_depth": 3,
    "subsample": 1.0,
    "max_features": None,
    **_GROWN,
}

_ALL: Final = (
    Learner("LinearRegression", LinearRegression, "regression", {"fit_intercept": True}, _linear),
    Learner("Ridge", LinearRegression, "regression", {"alpha": 1.0, "fit_intercept": True}, _ridge),
    Learner("Lasso", LinearRegression, "regression", {"alpha": 1.0, **_ITERATED}, _elastic),
    Learner(
        "ElasticNet",
        LinearRegression,
        "regression",
        {"alpha": 1.0, "l1_ratio": 0.5, **_ITERATED},
        _elastic,
    ),
    Learner(
        "LogisticRegression",
        LogisticRegression,
        "classification",
        {"C": 1.0, "l1_ratio": 0.0, **_ITERATED},
        _logistic,
    ),
    Learner(
        "RandomForestClassifier",
        RandomForestClassifier,
        "classification",
        {"criterion": "gini", "max_features": "sqrt", **_OF_FOREST},
        _forest,
    ),
    Learner(
        "RandomForestRegressor",
        RandomForestRegressor,
        "regression",
        {"criterion": "squared_error", "max_features": 1.0, **_OF_FOREST},
        _forest,
    ),
    Learner(
        "GradientBoostingClassifier",
        GBTClassifier,
        "classification",
        {"loss": "log_loss", **_OF_BOOSTING},
        _boosting,
        classes=2,
    ),
    Learner(
        "GradientBoostingRegressor",
        GBTRegressor,
        "regression",
        {"loss": "squared_error", **_OF_BOOSTING},
        _boosting,
    ),
)

LEARNERS: Final = {one.name: one for one in _ALL}
