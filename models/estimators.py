"""Looking inside a fitted estimator: its names, its last step, and who works on which column."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.base import OneToOneFeatureMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline

Estimator: TypeAlias = Any
"""A fitted scikit-learn estimator; the library carries no types."""

Part: TypeAlias = tuple[Estimator, list[str | None]]
"""A fitted step and the input column behind each of its inputs; None if it is a computed one."""

_PASSED_THROUGH = (None, "passthrough", "drop")


def unwrap(model: Estimator) -> Estimator:
    """Return the estimator that a search found best, or `model` itself."""
    while type(model) in (GridSearchCV, RandomizedSearchCV):
        model = model.best_estimator_
    return model


def first_step(model: Estimator) -> Estimator:
    """Return the step of a pipeline that sees the request's rows."""
    model = unwrap(model)
    while type(model) is Pipeline:
        steps = [step for _, step in model.steps if step not in _PASSED_THROUGH]
        model = unwrap(steps[0])
    return model


def final_estimator(model: Estimator) -> Estimator:
    """Return the step of a pipeline that predicts."""
    model = unwrap(model)
    while type(model) is Pipeline:
        model = unwrap(model.steps[-1][1])
    return model


def fitted_names(model: Estimator) -> list[str] | None:
    """Return the columns that the model was fitted on, in order; None if on a bare array."""
    for candidate in (model, first_step(model)):
        names = getattr(candidate, "feature_names_in_", None)
        if names is not None:
            return [str(name) for name in names]
    return None


def fitted_width(model: Estimator) -> int | None:
    """Return the number of columns that the model was fitted on, if it tells."""
    for candidate in (model, first_step(model)):
        width = getattr(candidate, "n_features_in_", None)
        if width is not None:
            return int(width)
    return None


def parts(model: Estimator, columns: Sequence[str | None]) -> Iterator[Part]:
    """Walk the steps that work on input columns as they came.

    A step behind one that mixes columns (a PCA, a one-hot encoder) works on computed ones and is
    left out, and so is everything that this walk does not know.

    Args:
        model: a fitted estimator.
        columns: the input column behind each of its inputs.
    """
    model = unwrap(model)
    names = list(columns)
    if isinstance(model, Pipeline):
        for _, step in model.steps:
            if step in _PASSED_THROUGH:
                continue
            yield from parts(step, names)
            kept = _passed_on(step, names)
            if kept is None:
                return
            names = kept
    elif isinstance(model, ColumnTransformer):
        for _, step, chosen in model.transformers_:
            if not isinstance(step, str):
                yield from parts(step, _chosen(names, chosen))
    elif isinstance(model, FeatureUnion):
        for _, step in model.transformer_list:
            if step not in _PASSED_THROUGH:
                yield from parts(step, names)
    else:
        yield model, names
        # Histogram gradient boosting keeps the encoder of its categorical columns to itself.
        inner = getattr(model, "_preprocessor", None)
        if isinstance(inner, ColumnTransformer):
            yield from parts(inner, names)


def _passed_on(step: Estimator, names: list[str | None]) -> list[str | None] | None:
    """Return the column behind each output of `step`; None if it mixes them."""
    if isinstance(step, OneToOneFeatureMixin):
        return names
    if isinstance(step, SimpleImputer):
        kept = _imputed(step, names)
        indicator = step.indicator_
        return kept + [None] * (len(indicator.features_) if indicator is not None else 0)
    return None


def _imputed(imputer: SimpleImputer, names: list[str | None]) -> list[str | None]:
    if imputer.keep_empty_features:
        return names
    empty = pd.isna(np.asarray(imputer.statistics_, dtype=object))
    return [name for name, dropped in zip(names, empty, strict=True) if not dropped]


def _chosen(names: list[str | None], chosen: object) -> list[str | None]:
    """Resolve a ColumnTransformer's choice of columns: names, positions, a slice or a mask."""
    positions = pd.Series(range(len(names)), index=[str(name) for name in names])
    wanted = [chosen] if isinstance(chosen, str | int) else chosen
    if isinstance(wanted, slice):
        by_name = isinstance(wanted.start or wanted.stop, str)
    else:
        wanted = list(wanted)  # type: ignore[call-overload]
        by_name = any(isinstance(item, str) for item in wanted)
    picked = positions.loc[wanted] if by_name else positions.iloc[wanted]
    return [names[position] for position in picked]
