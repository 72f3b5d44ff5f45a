"""Weights and bias of a linear model as JSON.

Scores are sum(weight * feature) + bias, one for a regression or two classes, else one a class.
`link` says how answers follow: identity and exp of a regression; of a classifier the label is that
of the largest score, or of two classes the second one if the score is above 0, and its
probabilities are the sigmoid of the score ("sigmoid"), the softmax of the scores ("softmax"), or
sigmoids divided by their sum ("sigmoid_shares"); "none" has no probabilities. `raw` has the same
for columns as requests carry them: see `models.export.raw`.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.linear_model import (
    GammaRegressor,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    SGDClassifier,
    TweedieRegressor,
)
from sklearn.svm import LinearSVC, LinearSVR

from models.errors import RefusedModel
from models.estimators import Estimator
from models.export.exported import (
    Exported,
    Floats,
    Known,
    class_labels,
    cut,
    largest_difference,
    write_json,
)
from models.export.raw import raw_form

FILE: Final = "weights.json"


def export_weights(model: Estimator, known: Known, out: Path) -> Exported:
    """Write weights.json.

    Raises:
        RefusedModel: it is no linear model, or answers several outputs.
    """
    parts = cut(model, known)
    weights, bias = _weights(parts.predictor)
    scores = parts.prepared @ weights.T + bias
    difference = largest_difference(scores, _theirs(parts.predictor, parts.taken))
    content: dict[str, Any] = {
        "format": 1,
        "kind": "weights",
        "estimator": type(parts.predictor).__name__,
        "classes": class_labels(parts.predictor),
        "link": _link(parts.predictor),
        "features": parts.features,
        "weights": weights.tolist(),
        "bias": bias.tolist(),
        "golden_rows": len(parts.prepared),
        "largest_difference": difference,
        "raw": None,
        "raw_missing_because": "",
    }
    try:
        content["raw"] = raw_form(parts, known, weights, bias)
    except RefusedModel as error:
        content["raw_missing_because"] = str(error)
    write_json(out, FILE, content)
    space = "of features, and of raw columns" if content["raw"] else "of features"
    words = f"{weights.size:,} weights {space}; largest difference of a score {difference:.1e}"
    return Exported("weights", (FILE,), words)


def _weights(predictor: Estimator) -> tuple[Floats, Floats]:
    """Return weights of shape (scores, features) and bias of shape (scores,)."""
    home = type(predictor).__module__
    linear = home.startswith("sklearn.linear_model") or isinstance(predictor, LinearSVC | LinearSVR)
    coef = getattr(predictor, "coef_", None)
    if not linear or coef is None:
        raise RefusedModel(f"{type(predictor).__name__} is no linear model with weights")
    dense = coef.toarray() if hasattr(coef, "toarray") else coef
    weights = np.atleast_2d(np.asarray(dense, dtype=np.float64))
    classes = getattr(predictor, "classes_", None)
    scores = 1 if classes is None or len(classes) == 2 else len(classes)
    if len(weights) != scores:
        raise RefusedModel(f"it answers {len(weights)} outputs; one can be exported")
    bias = np.asarray(predictor.intercept_, dtype=np.float64).ravel()
    return weights, np.broadcast_to(bias, (scores,)).copy()


def _theirs(predictor: Estimator, X: Any) -> Floats:
    """Return the model's own scores, shape (rows, scores)."""
    if hasattr(predictor, "classes_"):
        scores = predictor.decision_function(X)
    else:
        answers = predictor.predict(X)
        scores = np.log(answers) if _link(predictor) == "exp" else answers
    return np.asarray(scores, dtype=np.float64).reshape(np.shape(X)[0], -1)


def _link(predictor: Estimator) -> str:
    several = len(getattr(predictor, "classes_", ())) > 2
    if isinstance(predictor, LogisticRegression | LogisticRegressionCV):
        return "softmax" if several else "sigmoid"
    if isinstance(predictor, SGDClassifier) and predictor.loss == "log_loss":
        return "sigmoid_shares" if several else "sigmoid"
    if hasattr(predictor, "classes_"):
        return "none"
    if isinstance(predictor, PoissonRegressor | GammaRegressor):
        return "exp"
    if isinstance(predictor, TweedieRegressor):
        natural = "log" if predictor.power > 0 else "identity"
        link = natural if predictor.link == "auto" else predictor.link
        return "exp" if link == "log" else "identity"
    return "identity"
