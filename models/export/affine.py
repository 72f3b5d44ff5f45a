"""Steps that only fill, shift and scale columns, as one formula a feature."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from models.estimators import Estimator
from models.export.exported import Floats

_PASSED = (None, "passthrough")


@dataclass(frozen=True)
class Affine:
    """Feature i is scale[i] * x + offset[i], x being column source[i], or fill[i] if it is missing.

    Args:
        source: position of the raw column behind each feature.
        scale: float64, one a feature.
        offset: the same.
        fill: what stands for a missing value, raw; NaN if nothing does.
    """

    source: tuple[int, ...]
    scale: Floats
    offset: Floats
    fill: Floats


def identity(width: int) -> Affine:
    """Return what changes nothing."""
    empty = np.full(width, np.nan)
    return Affine(tuple(range(width)), np.ones(width), np.zeros(width), empty)


def as_affine(step: Any, names: Sequence[str]) -> Affine | None:
    """Return the formula of a fitted step; None if it does anything else.

    Args:
        step: a transformer or a Pipeline of them.
        names: its input columns.
    """
    return _after(identity(len(names)), step, list(names))


def _after(before: Affine, step: Any, names: list[str]) -> Affine | None:
    if isinstance(step, str) or step is None:
        return before if step in _PASSED else None
    if type(step) is Pipeline:
        found: Affine | None = before
        for _, inner in step.steps:
            # Behind a ColumnTransformer columns have other names, and no second one can follow.
            found = None if found is None else _after(found, inner, names)
        return found
    if type(step) is ColumnTransformer:
        return _columns(before, step, names)
    if type(step) is SimpleImputer:
        return _filled(before, step)
    formula = _formula(step)
    if formula is None:
        return None
    scale, offset = formula
    return Affine(before.source, before.scale * scale, before.offset * scale + offset, before.fill)


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
    plain = (before.scale == 1).all() and (before.offset == 0).all()
    values = np.asarray(step.statistics_)
    usable = values.dtype.kind == "f" and np.isfinite(values).all() and step.indicator_ is None
    if not (plain and usable and np.isnan(before.fill).all() and _is_nan(step.missing_values)):
        return None
    return Affine(before.source, before.scale, before.offset, values.astype(np.float64))


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _columns(before: Affine, step: ColumnTransformer, names: list[str]) -> Affine | None:
    if before.source != tuple(range(len(names))) or (before.scale != 1).any():
        return None
    parts = []
    for _, inner, chosen in step.transformers_:
        if isinstance(inner, str) and inner == "drop":
            continue
        picked = [one if isinstance(one, int) else names.index(one) for one in _listed(chosen)]
        found = as_affine(inner, [names[one] for one in picked])
        if found is None:
            return None
        source = tuple(picked[one] for one in found.source)
        parts.append(Affine(source, found.scale, found.offset, found.fill))
    if not parts:
        return None
    return Affine(
        tuple(one for part in parts for one in part.source),
        np.concatenate([part.scale for part in parts]),
        np.concatenate([part.offset for part in parts]),
        np.concatenate([part.fill for part in parts]),
    )


def _listed(chosen: Any) -> list[Any]:
    if isinstance(chosen, str | int):
        return [chosen]
    listed = list(chosen)
    if listed and isinstance(listed[0], bool | np.bool_):
        return [int(one) for one in np.flatnonzero(listed)]
    return [int(one) if isinstance(one, np.integer) else one for one in listed]
