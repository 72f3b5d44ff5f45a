"""The labels of a classifier: of what type, of how many outputs, with which probabilities."""

from typing import Any, Final, cast

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import ClassifierChain
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from models.errors import RefusedModel
from models.estimators import Estimator, final_estimator
from models.rows import Array, Rows, label
from models.schema import DType, Label, OutputSchema

ARGMAX_CLASSIFIERS: Final = (
    LogisticRegression,
    RandomForestClassifier,
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    GradientBoostingClassifier,
    DecisionTreeClassifier,
    ExtraTreeClassifier,
    GaussianNB,
)
"""Classes whose `predict` takes the largest of the scores from which `predict_proba` is a strictly
rising function, as their sources say. Subclasses do not count: they may override either."""

NEAR_TIE: Final = 1e-9
"""Rows whose two best probabilities are closer than this get their label from `predict`."""

MAX_WIDTH: Final = 4096
"""Numbers or probabilities a row; a frame to the API process holds some thousands of rows."""

LARGEST_WHOLE: Final = 2**63 - 1

_KINDS: Final[dict[type, DType]] = {bool: "bool", int: "int64", float: "float64", str: "string"}


def classes_schema(model: Estimator, X: Rows, predicted: Array) -> OutputSchema:
    """Derive what a classifier answers.

    Args:
        model: a fitted classifier.
        X: rows that it takes.
        predicted: its labels of these rows, shape (n,) or (n, outputs).

    Raises:
        RefusedModel: its labels cannot be served, and why.
    """
    found = getattr(model, "classes_", None)
    if found is None:
        raise RefusedModel("the classifier has no classes_; fit it before you register it")
    if predicted.ndim == 2:
        return _several_outputs(_in_order(model, found), predicted)
    found = _as_predicted(np.asarray(found), predicted)
    classes = tuple(label(value, "classes_") for value in found)
    _refuse_strange(predicted, classes)
    probabilities = _probabilities(model, X, len(classes))
    return OutputSchema(
        kind="classes",
        dtype=_label_dtype(found, classes),
        classes=classes,
        probabilities=probabilities is not None,
        labels_from_probabilities=probabilities is not None
        and type(final_estimator(model)) in ARGMAX_CLASSIFIERS
        and _agree(probabilities, found, predicted),
    )


def _several_outputs(found: Any, predicted: Array) -> OutputSchema:
    """Describe a classifier that says several labels a row, each of its own set of classes."""
    width = predicted.shape[1]
    # Estimators of indicator matrices (MLP, one against the rest) number the columns in classes_.
    each = found if isinstance(found, list) else [np.array([0, 1])] * width
    if len(each) != width:
        raise RefusedModel(
            f"the classifier predicts {width} labels a row and has classes_ of {len(each)} outputs;"
            " register one classifier an output"
        )
    by_output = tuple(
        tuple(label(value, "classes_") for value in _as_predicted(np.asarray(one), predicted))
        for one in each
    )
    for output, classes in enumerate(by_output):
        _refuse_strange(predicted[:, output], classes)
    union = np.unique(np.concatenate([_as_predicted(np.asarray(one), predicted) for one in each]))
    classes = tuple(label(value, "classes_") for value in union)
    return OutputSchema(
        kind="classes",
        dtype=_label_dtype(union, classes),
        width=width,
        classes=classes,
        classes_by_output=by_output,
    )


def _in_order(model: Estimator, found: Any) -> Any:
    """Return the classes of each output as `predict` has them; a chain keeps them as it asks."""
    last = final_estimator(model)
    if not isinstance(last, ClassifierChain) or not isinstance(found, list):
        return found
    return [found[place] for place in np.argsort(last.order_)]


def _as_predicted(found: Array, predicted: Array) -> Array:
    """Return the classes in the type in which `predict` says them: a chain of 0 and 1 says 1.0."""
    kinds = {found.dtype.kind, predicted.dtype.kind}
    return found.astype(predicted.dtype) if len(kinds) > 1 and kinds <= set("biuf") else found


def _refuse_strange(predicted: Array, classes: tuple[Label, ...]) -> None:
    known = {(type(one), one) for one in classes}
    said = [label(value, "predict") for value in predicted]
    strange = sorted(repr(one) for one in said if (type(one), one) not in known)
    if strange:
        raise RefusedModel(
            f"predict answers {strange[0]}, which is not in classes_ ({_words(classes)});"
            " fit the classifier on labels of one type"
        )


def _words(classes: tuple[Label, ...]) -> str:
    shown = ", ".join(map(repr, classes[:5]))
    return shown if len(classes) <= 5 else f"{shown}, …"


def _probabilities(model: Estimator, X: Rows, classes: int) -> Array | None:
    """Return `predict_proba`, or None if the model has none that can be served."""
    try:
        raw = np.asarray(model.predict_proba(X))
    except Exception:
        return None
    usable = raw.shape == (len(X), classes) and raw.dtype.kind == "f" and np.isfinite(raw).all()
    return raw if usable and classes <= MAX_WIDTH else None


def _agree(probabilities: Array, classes: Array, predicted: Array) -> bool:
    """Say whether labels follow from probabilities in every row that is no near tie."""
    # In float32 the rounding of another batch size is far above NEAR_TIE.
    if probabilities.dtype != np.float64 or len(classes) < 2:
        return False
    best_two = np.partition(probabilities, -2, axis=1)[:, -2:]
    clear = best_two[:, 1] - best_two[:, 0] > NEAR_TIE
    return bool((classes[probabilities.argmax(axis=1)] == predicted)[clear].all())


def _label_dtype(found: Array, classes: tuple[Label, ...]) -> DType:
    kinds = {type(value) for value in classes}
    if len(kinds) != 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise RefusedModel(f"classes_ mixes {names}; one type of label is needed")
    large = [one for one in classes if isinstance(one, int) and one > LARGEST_WHOLE]
    if large:
        raise RefusedModel(
            f"the label {large[0]} is above {LARGEST_WHOLE}, and answers carry whole numbers of 64"
            " bits with a sign; fit the classifier on labels that are texts"
        )
    return cast("DType", found.dtype.name) if found.dtype.kind in "iu" else _KINDS[kinds.pop()]
