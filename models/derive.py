"""A tabular model's input schema, derived from the fitted pipeline and its training rows."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, Literal, cast

import pandas as pd

from models.columns import describe_column, missing_marker
from models.encoders import ColumnKnowledge, column_knowledge
from models.errors import RefusedModel
from models.estimators import Estimator, first_step, fitted_names
from models.moment_columns import is_of_moments
from models.moments import is_moment
from models.pictures import MODES, PicturePixels
from models.policies import Rule, Rules
from models.probes import Probes, unseen
from models.rows import Container, Rows
from models.schema import (
    Cell,
    Choice,
    Column,
    ImageSchema,
    InputSchema,
    Policy,
    TabularSchema,
)

NO_DATE: Final = "no date"


def input_schema(
    model: Estimator,
    X: Rows,
    names: Sequence[str] | None = None,
    rules: Sequence[Rule] = (),
) -> InputSchema:
    """Derive what the model takes.

    Args:
        model: a fitted estimator.
        X: its training rows, or a sample like them: a DataFrame, a 2-D array, texts, or pictures.
        names: columns of an array, in order; x0, x1, … or text if they are not known.
        rules: policies that were asked for; the others follow from the pipeline.

    Raises:
        RefusedModel: a column cannot be carried by a request, and what to do about it; or the
            model cannot do what a rule asks for.
    """
    step = first_step(model)
    if isinstance(step, PicturePixels):
        if step.mode not in MODES:
            raise RefusedModel(f"PicturePixels has mode {step.mode!r}; use one of {MODES}")
        if rules:
            raise RefusedModel(f"--policy {rules[0]}: a model of pictures has no columns")
        mode = cast("Literal['L', 'RGB']", step.mode)
        return ImageSchema(mode=mode, width=step.width, height=step.height)
    if isinstance(X, pd.DataFrame):
        fitted = fitted_names(model)
        return tabular_schema(model, X if fitted is None else X[fitted], "frame", rules)
    if X.ndim == 1:
        return tabular_schema(
            model, pd.DataFrame(X, columns=list(names or ("text",))), "texts", rules
        )
    columns = list(names or (f"x{position}" for position in range(X.shape[1])))
    return tabular_schema(model, pd.DataFrame(X, columns=columns), "array", rules)


def tabular_schema(
    model: Estimator, frame: pd.DataFrame, container: Container, rules: Sequence[Rule] = ()
) -> TabularSchema:
    """Derive the columns from the steps that see them and from the rows.

    Args:
        model: a fitted estimator.
        frame: rows with exactly the model's columns, in the fitted order.
        container: what the model takes: the frame itself, an array of its values, or its one
            column as a list of texts.
        rules: policies that were asked for.

    Raises:
        RefusedModel: as `input_schema`.
    """
    names = [str(name) for name in frame.columns]
    if len(set(names)) != len(names):
        raise RefusedModel(
            "two columns have the same name; requests could not tell them apart: rename one, fit"
            " again"
        )
    knowledge = column_knowledge(model, names)
    # Examples of one complete row go together better than values of several.
    order = frame.isna().sum(axis=1).argsort(kind="stable")
    typical = frame.iloc[order]
    probes, asked = Probes(model, frame, container), Rules(rules, names)
    columns = []
    for name in names:
        missing = _missing_policy(frame[name], knowledge[name], probes, asked)
        known, dates = knowledge[name], _has_dates(typical[name], knowledge[name], probes)
        columns.append(describe_column(typical[name], known, missing, dates=dates))
    beyond = probes.beyond({one.name: ends for one in columns if (ends := _range(one))})
    policies = [
        Policy(
            unknown=_unknown_policy(one, knowledge[one.name], probes, asked),
            missing=one.policy.missing,
            out_of_range=_range_policy(one, beyond.get(one.name), asked),
        )
        for one in columns
    ]
    return TabularSchema(
        container=container,
        columns=tuple(
            one.model_copy(update={"policy": policy, "example": _fitting(one, policy)})
            for one, policy in zip(columns, policies, strict=True)
        ),
    )


def _has_dates(values: "pd.Series[Any]", known: ColumnKnowledge, probes: Probes) -> bool:
    """Return whether a column takes texts in ISO 8601 only.

    It does if it holds moments, if a step of ours makes numbers of dates, or if all its texts are
    dates and the model fails at another one, as `pd.to_datetime` in a function does.
    """
    if is_of_moments(values) or known.dates:
        return True
    if known.text or known.categories is not None:
        return False
    present = values.dropna()
    if present.empty or not all(isinstance(one, str) and is_moment(one) for one in present):
        return False
    return probes.unknown(str(values.name), NO_DATE) is not None


def _missing_policy(
    values: "pd.Series[Any]", known: ColumnKnowledge, probes: Probes, asked: Rules
) -> Choice:
    """Take missing values if training knew them and the model predicts them."""
    name = str(values.name)

    @cache
    def obstacle() -> str | None:
        return probes.missing(name, missing_marker(values, known))

    in_training = known.takes_missing or bool(values.isna().any())
    default: Choice = "accept" if in_training and obstacle() is None else "reject"
    return asked.settle(name, "missing", default, obstacle) or "reject"


def _unknown_policy(
    column: Column, known: ColumnKnowledge, probes: Probes, asked: Rules
) -> Choice | None:
    """Flag categories that nobody knows if the encoder takes them, and the model predicts them."""
    strange = None if column.categories is None else unseen(column.categories, column.dtype)
    if strange is None:
        return asked.settle(column.name, "unknown", None, lambda: None)

    @cache
    def obstacle() -> str | None:
        return probes.unknown(column.name, strange)

    default: Choice = "flag" if known.takes_unknown and obstacle() is None else "reject"
    return asked.settle(column.name, "unknown", default, obstacle)


def _range_policy(column: Column, obstacle: str | None, asked: Rules) -> Choice | None:
    default: Choice | None = None
    if _range(column) is not None:
        default = "accept" if obstacle is None else "reject"
    return asked.settle(column.name, "out_of_range", default, lambda: obstacle)


def _range(column: Column) -> tuple[float, float] | None:
    """Return the ends of a column's range; None if its values have none, or categories instead."""
    if column.categories or column.min is None or column.max is None:
        return None
    return column.min, column.max


def _fitting(column: Column, policy: Policy) -> Cell:
    """Return an example that the policy takes."""
    if policy.unknown != "reject" or column.categories is None or column.example is None:
        return column.example
    return column.example if column.example in column.categories else column.categories[0]
