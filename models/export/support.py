"""Support vectors as JSON.

K(a, b) is: linear a·b; poly (gamma a·b + coef0)^degree; rbf exp(-gamma |a - b|²); sigmoid
tanh(gamma a·b + coef0).

SVR and OneClassSVM: the value is sum(coefficient[0][v] * K(vector v, x)) + bias[0]; OneClassSVM
says 1 if it is above 0, else -1.

SVC: vectors stand class after class, `counts` of each. For classes i < j, in the order (0,1),
(0,2), …, (1,2), …, number p: the sum over vectors of class i of coefficient[j-1][v] K plus that
over vectors of class j of coefficient[i][v] K plus bias[p]; above 0 is a vote for i, else for j.
Most votes win; of equal ones the first (Chang and Lin, LIBSVM).
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

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

FILE: Final = "support_vectors.json"
KERNELS: Final = ("linear", "poly", "rbf", "sigmoid")


def export_support_vectors(model: Estimator, known: Known, out: Path) -> Exported:
    """Write support_vectors.json.

    Raises:
        RefusedModel: it has no support vectors, or a kernel that is no formula.
    """
    parts = cut(model, known)
    machine = parts.predictor
    if type(machine) not in (SVC, NuSVC, SVR, NuSVR, OneClassSVM):
        raise RefusedModel(f"{type(machine).__name__} has no support vectors")
    if machine.kernel not in KERNELS:
        raise RefusedModel(f"the kernel {machine.kernel!r} is no formula; use one of {KERNELS}")
    if getattr(machine, "break_ties", False):
        raise RefusedModel("break_ties decides by other scores than votes; fit without it")
    content: dict[str, Any] = {
        "format": 1,
        "kind": "support_vectors",
        "estimator": type(machine).__name__,
        "classes": class_labels(machine),
        "features": parts.features,
        "kernel": machine.kernel,
        "gamma": float(machine._gamma),
        "degree": int(machine.degree),
        "coef0": float(machine.coef0),
        "vectors": _dense(machine.support_vectors_).tolist(),
        # scikit-learn turns the signs of two classes in its public attributes; these are LIBSVM's.
        "coefficients": _dense(machine._dual_coef_).tolist(),
        "bias": np.ravel(machine._intercept_).astype(float).tolist(),
        "counts": [int(one) for one in machine.n_support_],
        "golden_rows": len(parts.prepared),
    }
    difference = _proved(content, parts)
    content["largest_difference"] = difference
    write_json(out, FILE, content)
    words = f"{len(content['vectors']):,} support vectors; largest difference {difference:.1e}"
    return Exported("support_vectors", (FILE,), words)


def _proved(content: dict[str, Any], parts: Parts) -> float:
    """Return the largest difference of a decision on golden rows, by the formulas above."""
    machine, X = parts.predictor, parts.taken
    kernel = _kernel(content, parts.prepared)
    coefficients, bias = np.array(content["coefficients"]), np.array(content["bias"])
    if content["classes"] is None:
        theirs = (
            machine.decision_function(X) if type(machine) is OneClassSVM else machine.predict(X)
        )
        return largest_difference(kernel @ coefficients[0] + bias[0], np.ravel(theirs))
    ends = np.cumsum([0, *content["counts"]])
    decisions: list[Floats] = []
    classes = len(content["classes"])
    for i in range(classes):
        for j in range(i + 1, classes):
            of_i, of_j = slice(ends[i], ends[i + 1]), slice(ends[j], ends[j + 1])
            decisions.append(
                kernel[:, of_i] @ coefficients[j - 1, of_i]
                + kernel[:, of_j] @ coefficients[i, of_j]
                + bias[len(decisions)]
            )
    shape = machine.decision_function_shape
    machine.decision_function_shape = "ovo"
    try:
        theirs = machine.decision_function(X)
    finally:
        machine.decision_function_shape = shape
    if classes == 2:
        theirs = -np.reshape(theirs, (-1, 1))
    return largest_difference(np.column_stack(decisions), theirs)


def _kernel(content: dict[str, Any], X: Floats) -> Floats:
    vectors, gamma = np.array(content["vectors"]), content["gamma"]
    products = X @ vectors.T
    if content["kernel"] == "linear":
        return np.asarray(products)
    if content["kernel"] == "rbf":
        distances = ((X[:, None, :] - vectors[None, :, :]) ** 2).sum(axis=2)
        return np.asarray(np.exp(-gamma * distances))
    inner = gamma * products + content["coef0"]
    return np.asarray(inner ** content["degree"] if content["kernel"] == "poly" else np.tanh(inner))


def _dense(values: Any) -> Floats:
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)
