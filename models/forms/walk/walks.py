"""Walks trees in one flat array; what it adds, and in which order, is what scikit-learn adds."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from models.forms.checks import Array, all_finite
from models.forms.walk.flat import Flat, Grown, flat, grown
from models.forms.walk.kernels import (
    add_few,
    add_many,
    add_missing,
    boost_categories,
    boost_few,
    boost_many,
    boost_missing,
)

FEW_ROWS: Final = 8
"""Below it a row goes through eight trees at once, from it on eight rows through one tree."""


class Walks:
    """See `Walker` and `HistogramWalker`."""

    def sums(self, trees: Sequence[Any]) -> Callable[[Array], Array]:
        """Return the function that adds up the leaves."""
        outputs, width = trees[0].value.shape[1:]
        forest = flat([grown(tree) for tree in trees])
        nodes, values, roots = forest.nodes, forest.values, forest.roots
        # A tree alone answers its leaf, and if that is -0.0 adding it to 0.0 would lose the sign.
        start = -0.0 if len(trees) == 1 else 0.0

        def add(X: Array) -> Array:
            sums = np.full((len(X), outputs * width), start)
            if not all_finite(X):
                add_missing(nodes, forest.missing_left, values, roots, X, sums)
            elif len(X) < FEW_ROWS:
                add_few(nodes, values, roots, forest.depths, X, sums)
            else:
                add_many(nodes, values, roots, forest.depths, X, sums)
            return sums.reshape(len(X), outputs, width)

        _compile(add, trees[0].n_features, np.float32)
        return add

    def boosted(self, trees: Array, rate: float) -> Callable[[Array, Array], None]:
        """Return the function that adds the leaves times the rate."""
        add = booster(flat([grown(tree.tree_) for tree in trees.ravel()]), rate)

        def add_to(X: Array, scores: Array) -> None:
            turned = np.ascontiguousarray(scores.T)
            add(X, turned)
            scores[:] = turned.T

        width = trees[0, 0].tree_.n_features
        _compile(lambda X: add_to(X, np.zeros((len(X), trees.shape[1]))), width, np.float32)
        return add_to

    def histogram(self, estimator: Any) -> Callable[[Array, Array], None]:
        """Return the function that adds the leaves."""
        trees = [tree for iteration in estimator._predictors for tree in iteration]
        classes = estimator.n_trees_per_iteration_
        forest = flat([_binned(tree.nodes) for tree in trees])
        asks = any(tree.nodes["is_categorical"].any() for tree in trees)
        add = _categories(forest, trees) if asks else booster(forest)

        def add_to(X: Array, scores: Array) -> None:
            # Numbers that came over a socket are read only, which would be another type.
            add(np.array(X, order="C"), scores)

        width = estimator.n_features_in_
        _compile(lambda X: add_to(X, np.zeros((classes, len(X)))), width, np.float64)
        return add_to


def booster(forest: Flat, rate: float = 1.0) -> Callable[[Array, Array], None]:
    """Return a function of rows, C-contiguous, and of scores, shape (K, n), which it adds to."""
    nodes, leaves, roots = forest.nodes, np.ravel(forest.values) * rate, forest.roots

    def add(X: Array, scores: Array) -> None:
        if not all_finite(X):
            boost_missing(nodes, forest.missing_left, leaves, roots, X, scores)
        elif len(X) < FEW_ROWS:
            boost_few(nodes, leaves, roots, forest.depths, X, scores)
        else:
            boost_many(nodes, leaves, roots, forest.depths, X, scores)

    return add


def _categories(forest: Flat, trees: Sequence[Any]) -> Callable[[Array, Array], None]:
    """Return the same of trees that ask for categories."""
    sets, counts = [], 0
    for tree in trees:
        asks = tree.nodes["is_categorical"] == 1
        sets.append(np.where(asks, tree.nodes["bitset_idx"].astype(np.int64) + counts, -1))
        counts += len(tree.raw_left_cat_bitsets)
    placed = np.concatenate(sets)[forest.source].astype(np.int32)
    lefts = np.concatenate([tree.raw_left_cat_bitsets.reshape(-1, 8) for tree in trees])
    given = (forest.nodes, forest.missing_left, np.ravel(forest.values), forest.roots)

    def add(X: Array, scores: Array) -> None:
        boost_categories(given, placed, lefts, X, scores)

    return add


def _compile(add: Callable[[Array], Any], width: int, dtype: Any) -> None:
    """Have everything compiled now: workers are forked later, and would each do it again."""
    for rows, value in ((1, 0.0), (FEW_ROWS, 0.0), (1, np.nan)):
        add(np.full((rows, width), value, dtype))


def _binned(nodes: Array) -> Grown:
    leaf = nodes["is_leaf"] == 1
    return Grown(
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=nodes["right"].astype(np.int64),
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        missing_left=nodes["missing_go_to_left"],
        values=nodes["value"].reshape(-1, 1),
    )
