"""Fitted models of MLlib become scikit-learn estimators that answer the same.

Linear models become scikit-learn's own, with their coefficients. Trees become models.forests: their
splits, thresholds and leaves are carried over; how many rows a node had and its impurity are not,
and nothing of them can be fitted further.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from pyspark import SparkContext
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge

from models.errors import RefusedModel
from models.estimators import Estimator
from models.forests import (
    GrownBoostedClassifier,
    GrownForestClassifier,
    GrownTreesRegressor,
    Trees,
)
from models.rows import Array
from models.spark.learners import Given, Learner

_LINEAR: Final = {
    "LinearRegression": LinearRegression,
    "Ridge": Ridge,
    "Lasso": Lasso,
    "ElasticNet": ElasticNet,
}


def carried(found: Learner, given: Given, fitted: Any, classes: Array | None) -> Estimator:
    """Return a fitted estimator that needs no Spark.

    Args:
        found: which learner it was.
        given: its parameters by scikit-learn's names.
        fitted: MLlib's model.
        classes: the labels, sorted; None for numbers.

    Raises:
        RefusedModel: the model holds something that cannot be carried over.
    """
    if found.name in _LINEAR:
        return _linear(found.name, given, fitted)
    if found.name == "LogisticRegression" and classes is not None:
        return _logistic(given, fitted, classes)
    importances = np.asarray(fitted.featureImportances.toArray(), dtype=np.float64)
    roots = [json.loads(text) for text in _described(fitted)]
    if found.name == "RandomForestClassifier":
        return GrownForestClassifier(_flat(roots, _shares), importances, classes)
    weights = list(map(float, fitted.treeWeights))
    trees = _flat(roots, _prediction, weights)
    if found.name == "GradientBoostingClassifier":
        return GrownBoostedClassifier(trees, importances, classes)
    forest = found.name == "RandomForestRegressor"
    return GrownTreesRegressor(trees, importances, len(roots) if forest else 1)


def _linear(name: str, given: Given, fitted: Any) -> Estimator:
    model = _LINEAR[name](**given)
    model.coef_ = np.asarray(fitted.coefficients.toArray(), dtype=np.float64)
    model.intercept_ = float(fitted.intercept)
    model.n_features_in_ = len(model.coef_)
    return model


def _logistic(given: Given, fitted: Any, classes: Array) -> Estimator:
    model = LogisticRegression(**given)
    model.classes_ = classes
    model.coef_ = np.asarray(fitted.coefficientMatrix.toArray(), dtype=np.float64)
    model.intercept_ = np.asarray(fitted.interceptVector.toArray(), dtype=np.float64)
    model.n_features_in_ = model.coef_.shape[1]
    model.n_iter_ = np.array([fitted.summary.totalIterations], dtype=np.int32)
    return model


def _described(fitted: Any) -> Iterator[str]:
    """Return each tree as JSON, written in the JVM: one call a tree, doubles in full.

    MLlib's own files of a model would do as well, but need a file system that driver and executors
    share.
    """
    context = SparkContext._active_spark_context
    if context is None or context._jvm is None:
        raise RefusedModel("trees are carried over within the session that grew them; it has ended")
    jackson = context._jvm.com.fasterxml.jackson
    mapper = jackson.databind.ObjectMapper()
    mapper.registerModule(jackson.module.scala.DefaultScalaModule())
    for tree in fitted._java_obj.trees():
        yield mapper.writeValueAsString(tree.rootNode())


def _prediction(leaf: dict[str, Any]) -> list[float]:
    return [float(leaf["prediction"])]


def _shares(leaf: dict[str, Any]) -> list[float]:
    counts = [float(count) for count in leaf["impurityStats"]["stats"]]
    total = sum(counts)
    return [count / total for count in counts] if total else counts


@dataclass
class _Nodes:
    """Nodes that were met."""

    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    values: list[list[float]] = field(default_factory=list)
    depth: int = 0

    def add(self) -> int:
        """Add a leaf without a value; return its place."""
        at = len(self.feature)
        self.feature.append(0)
        self.threshold.append(0.0)
        self.left.append(at)
        self.right.append(at)
        self.values.append([])
        return at


def _flat(roots: list[dict[str, Any]], value_of: Any, weights: list[float] | None = None) -> Trees:
    nodes, places = _Nodes(), []
    for number, root in enumerate(roots):
        weight = 1.0 if weights is None else weights[number]
        places.append(nodes.add())
        open_nodes = [(root, places[-1], 0)]
        while open_nodes:
            node, at, depth = open_nodes.pop()
            nodes.depth = max(nodes.depth, depth)
            if "split" not in node:
                nodes.values[at] = [weight * value for value in value_of(node)]
                continue
            split = node["split"]
            if "threshold" not in split:
                raise RefusedModel("a tree splits by categories; features must be numbers")
            nodes.feature[at], nodes.threshold[at] = split["featureIndex"], split["threshold"]
            nodes.left[at], nodes.right[at] = nodes.add(), nodes.add()
            open_nodes.append((node["leftChild"], nodes.left[at], depth + 1))
            open_nodes.append((node["rightChild"], nodes.right[at], depth + 1))
    width = max(map(len, nodes.values))
    values = [one or [0.0] * width for one in nodes.values]
    return Trees(
        roots=np.array(places, dtype=np.int64),
        feature=np.array(nodes.feature, dtype=np.int32),
        threshold=np.array(nodes.threshold, dtype=np.float64),
        left=np.array(nodes.left, dtype=np.int64),
        right=np.array(nodes.right, dtype=np.int64),
        values=np.array(values, dtype=np.float64),
        depth=nodes.depth,
    )
