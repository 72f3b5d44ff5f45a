"""Response coding from counts: what a TargetEncoder learns, for all rows and for each fold.

The formulas are scikit-learn's (sklearn.preprocessing.TargetEncoder: Micci-Barreca 2001), from
each category's number, mean and squared differences, which merge by Chan, Golub and LeVeque (1983).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyspark.sql.functions as F
from pyspark.sql import Column, DataFrame
from sklearn.preprocessing import TargetEncoder

from models.errors import BadData
from models.rows import Array

MOST_CATEGORIES: Final = 200_000
"""Of a response-coded column; they are kept on the driver, and in the model."""


@dataclass(frozen=True)
class Moments:
    """Number, mean and sum of squared differences of the targets of each fold and category.

    Args:
        rows: shape (folds, categories).
        mean: shape (folds, categories, outputs); an output for each class if there are over two.
        squares: like `mean`.
    """

    rows: Array
    mean: Array
    squares: Array

    def without(self, fold: int | None) -> "Moments":
        """Return one fold of all others together; of all, for None. Shapes begin with 1."""
        kept = [at for at in range(len(self.rows)) if at != fold]
        return Moments(*_merged(self.rows[kept], self.mean[kept], self.squares[kept]))


def moments(
    rows: DataFrame, value: Column, known: Sequence[Any], fold: Column, classes: int | None
) -> Moments:
    """Count a column's categories.

    Args:
        rows: fitted rows with `label`: the number, or the class's position.
        value: the column.
        known: its categories as the encoder has them.
        fold: in which fold a row is, an integer from 0.
        classes: how many there are; None for numbers.

    Raises:
        BadData: there are more than `MOST_CATEGORIES`.
    """
    if len(known) > MOST_CATEGORIES:
        raise BadData(
            f"a column for response coding has {len(known):,} categories; at most"
            f" {MOST_CATEGORIES:,} are kept"
        )
    place = {_plain(category): at for at, category in enumerate(known)}
    outputs = 1 if classes is None or classes == 2 else classes
    grouped = rows.groupBy(value.alias("value"), fold.alias("fold"))
    label = F.col("label")
    classwise = [(label == at).cast("double") for at in range(outputs)]
    targets = [label] if outputs == 1 else classwise
    asked = grouped.agg(
        F.count(F.lit(1)).alias("rows"),
        F.array(*map(F.avg, targets)).alias("mean"),
        F.array(*map(F.var_pop, targets)).alias("variance"),
    ).collect()
    folds = max(row["fold"] for row in asked) + 1
    counted = Moments(
        np.zeros((folds, len(known))),
        np.zeros((folds, len(known), outputs)),
        np.zeros((folds, len(known), outputs)),
    )
    for row in asked:
        at = row["fold"], place[_plain(row["value"])]
        counted.rows[at] = row["rows"]
        counted.mean[at] = row["mean"]
        counted.squares[at] = np.multiply(row["variance"], row["rows"])
    return counted


def teach(encoder: TargetEncoder, columns: Sequence[Moments], fold: int | None = None) -> None:
    """Put encodings and mean into a fitted encoder.

    Args:
        encoder: fitted on a few rows with all categories and classes.
        columns: one for each of its columns.
        fold: leave this one out.
    """
    encodings: list[Array] = []
    for column in columns:
        kept = column.without(fold)
        n, mean, squares = kept.rows[0], kept.mean[0], kept.squares[0]
        total, overall, spread = _merged(kept.rows.T, kept.mean[0][:, None], squares[:, None])
        target_mean = overall[0, 0]
        variance = spread[0, 0] / total[0, 0]
        encodings.extend(
            _smoothed(encoder.smooth, n, mean[:, at], squares[:, at], target_mean[at], variance[at])
            for at in range(mean.shape[1])
        )
    encoder.encodings_ = encodings
    encoder.target_mean_ = target_mean if len(target_mean) > 1 else target_mean[0]


def _smoothed(
    smooth: Any, n: Array, mean: Array, squares: Array, target_mean: float, variance: float
) -> Array:
    there = np.maximum(n, 1)
    if smooth == "auto":
        with np.errstate(invalid="ignore"):
            share = variance * n / (variance * n + squares / there)
        share = np.where(np.isnan(share), 0.0, share)
        coded = share * mean + (1 - share) * target_mean
    else:
        weight = n + float(smooth)
        coded = (float(smooth) * target_mean + n * mean) / np.where(weight == 0, 1.0, weight)
    return np.where(n == 0, target_mean, coded)


def _merged(rows: Array, mean: Array, squares: Array) -> tuple[Array, Array, Array]:
    """Merge along the first axis, which stays with length 1."""
    total = rows.sum(axis=0, keepdims=True)
    there = np.maximum(total, 1)[..., None]
    overall = (rows[..., None] * mean).sum(axis=0, keepdims=True) / there
    spread = (squares + rows[..., None] * (mean - overall) ** 2).sum(axis=0, keepdims=True)
    return total, overall, spread


def _plain(value: Any) -> Any:
    """Return a category as a key: missing is None, and 1.0 is 1."""
    plain = value.item() if isinstance(value, np.generic) else value
    return None if plain is None or plain != plain else plain  # noqa: PLR0124  # NaN
