"""The trees inside a fitted pipeline, and what its steps before them do to a row."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from models.estimators import Estimator, unwrap

Array: TypeAlias = npt.NDArray[Any]
MOST_TREES: Final = 2000
"""Of a larger ensemble the first ones are looked into."""


class Tree(NamedTuple):
    """One tree, node by node; a leaf has the feature -1.

    Args:
        feature: shape (nodes,): the number of the feature that a node asks for.
        threshold: float64, shape (nodes,); up to it a row goes left.
        left: shape (nodes,).
        right: shape (nodes,).
        narrow: rows are rounded to float32 before they are compared.
    """

    feature: Array
    threshold: Array
    left: Array
    right: Array
    narrow: bool


class Grove(NamedTuple):
    """Trees, and the steps that a row goes through before it comes to them."""

    before: tuple[Any, ...]
    trees: tuple[Tree, ...]


def grove(model: Estimator) -> Grove:
    """Return the trees of the last step of a pipeline, and the steps before; it may have none."""
    before: list[Any] = []
    model = unwrap(model)
    while hasattr(model, "steps"):
        steps = [step for _, step in model.steps if step not in (None, "passthrough")]
        if not steps:
            return Grove((), ())
        before += steps[:-1]
        model = unwrap(steps[-1])
    inner = getattr(model, "_preprocessor", None)
    if inner is not None and hasattr(inner, "transform"):
        before.append(inner)
    return Grove(tuple(before), tuple(islice(_trees(model), MOST_TREES)))


def _trees(model: Estimator, features: Array | None = None) -> Iterator[Tree]:
    grown = getattr(model, "tree_", None)
    if grown is not None:
        yield _of_tree(grown, features)
        return
    for stage in getattr(model, "_predictors", None) or ():
        for predictor in stage:
            yield _of_predictor(predictor.nodes)
    drawn: Sequence[Any] | None = getattr(model, "estimators_features_", None)
    members = getattr(model, "estimators_", None)
    if members is None:
        return
    for place, member in enumerate(np.asarray(members, dtype=object).ravel()):
        yield from _trees(member, features if drawn is None else np.asarray(drawn[place]))


def _of_tree(grown: Any, features: Array | None) -> Tree:
    feature = np.where(grown.children_left < 0, -1, grown.feature)
    if features is not None:
        feature = np.where(feature < 0, -1, features[feature])
    return Tree(feature, grown.threshold, grown.children_left, grown.children_right, True)


def _of_predictor(nodes: Array) -> Tree:
    """Read a tree of histogram gradient boosting; what asks for categories counts as a leaf."""
    ends = nodes["is_leaf"].astype(bool) | nodes["is_categorical"].astype(bool)
    return Tree(
        np.where(ends, -1, nodes["feature_idx"].astype(np.int64)),
        nodes["num_threshold"].astype(np.float64),
        nodes["left"].astype(np.int64),
        nodes["right"].astype(np.int64),
        False,
    )
