"""Trees as JSON, and few of them as text.

A tree is parallel lists, a place a node, the first one the root: `feature` (-1 in a leaf),
`threshold`, `left`, `right`, `missing_left`, and `value`, a list in a leaf and null elsewhere. At a
node go left if the feature is not above the threshold; a missing value goes left if `missing_left`.
Where `input_dtype` is float32 features are rounded to it first, as scikit-learn does.

Scores are base + factor * sum of the leaves' values; a tree that has `output` adds to that score
alone. `link` says how answers follow: "identity" and "exp" of a regression; "shares": scores are
the classes' probabilities; "sigmoid": the one score's is the second class's (with the score
doubled: "sigmoid_twice"); "softmax" over all scores. The label is that of the largest probability,
the first of equal ones; of a sigmoid the second class if the score is at least 0 ("sigmoid",
"sigmoid_twice") or above it, as `second_class_at_zero` says.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from models.errors import RefusedModel
from models.estimators import Estimator
from models.export.exported import (
    Exported,
    Floats,
    Known,
    Parts,
    class_labels,
    cut,
    largest_difference,
    write_json,
)
from models.export.if_else import as_text

FILE: Final = "trees.json"
TEXT: Final = "trees.js"
MOST_TEXT_NODES: Final = 5000

_SINGLE = (DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor)
_FOREST = (
    RandomForestClassifier,
    RandomForestRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
)
_BOOSTED = (GradientBoostingClassifier, GradientBoostingRegressor)
_HISTOGRAM = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)

Tree = dict[str, Any]


def export_trees(model: Estimator, known: Known, out: Path) -> Exported:
    """Write trees.json, and trees.js if there are few nodes.

    Raises:
        RefusedModel: it has no trees that can be written, and why.
    """
    parts = cut(model, known)
    content = _content(parts.predictor)
    content["features"] = parts.features
    difference = _proved(content, parts)
    content |= {"golden_rows": len(parts.prepared), "largest_difference": difference}
    write_json(out, FILE, content)
    files = [FILE]
    nodes = sum(len(tree["feature"]) for tree in content["trees"])
    if nodes <= MOST_TEXT_NODES:
        (out / TEXT).write_text(as_text(content), encoding="utf-8")
        files.append(TEXT)
    words = (
        f"{len(content['trees']):,} trees with {nodes:,} nodes; largest difference {difference:.1e}"
    )
    if len(files) == 1:
        words += f"; more than {MOST_TEXT_NODES:,} nodes are not written as text"
    return Exported("trees", tuple(files), words)


def _content(predictor: Estimator) -> dict[str, Any]:
    kind = type(predictor)
    if kind in _SINGLE:
        parts = _averaged(predictor, [predictor])
    elif kind in _FOREST:
        parts = _averaged(predictor, list(predictor.estimators_))
    elif kind in _BOOSTED:
        parts = _boosted(predictor)
    elif kind in _HISTOGRAM:
        parts = _histogram(predictor)
    else:
        raise RefusedModel(f"{kind.__name__} has no trees that can be written")
    head = {"format": 1, "kind": "trees", "estimator": kind.__name__}
    return head | {"classes": class_labels(predictor)} | parts


def _averaged(predictor: Estimator, trees: list[Estimator]) -> dict[str, Any]:
    if predictor.n_outputs_ != 1:
        raise RefusedModel(f"it answers {predictor.n_outputs_} outputs; one can be exported")
    classes = getattr(predictor, "classes_", None)
    return {
        "input_dtype": "float32",
        "link": "identity" if classes is None else "shares",
        "base": [0.0] * (1 if classes is None else len(classes)),
        "factor": 1.0 / len(trees),
        "trees": [_tree(one.tree_) for one in trees],
    }


def _boosted(predictor: Estimator) -> dict[str, Any]:
    if predictor.init_ != "zero" and type(predictor.init_) not in (DummyClassifier, DummyRegressor):
        raise RefusedModel("it begins with another model's answers (init); fit it without one")
    base = predictor._raw_predict_init(np.zeros((1, predictor.n_features_in_), np.float32))[0]
    trees = [
        _tree(one.tree_) | {"output": output}
        for stage in predictor.estimators_
        for output, one in enumerate(stage)
    ]
    link = "identity"
    if hasattr(predictor, "classes_"):
        link = "sigmoid" if len(base) == 1 else "softmax"
        link = "sigmoid_twice" if predictor.loss == "exponential" else link
    return {
        "input_dtype": "float32",
        "link": link,
        "second_class_at_zero": True,
        "base": base.astype(float).tolist(),
        "factor": float(predictor.learning_rate),
        "trees": trees,
    }


def _histogram(predictor: Estimator) -> dict[str, Any]:
    if predictor.is_categorical_ is not None and predictor.is_categorical_.any():
        raise RefusedModel("it splits by sets of categories; encode them in a step before it")
    trees = [
        _histogram_tree(one.nodes) | {"output": output}
        for stage in predictor._predictors
        for output, one in enumerate(stage)
    ]
    base = np.ravel(predictor._baseline_prediction).astype(float).tolist()
    link = "identity"
    if hasattr(predictor, "classes_"):
        link = "sigmoid" if len(base) == 1 else "softmax"
    elif predictor.loss in {"poisson", "gamma"}:
        link = "exp"
    return {
        "input_dtype": "float64",
        "link": link,
        "second_class_at_zero": False,
        "base": base,
        "factor": 1.0,
        "trees": trees,
    }


def _tree(tree: Any) -> Tree:
    leaf = tree.children_left < 0
    missing = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count, bool))
    return {
        "feature": np.where(leaf, -1, tree.feature).tolist(),
        "threshold": _thresholds(leaf, tree.threshold),
        "left": tree.children_left.tolist(),
        "right": tree.children_right.tolist(),
        "missing_left": [bool(one) for one in missing],
        "value": [
            row.tolist() if is_leaf else None
            for row, is_leaf in zip(tree.value[:, 0, :], leaf, strict=True)
        ],
    }


def _histogram_tree(nodes: Any) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    return {
        "feature": np.where(leaf, -1, nodes["feature_idx"].astype(int)).tolist(),
        "threshold": _thresholds(leaf, nodes["num_threshold"]),
        "left": np.where(leaf, -1, nodes["left"].astype(int)).tolist(),
        "right": np.where(leaf, -1, nodes["right"].astype(int)).tolist(),
        "missing_left": nodes["missing_go_to_left"].astype(bool).tolist(),
        "value": [
            [float(value)] if is_leaf else None
            for value, is_leaf in zip(nodes["value"], leaf, strict=True)
        ],
    }


def _thresholds(leaf: Any, given: Any) -> list[float]:
    # An infinite threshold, which parts missing values from all others, has no word in JSON.
    highest = np.finfo(np.float64).max
    clipped: list[float] = np.where(leaf, 0.0, np.clip(given, -highest, highest)).tolist()
    return clipped


def _proved(content: dict[str, Any], parts: Parts) -> float:
    """Return the largest difference of a score on golden rows, read from what is written."""
    predictor, X = parts.predictor, parts.taken
    # Back to Python's floats: numpy would round thresholds, too, to compare them with float32.
    rows = parts.prepared.astype(content["input_dtype"]).astype(np.float64).tolist()
    ours = np.array([_scores(content, row) for row in rows])
    kind = type(predictor)
    if kind in (GradientBoostingClassifier, HistGradientBoostingClassifier):
        theirs = predictor.decision_function(X)
    elif content["classes"] is not None:
        theirs = predictor.predict_proba(X)
    else:
        theirs = predictor.predict(X)
        ours = np.exp(ours) if content["link"] == "exp" else ours
    return largest_difference(ours, np.reshape(theirs, (len(rows), -1)))


def _scores(content: dict[str, Any], row: Any) -> Floats:
    total = np.zeros(len(content["base"]))
    for tree in content["trees"]:
        node = 0
        while (feature := tree["feature"][node]) >= 0:
            value = row[feature]
            low = (
                tree["missing_left"][node] if np.isnan(value) else value <= tree["threshold"][node]
            )
            node = tree["left" if low else "right"][node]
        total[tree.get("output", slice(None))] += _alone(tree, node)
    return np.asarray(np.array(content["base"]) + content["factor"] * total)


def _alone(tree: Tree, node: int) -> Any:
    value = tree["value"][node]
    return value[0] if "output" in tree else np.array(value)
