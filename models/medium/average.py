"""A linear model a part, and their averaged weights.

Mann, McDonald, Mohri, Silberman and Walker, Efficient large-scale distributed training of
conditional maximum entropy models (2009): the mixture weight method.
"""

import copy
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.svm import LinearSVC, LinearSVR

from models.errors import BadData, BadSpecification
from models.estimators import Estimator
from models.medium.candidates import Candidate, alive
from models.medium.fitting import stacked
from models.medium.memory import give_back
from models.medium.prepared import FEATURE_COPIES, Prepared
from models.rows import Array


def fit_averaged(candidates: list[Candidate], prepared: Prepared, parts: int) -> int:
    """Fit each candidate on each part, one part in memory at a time, and average.

    A part is made of groups of rows from everywhere in the table, drawn at random.

    Args:
        candidates: each gets the averaged model, and those of the parts.
        prepared: rows.
        parts: at least so many; more, if memory has no room for so large ones.

    Returns:
        How many parts there were.

    Raises:
        BadSpecification: the estimator is not linear.
        BadData: there are fewer groups of rows than parts.
    """
    refuse_curved(candidates[0].model)
    dealt = _dealt(prepared, parts)
    weights: list[int] = []
    for groups in dealt:
        X, y = gathered(prepared, groups)
        weights.append(len(y))
        _refuse_lacking(prepared, y, len(dealt))
        for one in alive(candidates):
            begin = time.monotonic()
            try:
                one.parts.append(clone(one.model).fit(X, y))
            except Exception as error:
                one.error = f"{type(error).__name__}: {error}"
            one.seconds += time.monotonic() - begin
        del X, y
        give_back()
    for one in alive(candidates):
        one.model = averaged(one.parts, weights)
    return len(dealt)


def averaged(models: Sequence[Estimator], weights: Sequence[int]) -> Estimator:
    """Return a model with the weighted mean of the models' coefficients and intercepts.

    Args:
        models: fitted linear models of one kind, with the same classes.
        weights: how many rows each has seen.
    """
    mean = copy.deepcopy(models[0])
    for name in ("coef_", "intercept_"):
        found = np.average([getattr(one, name) for one in models], axis=0, weights=weights)
        # An intercept may be a plain number.
        setattr(mean, name, found if np.ndim(found) else float(found))
    return mean


def gathered(prepared: Prepared, groups: Array) -> tuple[Any, Array]:
    """Return features and targets of some groups of rows, as one matrix."""
    pieces, targets = [], []
    for X, y in prepared.fitted(groups):
        pieces.append(X)
        targets.append(y)
    return stacked(pieces), np.concatenate(targets)


def _dealt(prepared: Prepared, parts: int) -> list[Array]:
    rows = prepared.cached.fitted
    room = prepared.budget.rows(prepared.feature_bytes + 8, FEATURE_COPIES, len(rows))
    needed = max(parts, -(-len(rows) // room))
    if needed > len(rows.groups):
        raise BadData(
            f"{len(rows):,} rows lie in {len(rows.groups)} groups, too few for {needed} parts; set"
            f" medium.batch_rows to {max(8, 2 * len(rows) // needed):,} at most, or fewer parts"
        )
    order = np.random.default_rng(prepared.seed).permutation(len(rows.groups))
    return [np.sort(order[part::needed]) for part in range(needed)]


def refuse_curved(model: Estimator) -> None:
    """Refuse an estimator whose parameters have no meaningful mean.

    Raises:
        BadSpecification: it is not linear.
    """
    linear = type(model).__module__.startswith("sklearn.linear_model")
    if not linear and not isinstance(model, LinearSVC | LinearSVR):
        raise BadSpecification(
            f'strategy = "average" is for linear models, and {type(model).__name__} is none: the'
            ' mean of its parameters means nothing. Take "partial_fit" or "sample"'
        )


def _refuse_lacking(prepared: Prepared, y: Array, parts: int) -> None:
    classes = prepared.cached.classes
    if classes is None:
        return
    lacking = sorted(set(classes.tolist()) - set(np.unique(y).tolist()))
    if lacking:
        raise BadData(
            f"one of {parts} parts has no row of class {lacking[0]!r}, so that its model cannot be"
            " averaged with the others; set fewer medium.parts"
        )
