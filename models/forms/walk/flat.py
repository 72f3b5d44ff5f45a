"""Many trees as one array of nodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from models.forms.checks import Array
from models.forms.errors import NoForm

NODE: Final = np.dtype([("threshold", "<f8"), ("feature", "<i4"), ("left", "<i4")])
"""16 bytes, so that four nodes share a cache line. The right child follows the left one. A leaf
points to itself, and its threshold is infinity: whoever asks it stays."""


class Grown(NamedTuple):
    """One tree as scikit-learn keeps it, an entry a node; node 0 is the root.

    Args:
        left: the left child, -1 or less at a leaf.
        right: the right child.
        feature: which column is asked; any number at a leaf.
        threshold: float64; up to it, and equal to it, a row goes left.
        missing_left: whether NaN goes left; uint8 or bool.
        values: float64, shape (nodes, width): what a leaf adds.
    """

    left: Array
    right: Array
    feature: Array
    threshold: Array
    missing_left: Array
    values: Array


@dataclass(frozen=True)
class Flat:
    """All trees.

    Args:
        nodes: of type NODE, tree after tree, each level after level.
        missing_left: uint8, an entry a node.
        values: float64, shape (nodes, width).
        roots: int32, an entry a tree.
        depths: int32, how many questions the longest way of each tree has.
        source: int64, which of the given nodes, counted through all trees, a node was.
    """

    nodes: Array
    missing_left: Array
    values: Array
    roots: Array
    depths: Array
    source: Array


def flat(trees: Sequence[Grown]) -> Flat:
    """Put trees into one array.

    Raises:
        NoForm: there are too many nodes for four bytes, or a node is what no fit makes.
    """
    sizes = np.array([len(tree.left) for tree in trees])
    starts = np.cumsum(sizes) - sizes
    if sizes.sum() >= np.iinfo(np.int32).max:
        raise NoForm("there are too many nodes")
    owner = np.repeat(np.arange(len(trees)), sizes)
    left = np.concatenate([tree.left for tree in trees]).astype(np.int64)
    right = np.concatenate([tree.right for tree in trees]).astype(np.int64)
    inner = left >= 0
    left, right = left + starts[owner], right + starts[owner]
    order, depths = _levels(left, right, inner, starts, owner)
    place = np.zeros(len(owner), np.int64)
    place[order] = np.arange(len(order))
    asks = inner[order]
    nodes = np.zeros(len(order), NODE)
    joined: Any = [np.concatenate(column) for column in zip(*trees, strict=True)]
    threshold = joined[3][order]
    if np.isnan(threshold[asks]).any():
        raise NoForm("a threshold is no number")
    nodes["threshold"] = np.where(asks, threshold, np.inf)
    nodes["feature"] = np.where(asks, joined[2][order], 0)
    nodes["left"] = np.where(asks, place[left[order] * asks], np.arange(len(order)))
    return Flat(
        nodes=nodes,
        missing_left=joined[4][order].astype(np.uint8) | ~asks,
        values=np.ascontiguousarray(joined[5][order], np.float64),
        roots=place[starts].astype(np.int32),
        depths=depths.astype(np.int32),
        source=order,
    )


def grown(tree: Any) -> Grown:
    """Return one of scikit-learn's compiled trees."""
    return Grown(
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=tree.missing_go_to_left,
        values=tree.value.reshape(tree.node_count, -1),
    )


def _levels(
    left: Array, right: Array, inner: Array, roots: Array, owner: Array
) -> tuple[Array, Array]:
    """Return all nodes, tree by tree and level by level, siblings together; and the depths."""
    depths = np.zeros(len(roots), np.int64)
    level, levels = roots, [roots]
    for depth in range(1, len(owner) + 1):
        asking = level[inner[level]]
        if not len(asking):
            break
        level = np.column_stack([left[asking], right[asking]]).ravel()
        depths[owner[level]] = depth
        levels.append(level)
    order = np.concatenate(levels)
    if len(order) > len(owner):
        raise NoForm("a node has two parents")
    return order[np.argsort(owner[order], kind="stable")], depths
