"""Steps that fill, shift and scale columns, as one formula a feature; and those that code them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from models.estimators import Estimator
from models.export.exported import Floats
from models.transform.truth import TruthValues

_COLUMN_BY_COLUMN = (
    MaxAbsScaler, MinMaxScaler, OneHotEncoder, OrdinalEncoder, RobustScaler, SimpleImputer,
    StandardScaler, TargetEncoder, TruthValues,
)  # fmt: skip


@dataclass(frozen=True)
class Affine:
    """Feature i is scale[i] * x + offset[i], x being column source[i], or fill[i] if it is missing.

    Args:
        source: position of the raw column behind each feature.
        scale: float64, one a feature.
        offset: the same.
        fill: what stands for a missing value, raw; NaN if nothing does.
        flags: whether x is not the value, but 1 if it is missing, else 0.
        coded: positions of raw columns that are coded one by one, each value for itself. Their
            features have no formula here: source -1.
    """

    source: tuple[int, ...]
    scale: Floats
    offset: Floats
    fill: Floats
    flags: tuple[bool, ...]
    coded: frozenset[int] = frozenset()


def identity(width: int) -> Affine:
    """Return what changes nothing."""
    empty = np.full(width, np.nan)
    return Affine(tuple(range(width)), np.ones(width), np.zeros(width), empty, (False,) * width)


def as_affine(step: Any, names: Sequence[str]) -> Affine | None:
    """Return the formula of a fitted step; None if it does anything else.

    Args:
        step: a transformer or a Pipeline of them.
        names: its input columns.
    """
    return _after(identity(len(names)), step, list(names))


def _after(before: Affine, step: Any, names: list[str]) -> Affine | None:
    if _passes(step):
        return before
    if type(step) is Pipeline:
        found: Affine | None = before
        for _, inner in step.steps:
            # Behind a ColumnTransformer columns have other names, and no second one can follow.
            found = None if found is None else _after(found, inner, names)
        return found
    if type(step) is ColumnTransformer:
        return _columns(before, step, names)
    return _one_step(before, step)


def _one_step(before: Affine, step: Estimator) -> Affine | None:
    if type(step) is SimpleImputer:
        return _filled(before, step)
    if type(step) is MissingIndicator:
        return _flagged(before, step) if _is_plain(before) else None
    formula = _formula(step)
    if formula is None:
        return None
    scale, offset = formula
    return replace(before, scale=before.scale * scale, offset=before.offset * scale + offset)


def _passes(step: Any) -> bool:
    """Say whether a step changes nothing; a fitted ColumnTransformer has a function for that."""
    nothing = type(step) is FunctionTransformer and step.func is None
    return nothing or step is None or (isinstance(step, str) and step == "passthrough")


def _formula(step: Estimator) -> tuple[Any, Any] | None:
    """Return factor and summand of a scaler."""
    if type(step) is StandardScaler:
        scale = 1.0 if step.scale_ is None else 1.0 / step.scale_
        return scale, 0.0 if not step.with_mean else -step.mean_ * scale
    if type(step) is MinMaxScaler and not step.clip:
        return step.scale_, step.min_
    if type(step) is MaxAbsScaler:
        return 1.0 / step.scale_, 0.0
    if type(step) is RobustScaler:
        scale = 1.0 / step.scale_ if step.with_scaling else 1.0
        return scale, -step.center_ * scale if step.with_centering else 0.0
    return None


def _filled(before: Affine, step: SimpleImputer) -> Affine | None:
    values = np.asarray(step.statistics_)
    usable = values.dtype.kind == "f" and np.isfinite(values).all()
    if not (usable and _is_plain(before) and _is_nan(step.missing_values)):
        return None
    filled = replace(before, fill=values.astype(np.float64))
    if step.indicator_ is None:
        return filled
    flagged = _flagged(before, step.indicator_)
    return None if flagged is None else _joined([filled, flagged])


def _flagged(before: Affine, step: MissingIndicator) -> Affine | None:
    """Return the features that say whether a value was missing."""
    if not _is_nan(step.missing_values):
        return None
    source = tuple(before.source[one] for one in step.features_)
    return replace(
        identity(len(source)), source=source, flags=(True,) * len(source), coded=before.coded
    )


def _is_plain(before: Affine) -> bool:
    plain = (before.scale == 1).all() and (before.offset == 0).all()
    return bool(plain and np.isnan(before.fill).all() and not any(before.flags))


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _columns(before: Affine, step: ColumnTransformer, names: list[str]) -> Affine | None:
    if before.source != tuple(range(len(names))) or not _is_plain(before):
        return None
    parts = []
    for name, inner, chosen in step.transformers_:
        if isinstance(inner, str) and inner == "drop":
            continue
        picked = [one if isinstance(one, int) else names.index(one) for one in _listed(chosen)]
        found = as_affine(inner, [names[one] for one in picked])
        if found is None:
            if not _codes(inner):
                return None
            taken = step.output_indices_[name]
            parts.append(_unknown(taken.stop - taken.start, picked))
            continue
        source = tuple(one if one < 0 else picked[one] for one in found.source)
        coded = frozenset(picked[one] for one in found.coded)
        parts.append(replace(found, source=source, coded=coded))
    return _joined(parts) if parts else None


def _joined(parts: Sequence[Affine]) -> Affine:
    """Return the features of several formulas side by side."""
    return Affine(
        tuple(one for part in parts for one in part.source),
        np.concatenate([part.scale for part in parts]),
        np.concatenate([part.offset for part in parts]),
        np.concatenate([part.fill for part in parts]),
        tuple(one for part in parts for one in part.flags),
        frozenset().union(*(part.coded for part in parts)),
    )


def _codes(step: Any) -> bool:
    """Say whether each feature comes from one column, by steps that are known to do so."""
    if _passes(step):
        return True
    if type(step) is Pipeline:
        return all(_codes(inner) for _, inner in step.steps)
    return type(step) in _COLUMN_BY_COLUMN


def _unknown(features: int, columns: list[int]) -> Affine:
    return replace(identity(features), source=(-1,) * features, coded=frozenset(columns))


def _listed(chosen: Any) -> list[Any]:
    if isinstance(chosen, str | int):
        return [chosen]
    listed = list(chosen)
    if listed and isinstance(listed[0], bool | np.bool_):
        return [int(one) for one in np.flatnonzero(listed)]
    return [int(one) if isinstance(one, np.integer) else one for one in listed]
