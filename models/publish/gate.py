"""Whether a candidate may take the production version's place: judged on rows that neither saw."""

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np
import pandas as pd

from models.estimators import Estimator
from models.evidence import Comparison
from models.rows import Array, Rows, take
from models.spec.publishing import Publish


class Metric(Protocol):
    """What decides."""

    @property
    def name(self) -> str:
        """Its name in reports."""

    @property
    def greater_is_better(self) -> bool:
        """Whether more of it is better."""

    def score(self, model: Estimator, X: Rows, y: Array) -> float:
        """Return it for a model's answers to rows."""


class Contender:
    """A model and the rows as it takes them.

    Args:
        model: fitted.
        X: held-out rows, the same for both contenders.
    """

    def __init__(self, model: Estimator, X: Rows) -> None:
        self.model = model
        self.X = X

    def score(self, metric: Metric, y: Array, rows: Array | None = None) -> float:
        """Return the metric on all rows, or on some."""
        if rows is None:
            return metric.score(self.model, self.X, y)
        return metric.score(self.model, take(self.X, rows), y[rows])


def compare(
    candidate: Contender,
    production: Contender,
    y: Array,
    slices: Mapping[str, "pd.Series[str]"],
    metrics: tuple[Metric, ...],
) -> tuple[dict[str, tuple[float, float]], dict[str, tuple[int, float, float]]]:
    """Ask both for the same rows.

    Args:
        candidate: the new model.
        production: the one that serves.
        y: targets of the rows.
        slices: column → its value in each row, as text.
        metrics: the first one decides, and alone is taken for slices.

    Returns:
        Name → (candidate's, production's), and "column = value" → (rows, candidate's,
        production's); NaN where a slice has no such metric, such as one class alone.
    """
    whole = {one.name: (candidate.score(one, y), production.score(one, y)) for one in metrics}
    parts = {}
    for column, values in slices.items():
        for value in sorted(values.unique()):
            rows = np.flatnonzero((values == value).to_numpy())
            scores = [_score(one, metrics[0], y, rows) for one in (candidate, production)]
            parts[f"{column} = {value}"] = (len(rows), scores[0], scores[1])
    return whole, parts


def judge(
    version: int,
    metric: Metric,
    whole: Mapping[str, tuple[float, float]],
    parts: Mapping[str, tuple[int, float, float]],
    rule: Publish,
) -> Comparison:
    """Return the comparison with the reasons that speak against the candidate.

    Args:
        version: the production version.
        metric: what decides.
        whole: as `compare` returns it.
        parts: as `compare` returns it.
        rule: by how much the candidate must be better, and where it must not be worse.
    """
    refusals = list(_refusals(version, metric, whole, parts, rule))
    return Comparison(version, whole, parts, tuple(refusals))


def _refusals(
    version: int,
    metric: Metric,
    whole: Mapping[str, tuple[float, float]],
    parts: Mapping[str, tuple[int, float, float]],
    rule: Publish,
) -> Iterator[str]:
    sign = 1.0 if metric.greater_is_better else -1.0
    ours, theirs = whole[metric.name]
    # The negation also refuses NaN.
    if not sign * (ours - theirs) > rule.margin:
        yield (
            f"{metric.name} {ours:.4f} does not beat version {version}'s {theirs:.4f} by more than"
            f" {rule.margin:g} on the same held-out rows"
        )
    for name, (rows, mine, other) in parts.items():
        if rows < rule.slice_least_rows:
            continue
        if sign * (mine - other) < -rule.slice_tolerance:
            yield (
                f"where {name} ({rows} rows) {metric.name} is {mine:.4f}, worse than version"
                f" {version}'s {other:.4f} by more than {rule.slice_tolerance:g}"
            )


def _score(contender: Contender, metric: Metric, y: Array, rows: Array) -> float:
    try:
        return contender.score(metric, y, rows)
    except ValueError:
        return float("nan")  # not defined here, such as roc_auc with one class alone
