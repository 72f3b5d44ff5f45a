"""Numbers on their way through filling, logarithm and scaling: what each step learns, in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyspark.sql.functions as F
from pyspark.sql import Column, DataFrame
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from models.estimators import Estimator
from models.rows import Array
from models.transform.logarithm import LogOnePlus

QUARTILES: Final = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Chain:
    """A pipeline of steps, and the numbers that enter it.

    Args:
        steps: fitted on a few rows that stand for all; what depends on all rows is put right.
        inputs: an expression a number: double, null if missing.
    """

    steps: Pipeline
    inputs: tuple[Column, ...]


def learn(rows: DataFrame, chains: Sequence[Chain]) -> None:
    """Put into every chain's steps what scikit-learn would have learned from all rows.

    Two passes: fillings first, then what is learned of filled numbers. Medians and quartiles are
    exact: `percentile` interpolates as numpy does.
    """
    fillings = _asked(rows, [[_filling(chain, one) for one in chain.inputs] for chain in chains])
    for chain, found in zip(chains, fillings, strict=True):
        imputer = _step(chain, SimpleImputer)
        if imputer is not None and imputer.strategy != "constant":
            # A column without any value is filled with 0, as keep_empty_features has it.
            imputer.statistics_ = np.array([0.0 if one is None else one for one in found])
    scaled = [chain for chain in chains if _scaler(chain) is not None]
    summaries = _asked(rows, [[_summary(chain, one) for one in _filled(chain)] for chain in scaled])
    count = rows.count() if scaled else 0
    for chain, found in zip(scaled, summaries, strict=True):
        _scale(_scaler(chain), found, count)


def _filling(chain: Chain, value: Column) -> Column:
    imputer = _step(chain, SimpleImputer)
    strategy = None if imputer is None else imputer.strategy
    if strategy == "median":
        return F.percentile(value, 0.5)
    if strategy == "mean":
        return F.avg(value)
    if strategy == "most_frequent":
        # Of values that are equally frequent the lowest, as scikit-learn has it.
        return F.mode(value, True)
    return F.lit(None).cast("double")


def _filled(chain: Chain) -> list[Column]:
    imputer, logarithm = _step(chain, SimpleImputer), _step(chain, LogOnePlus)
    values = list(chain.inputs)
    if imputer is not None:
        fillings = np.asarray(imputer.statistics_, dtype=np.float64).tolist()
        values = [F.coalesce(one, F.lit(by)) for one, by in zip(values, fillings, strict=True)]
    return [F.log1p(one) for one in values] if logarithm is not None else values


def _summary(chain: Chain, value: Column) -> Column:
    if isinstance(_scaler(chain), RobustScaler):
        quartiles = F.array(*map(F.lit, QUARTILES))
        return F.percentile(value, quartiles)
    if isinstance(_scaler(chain), MinMaxScaler):
        return F.array(F.min(value), F.max(value))
    return F.array(F.avg(value), F.var_pop(value))


def _scale(scaler: Estimator, found: Sequence[Sequence[float]], rows: int) -> None:
    table = np.asarray(found, dtype=np.float64)
    if isinstance(scaler, MinMaxScaler):
        # Its formulas know only the two ends.
        scaler.fit(table.T)
        scaler.n_samples_seen_ = rows
    elif isinstance(scaler, RobustScaler):
        scaler.center_ = table[:, 1]
        scaler.scale_ = _no_zeros(table[:, 2] - table[:, 0], 10 * np.finfo(np.float64).eps)
    else:
        mean, variance = table[:, 0], table[:, 1]
        scaler.mean_, scaler.var_ = mean, variance
        scaler.n_samples_seen_ = np.int64(rows)
        # scikit-learn's bound on the rounding of a variance; below, the column is constant.
        eps = np.finfo(np.float64).eps
        constant = variance <= rows * eps * variance + (rows * mean * eps) ** 2
        scaler.scale_ = np.where(constant, 1.0, np.sqrt(variance))


def _no_zeros(scale: Array, least: float) -> Array:
    return np.where(scale < least, 1.0, scale)


def _asked(rows: DataFrame, questions: Sequence[Sequence[Column]]) -> list[list[Any]]:
    """Answer all questions in one pass."""
    flat = [one for group in questions for one in group]
    if not flat:
        return [[] for _ in questions]
    answers = iter(rows.agg(*(one.alias(f"q{at}") for at, one in enumerate(flat))).first() or ())
    return [[next(answers) for _ in group] for group in questions]


def _scaler(chain: Chain) -> Estimator | None:
    return _step(chain, (StandardScaler, MinMaxScaler, RobustScaler))


def _step(chain: Chain, kinds: type | tuple[type, ...]) -> Estimator | None:
    found = [step for _, step in chain.steps.steps if isinstance(step, kinds)]
    return found[0] if found else None
