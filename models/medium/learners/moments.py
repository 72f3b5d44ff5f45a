"""Counts, sums and squared deviations by category, batch by batch."""

from dataclasses import dataclass

import numpy as np

from models.rows import Array


@dataclass(frozen=True)
class Moments:
    """What is known of the targets of each category.

    Args:
        count: rows, int64 of shape (categories,).
        total: sum of the targets.
        squares: sum of squared differences from the category's mean.
    """

    count: Array
    total: Array
    squares: Array

    def __add__(self, other: "Moments") -> "Moments":
        """Join two disjoint sets of rows; Chan, Golub and LeVeque (1983)."""
        a, b = self._widened(len(other.count)), other._widened(len(self.count))
        count = a.count + b.count
        with np.errstate(invalid="ignore", divide="ignore"):
            apart = b.total / b.count - a.total / a.count
            between = np.where(a.count * b.count > 0, apart**2 * a.count * b.count / count, 0.0)
        return Moments(count, a.total + b.total, a.squares + b.squares + between)

    def whole(self) -> tuple[float, float]:
        """Return mean and variance over all categories together."""
        rows = int(self.count.sum())
        mean = float(self.total.sum() / rows)
        with np.errstate(invalid="ignore", divide="ignore"):
            apart = np.where(self.count > 0, self.total / self.count - mean, 0.0)
        return mean, float((self.squares + self.count * apart**2).sum() / rows)

    def _widened(self, categories: int) -> "Moments":
        more = max(categories - len(self.count), 0)
        return Moments(*(np.pad(x, (0, more)) for x in (self.count, self.total, self.squares)))


def nothing() -> Moments:
    """Return the moments of no rows."""
    return Moments(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))


def moments_of(codes: Array, y: Array, categories: int) -> Moments:
    """Return the moments of a batch.

    Args:
        codes: each row's category, from 0.
        y: each row's target, float64.
        categories: how many there are.
    """
    count = np.bincount(codes, minlength=categories)
    total = np.bincount(codes, weights=y, minlength=categories)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
    squares = np.bincount(codes, weights=(y - mean[codes]) ** 2, minlength=categories)
    return Moments(count, total, squares)


def encodings(of: Moments, smooth: float | str, mean: float, variance: float) -> Array:
    """Return each category's smoothed mean of the target.

    As TargetEncoder does: equations 5 to 7 of Micci-Barreca, A preprocessing scheme for
    high-cardinality categorical attributes (2001).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        if smooth == "auto":
            means = of.total / of.count
            within = of.squares / of.count
            weight = variance * of.count / (variance * of.count + within)
            return np.where(np.isnan(weight), mean, weight * means + (1 - weight) * mean)
        rows = of.count + float(smooth)
        return np.where(rows == 0, mean, (of.total + float(smooth) * mean) / rows)
