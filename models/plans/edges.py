"""For each split of the trees, the two neighbouring inputs that fall on either side of it."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from models.containers import Containers
from models.plans.trees import Grove, Tree
from models.plans.values import as_cells, is_text, largest_float, ordinary
from models.schema import Column, TabularSchema
from models.tables import as_taken

Array: TypeAlias = npt.NDArray[Any]
STEPS: Final = 66
"""Halvings that lead from all numbers to two neighbours; a float64 has 64 bits."""
PROBES: Final = 6


class Edges(NamedTuple):
    """The sides of the splits, as inputs of the pipeline.

    Args:
        features: shape (splits,): the feature that is asked for, as the trees number them.
        thresholds: float64, shape (splits,).
        columns: shape (splits,): the input column behind the feature; -1 if there is not one.
        below: float64, shape (splits,): the largest input that goes left.
        above: float64, shape (splits,): the next one, which goes right.
    """

    features: Array
    thresholds: Array
    columns: Array
    below: Array
    above: Array


class Prefix:
    """The steps before the trees, as a function of numbers.

    Args:
        schema: what the model takes.
        before: the steps.
        rng: draws the row on which the others stand.
    """

    def __init__(
        self, schema: TabularSchema, before: Sequence[Any], rng: np.random.Generator
    ) -> None:
        self._columns = schema.columns
        self._containers = Containers(schema)
        self._before = before
        self._base = [ordinary(column, 1, rng) for column in schema.columns]
        self.largest = np.array([largest_float(column) for column in schema.columns])

    def __call__(self, changed: dict[int, Array], rows: int) -> Array:
        """Return what the trees see of rows that have some columns changed, as float64."""
        cells = [
            as_cells(column, changed[place] if place in changed else np.repeat(base, rows))
            for place, (column, base) in enumerate(zip(self._columns, self._base, strict=True))
        ]
        X = as_taken(self._containers.rows(rows, cells), "X")
        for step in self._before:
            X = step.transform(X)
        X = X.toarray() if hasattr(X, "toarray") else X
        return np.asarray(X, dtype=np.float64)

    def sources(self, rng: np.random.Generator) -> dict[int, int]:
        """Return feature → the one numeric column that it follows from, found by changing each."""
        base = self({}, 1)[0]
        moved_by: dict[int, set[int]] = {}
        for place, column in enumerate(self._columns):
            seen = self({place: ordinary(column, PROBES, rng)}, PROBES)
            for feature in np.flatnonzero((seen != base).any(axis=0)):
                moved_by.setdefault(int(feature), set()).add(place)
        return {
            feature: next(iter(places))
            for feature, places in moved_by.items()
            if len(places) == 1 and _is_number(self._columns[next(iter(places))])
        }


def edges(schema: TabularSchema, found: Grove, rng: np.random.Generator) -> Edges:
    """Find the edges of all splits.

    Where steps stand before the trees, each input is sought by halving: that takes steps which
    rise with their column, one by one, as scalers do. Splits of other features have none.

    Args:
        schema: what the model takes.
        found: its trees.
        rng: for probes.
    """
    narrow = found.trees[0].narrow
    features, thresholds = _splits(found.trees)
    if not found.before:
        columns = features.astype(np.int64)
        below = largest_left(thresholds) if narrow else thresholds
        return _whole(
            schema, Edges(features, thresholds, columns, below, np.nextafter(below, np.inf))
        )
    prefix = Prefix(schema, found.before, rng)
    try:
        sources = prefix.sources(rng)
        columns = np.array([sources.get(int(feature), -1) for feature in features], np.int64)
        below = _sought(prefix, features, thresholds, columns, narrow)
    except Exception:  # whatever a step raises: these splits are not met, and the plan says so
        columns, below = np.full(len(features), -1), thresholds
    return _whole(schema, Edges(features, thresholds, columns, below, np.nextafter(below, np.inf)))


def largest_left(thresholds: Array) -> Array:
    """Return the largest float64 that goes left of each threshold once it is rounded to float32."""
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
        low = np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)
        high = np.nextafter(low, np.float32(np.inf))
    middle = (low.astype(np.float64) + np.clip(high.astype(np.float64), None, 3.5e38)) / 2
    # A draw goes to the even neighbour.
    goes_left = middle.astype(np.float32) <= thresholds
    return np.where(goes_left, middle, np.nextafter(middle, -np.inf))


def _splits(trees: Sequence[Tree]) -> tuple[Array, Array]:
    """Return each pair of feature and threshold once."""
    pairs = np.concatenate(
        [
            np.stack([tree.feature.astype(np.float64), tree.threshold])[:, tree.feature >= 0]
            for tree in trees
        ],
        axis=1,
    )
    once = np.unique(pairs, axis=1)
    finite = once[:, np.isfinite(once[1])]
    return finite[0].astype(np.int64), finite[1]


def _sought(
    prefix: Prefix, features: Array, thresholds: Array, columns: Array, narrow: bool
) -> Array:
    """Halve between the least and the largest number; a row has one split of each column."""
    low, high = _ordered(-prefix.largest[columns]), _ordered(prefix.largest[columns])
    places = {int(c): np.flatnonzero(columns == c) for c in np.unique(columns[columns >= 0])}
    rows = max((len(one) for one in places.values()), default=0)
    if not rows:
        return thresholds
    for _ in range(STEPS):
        middle = low // 2 + high // 2 + (low & high & 1)
        changed = {c: _filled(_numbers(middle[at]), rows) for c, at in places.items()}
        seen = prefix(changed, rows)
        for at in places.values():
            got = seen[np.arange(len(at)), features[at]]
            with np.errstate(over="ignore"):
                left = (got.astype(np.float32) if narrow else got) <= thresholds[at]
            low[at] = np.where(left, middle[at], low[at])
            high[at] = np.where(left, high[at], middle[at])
    return _numbers(low)


def _whole(schema: TabularSchema, found: Edges) -> Edges:
    """Move the edges of whole numbers to whole numbers, and leave out columns without numbers."""
    numbers = np.array([_is_number(column) for column in schema.columns])
    whole = np.array([not column.dtype.startswith("float") for column in schema.columns])
    known = (found.columns >= 0) & numbers[found.columns]
    floor = known & whole[found.columns]
    below = np.where(floor, np.floor(found.below), found.below)
    above = np.where(floor, below + 1, found.above)
    return found._replace(columns=np.where(known, found.columns, -1), below=below, above=above)


def _is_number(column: Column) -> bool:
    return not is_text(column) and column.dtype != "bool"


def _filled(values: Array, rows: int) -> Array:
    return np.resize(values, rows)


def _ordered(values: Array) -> Array:
    """Return whole numbers that are ordered as the float64 are."""
    bits = values.view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits, bits)


def _numbers(ordered: Array) -> Array:
    """Return the float64 behind `_ordered`."""
    bits = np.where(ordered < 0, np.int64(-(2**63)) - ordered, ordered)
    return np.ascontiguousarray(bits).view(np.float64)
