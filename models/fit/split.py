"""Dividing the rows that runs may see: fitted rows, and validation rows, by which runs compare.

The held-out rows were taken out before (models.held_out). Equal seeds give equal divisions.
Indices ascend.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from models.errors import BadData, BadSpecification
from models.rows import Array
from models.spec import Specification

Parted: TypeAlias = tuple[Array, Array]

MOST_OFF: Final = 0.5
"""With groups a part may be so much smaller or larger than asked for, as a share of itself."""


class Targets(Protocol):
    """What a division looks at."""

    @property
    def y(self) -> Array:
        """Targets, shape (n,)."""

    @property
    def groups(self) -> Array | None:
        """Of each row, what it stays together with."""


def divide(spec: Specification, table: Targets, seed: int) -> Parted:
    """Return the rows to fit on and the validation rows, of the known ones.

    Raises:
        BadSpecification: the split contradicts the task, or leaves nothing to compare runs by.
        BadData: the rows cannot be divided so, and why.
    """
    if spec.split.validation == 0:
        raise BadSpecification(
            "split.validation is 0; runs are compared by validation rows: give a share of them"
        )
    share, y, groups = spec.split.validation, table.y, table.groups
    _refuse_few(len(y), share)
    if spec.split.stratified:
        _refuse_unlike(spec, y)
    divide_by = _chosen(spec.split.stratified, groups)
    first, second = divide_by(y, groups, share, seed)
    if groups is not None:
        _refuse_uneven(len(second) / len(y), share, groups)
    return np.sort(first), np.sort(second)


def _chosen(stratified: bool, groups: Array | None) -> Callable[..., Parted]:
    if groups is None:
        return _stratified if stratified else _plain
    return _stratified_groups if stratified else _grouped


def _plain(y: Array, _groups: None, share: float, seed: int) -> Parted:
    first, second = train_test_split(np.arange(len(y)), test_size=share, random_state=seed)
    return first, second


def _stratified(y: Array, _groups: None, share: float, seed: int) -> Parted:
    try:
        first, second = train_test_split(
            np.arange(len(y)), test_size=share, random_state=seed, stratify=y
        )
    except ValueError as error:
        raise BadData(
            f"{len(y)} rows with {len(np.unique(y))} classes cannot be divided so that a part of"
            f" {share:.0%} has every class: give more rows, a larger share, or stratified = false"
        ) from error
    return first, second


def _grouped(y: Array, groups: Array, share: float, seed: int) -> Parted:
    """Take whole groups, in random order, as long as they bring the part nearer to its size."""
    names, members = np.unique(groups, return_inverse=True)
    sizes = np.bincount(members)
    wanted, have = share * len(y), 0
    chosen = np.zeros(len(names), dtype=bool)
    for group in np.random.default_rng(seed).permutation(len(names)):
        if abs(have + sizes[group] - wanted) < abs(have - wanted):
            chosen[group], have = True, have + sizes[group]
    second = chosen[members]
    return np.flatnonzero(~second), np.flatnonzero(second)


def _stratified_groups(y: Array, groups: Array, share: float, seed: int) -> Parted:
    folds = max(2, round(1 / share))
    try:
        divisions = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        first, second = next(divisions.split(np.zeros(len(y)), y, groups))
    except ValueError as error:
        raise BadData(
            f"the rows cannot be divided into {folds} parts with whole groups and every class:"
            f" {error}"
        ) from error
    return first, second


def _refuse_few(rows: int, share: float) -> None:
    if round(rows * share) < 1 or rows - np.ceil(rows * share) < 1:
        raise BadData(
            f"{rows} rows cannot be divided with split.validation = {share:g}: each part needs one"
            " row at least"
        )


def _refuse_unlike(spec: Specification, y: Array) -> None:
    if spec.model.task == "regression":
        raise BadSpecification("split.stratified is for classes, and the task is regression")
    classes, counts = np.unique(y, return_counts=True)
    if counts.min() < 2:
        rare = [plain(name) for name in classes[counts == 1]]
        raise BadData(
            f"split.validation: class {rare[0]!r} has one row"
            + (f", and so have {len(rare) - 1} more classes" if len(rare) > 1 else "")
            + "; stratified parts need two of each: drop or join rare classes, or set"
            " stratified = false"
        )


def _refuse_uneven(got: float, share: float, groups: Array) -> None:
    if abs(got - share) <= MOST_OFF * share:
        return
    names, counts = np.unique(groups, return_counts=True)
    largest = counts.argmax()
    raise BadData(
        f"split.validation: with whole groups the part would have {got:.0%} of the rows and not"
        f" {share:.0%}; there are {len(names)} groups, and the largest, {plain(names[largest])!r},"
        f" has {counts[largest]:,} of {len(groups):,} rows: choose another split.group or share"
    )


def plain(value: Any) -> Any:
    """Return a numpy value as Python's own."""
    return value.item() if isinstance(value, np.generic) else value
