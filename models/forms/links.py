"""From scores to probabilities, by the same calls as scikit-learn makes."""

import numpy as np
from scipy.special import expit

from models.forms.checks import Array


def softmax(scores: Array) -> Array:
    """Return the softmax of each row (sklearn.utils.extmath); writes into `scores`."""
    scores -= np.maximum.reduce(scores, axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= np.add.reduce(scores, axis=1, keepdims=True)
    return scores


def logistic(scores: Array) -> Array:
    """Return shape (n, 2), the second column the logistic function of `scores`."""
    return two(expit(scores, out=scores))


def half_logistic(scores: Array) -> Array:
    """Return shape (n, 2), the second column the logistic function of twice `scores`."""
    return two(expit(2 * scores))


def two(second: Array) -> Array:
    """Return shape (n, 2): what is left of 1, and `second`."""
    both = np.empty((len(second), 2), second.dtype)
    both[:, 1] = second
    np.subtract(1, second, out=both[:, 0])
    return both


def one_against_rest(scores: Array) -> Array:
    """Return logistic functions of (n, classes) scores, scaled to add up to 1."""
    return _to_one(expit(scores, out=scores))


def huber(scores: Array) -> Array:
    """Return what SGDClassifier makes of scores under its loss modified_huber."""
    if scores.ndim == 1:
        clipped = np.clip(scores.astype(np.float64), -1, 1)
        clipped += 1.0
        clipped /= 2.0
        return two(clipped)
    np.clip(scores, -1, 1, scores)
    scores += 1.0
    scores /= 2.0
    return _to_one(scores)


def _to_one(shares: Array) -> Array:
    total = shares.sum(axis=1)
    none = total == 0
    if none.any():
        shares[none, :] = 1
        total[none] = shares.shape[1]
    shares /= total.reshape(-1, 1)
    return shares
