"""Looking inside a fitted estimator: its names, its last step, and who works on which column."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias

import pandas as pd
from sklearn.base import OneToOneFeatureMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline

Estimator: TypeAlias = Any
"""A fitted scikit-learn estimator; the library carries no types."""

Part: TypeAlias = tuple[Estimator, list[str | None]]
"""A fitted step and the input column behind each of its inputs; None if it is a computed one."""

Method: TypeAlias = Literal["predict", "transform"]

TEXT_VECTORIZERS: Final = (CountVectorizer, HashingVectorizer)
"""Steps that take a 1-D list of texts; TfidfVectorizer is a CountVectorizer."""

_PASSED_THROUGH = (None, "passthrough", "drop")


def unwrap(model: Estimator) -> Estimator:
    """Return the estimator that a search found best and fitted again, or `model` itself."""
    while type(model) in (GridSearchCV, RandomizedSearchCV) and hasattr(model, "best_estimator_"):
        model = model.best_estimator_
    return model


def first_step(model: Estimator) -> Estimator:
    """Return the step of a pipeline that sees the request's rows."""
    model = unwrap(model)
    while type(model) is Pipeline:
        steps = [step for _, step in model.steps if step not in _PASSED_THROUGH]
        if not steps:
            return model
        model = unwrap(steps[0])
    return model


def steps_of(model: Estimator) -> Iterator[Estimator]:
    """Give the steps of a pipeline, those of pipelines inside it too; or the model alone."""
    model = unwrap(model)
    if type(model) is not Pipeline:
        yield model
        return
    for _, step in model.steps:
        if step not in _PASSED_THROUGH:
            yield from steps_of(step)


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


def method_of(model: Estimator) -> Method | None:
    """Say which method answers for rows: predict, or transform if there is no predict."""
    methods: tuple[Method, ...] = ("predict", "transform")
    return next((name for name in methods if callable(getattr(model, name, None))), None)


def answer(model: Estimator, X: Any) -> Any:
    """Return what the model says to rows: what it predicts, or else the transformed rows."""
    return getattr(model, method_of(model) or "predict")(X)


def takes_texts(model: Estimator) -> bool:
    """Say whether the model was fitted on a list or Series of texts, and not on columns.

    Vectorizers know neither names nor a number of columns.
    """
    if fitted_names(model) is not None or fitted_width(model) is not None:
        return False
    return vectorizer_in(model) is not None


def vectorizer_in(model: Estimator) -> Estimator | None:
    """Return a vectorizer of texts: the model itself, or one anywhere inside.

    It may stand behind other steps, in a union, or inside what votes or calibrates.
    """
    inside = model.get_params(deep=True).values() if hasattr(model, "get_params") else ()
    found = (part for part in (model, *inside) if isinstance(part, TEXT_VECTORIZERS))
    return next(found, None)


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
        yield from _column_parts(model, names)
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


def _column_parts(model: ColumnTransformer, names: list[str | None]) -> Iterator[Part]:
    for _, step, chosen in model.transformers_:
        if isinstance(step, str):
            continue
        vectorizer = vectorizer_in(step) if isinstance(chosen, str | int) else None
        if vectorizer is not None:
            # One column came as a list of texts, whatever cleans them before their words count.
            yield vectorizer, _chosen(names, chosen)
        else:
            yield from parts(step, _chosen(names, chosen))


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
    # None may be the most frequent value of a column of objects.
    empty = [value is not None and bool(pd.isna(value)) for value in imputer.statistics_]
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
