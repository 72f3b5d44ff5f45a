"""Rows that are chosen to hurt: on and beside every split, at every end, and ordinary ones."""

from typing import Any, Final, NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from models.containers import Containers
from models.estimators import Estimator
from models.plans.edges import Edges, edges
from models.plans.paths import Placed, paths
from models.plans.trees import grove
from models.plans.values import (
    as_cells,
    distinct,
    hurtful,
    is_text,
    legal,
    ordinary,
)
from models.schema import Cell, Column, TabularSchema
from models.tables import Rows

Array: TypeAlias = npt.NDArray[Any]

ORDINARY: Final = 4000
MIXTURES: Final = 10_000
"""Rows with some or all columns on values that hurt."""
ON_PATHS: Final = 6000
LEAST: Final = 20_480
MOST: Final = 40_960
CELLS: Final = 80_000_000
"""Of a very wide table there are fewer rows, so that they fit into memory."""
SEED: Final = 20


class Hard(NamedTuple):
    """Rows to compare by.

    Args:
        rows: the rows, in an order in which neighbours are of different kinds.
        thresholds: different splits of the model.
        met: how many of them the rows stand on and beside.
    """

    rows: Rows
    thresholds: int
    met: int


def hard_rows(
    model: Estimator, schema: TabularSchema, golden: tuple[list[Cell], ...], most: int = MOST
) -> Hard:
    """Make rows for one model; the same ones each time.

    Args:
        model: fitted.
        schema: what it takes.
        golden: rows of the manifest.
        most: the most rows.
    """
    rng = np.random.default_rng(SEED)
    columns = schema.columns
    most = min(most, CELLS // len(columns))
    found, inside = None, grove(model)
    placed = Placed(np.zeros(0, int), np.zeros(0, int), np.zeros(0), 0)
    if inside.trees:
        found = edges(schema, inside, rng)
        placed = paths(inside.trees, found, min(ON_PATHS, most // 4), rng)
    pools = [_pool(place, column, found) for place, column in enumerate(columns)]
    longest = max(len(pool) for pool in pools)
    # A row in three has all its columns on values that hurt: so many meet every value once.
    mixtures = int(min(max(MIXTURES, 3 * longest), most // 2))
    singles = sum(len(pool) for pool in pools) if longest < 200 else 0
    singles = min(singles, most // 4)
    chosen = placed.made + mixtures + singles
    count = chosen + max(min(ORDINARY, most // 4), min(LEAST, most) - chosen)
    drafts = [ordinary(column, count, rng) for column in columns]
    _put_paths(columns, drafts, placed)
    at = placed.made
    _put_mixtures(columns, drafts, pools, slice(at, at + mixtures), rng)
    _put_singles(drafts, pools, slice(at + mixtures, at + mixtures + singles))
    order = rng.permutation(count)
    drafts = [
        _with_golden(column, draft[order], [row[place] for row in golden])
        for place, (column, draft) in enumerate(zip(columns, drafts, strict=True))
    ]
    cells = [as_cells(column, draft) for column, draft in zip(columns, drafts, strict=True)]
    thresholds = 0 if found is None else len(found.thresholds)
    met = 0 if found is None else _met(found, columns, drafts)
    return Hard(Containers(schema).rows(len(drafts[0]), cells), thresholds, met)


def _pool(place: int, column: Column, found: Edges | None) -> Array:
    """Return the values of a column that hurt."""
    pool = hurtful(column)
    if found is None or is_text(column) or not (here := found.columns == place).any():
        return pool
    sides = [found.below[here], found.above[here]]
    split = found.thresholds[here]
    with np.errstate(over="ignore"):
        narrow = np.concatenate([*sides, split]).astype(np.float32)
        beside = [np.nextafter(narrow, np.float32(side)) for side in (-np.inf, np.inf)]
    wide = [np.nextafter(split, side) for side in (-np.inf, np.inf)]
    near = [narrow, *beside, *wide, split]
    values = np.concatenate([*sides, *(np.asarray(one, np.float64) for one in near)])
    return distinct(np.concatenate([pool, legal(column, values)]))


def _put_paths(columns: tuple[Column, ...], drafts: list[Array], placed: Placed) -> None:
    # Of several turns by one feature the last, which is the narrowest, is written last.
    for place, column in enumerate(columns):
        here = placed.columns == place
        if here.any():
            drafts[place][placed.rows[here]] = legal(column, placed.values[here])


def _put_mixtures(
    columns: tuple[Column, ...],
    drafts: list[Array],
    pools: list[Array],
    where: slice,
    rng: np.random.Generator,
) -> None:
    """Put values that hurt into all columns, into half of them, or into one, row by row."""
    rows = where.stop - where.start
    share = np.resize([1.0, 0.5, 0.0], rows)
    lonely = rng.integers(0, len(columns), rows)
    for place, pool in enumerate(pools):
        hurts = (rng.random(rows) < share) | ((share == 0.0) & (lonely == place))
        shuffled = rng.permutation(pool)
        # In turn, so that none is left out.
        drafts[place][where][hurts] = np.resize(shuffled, int(hurts.sum()))


def _put_singles(drafts: list[Array], pools: list[Array], where: slice) -> None:
    """Put each value that hurts into a row that is ordinary otherwise."""
    at = where.start
    for draft, pool in zip(drafts, pools, strict=True):
        count = min(len(pool), where.stop - at)
        draft[at : at + count] = pool[:count]
        at += count


def _with_golden(column: Column, draft: Array, golden: list[Cell]) -> Array:
    null = None if is_text(column) else np.nan
    values = [null if one is None else one for one in golden]
    if is_text(column):
        texts = np.empty(len(values), dtype=object)
        texts[:] = values
        return np.concatenate([texts, draft])
    return np.concatenate([np.array(cast("list[float]", values), np.float64), draft])


def _met(found: Edges, columns: tuple[Column, ...], drafts: list[Array]) -> int:
    """Count the splits on both sides of which some row stands, as close as can be."""
    met = 0
    for place, column in enumerate(columns):
        here = found.columns == place
        if here.any() and not is_text(column):
            present = np.unique(drafts[place])
            both = np.isin(found.below[here], present) & np.isin(found.above[here], present)
            met += int(both.sum())
    return met
