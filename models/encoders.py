"""What a fitted pipeline's encoders and imputers know of each input column."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from models.estimators import TEXT_VECTORIZERS, Estimator, Part, parts
from models.members import members
from models.rows import cell
from models.schema import Label
from models.transform.dates import DateFeatures

_ENCODERS = (OneHotEncoder, OrdinalEncoder, TargetEncoder)
_TAKING_UNKNOWN = frozenset({"ignore", "infrequent_if_exist", "warn", "use_encoded_value"})
"""Values of `handle_unknown` by which an encoder takes a category that it did not learn."""
Marker: TypeAlias = Literal["nan", "none"]
_BOOSTERS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


@dataclass(frozen=True)
class ColumnKnowledge:
    """What the steps that see a column as it came have learned of it.

    Args:
        categories: the values that its encoder learned, missing ones left out; None if no encoder
            works on it.
        ordered: the categories were given in an order that means something.
        takes_missing: an imputer fills it, or its encoder learned a missing value.
        missing: which missing value the encoder learned, if it did.
        pandas_category: the model takes the column as pandas' category dtype.
        text: a vectorizer takes the column's words, so each cell is a text, even if it is empty.
        takes_unknown: its encoder has a code for categories that it did not learn.
        numpy_type: of the numbers that its encoder learned, if files of rows do not tell it:
            object if they were Python objects, and the encoder takes no others; float32, of which
            0.1 is another number than float64's.
        dates: a step reads its texts as days or times in ISO 8601, and guesses nothing of others.
    """

    categories: tuple[Label, ...] | None = None
    ordered: bool = False
    takes_missing: bool = False
    missing: Marker | None = None
    pandas_category: bool = False
    text: bool = False
    takes_unknown: bool = False
    numpy_type: Literal["object", "float32"] | None = None
    dates: bool = False


def column_knowledge(model: Estimator, columns: Sequence[str]) -> dict[str, ColumnKnowledge]:
    """Return what is known of each column, whether or not any step says something about it.

    Args:
        model: a fitted estimator.
        columns: its input columns, in the fitted order.
    """
    imputed: dict[str, Marker] = {}
    texts: set[str] = set()
    dates: set[str] = set()
    for step, names in _all_parts(model, columns):
        known = [name for name in names if name is not None]
        if marker := _filled(step):
            imputed |= {name: marker for name in known if name not in imputed}
        if isinstance(step, TEXT_VECTORIZERS):
            texts.update(known)
        if isinstance(step, DateFeatures):
            dates.update(known)
    encoded = _learned(model, columns)
    return {
        name: _with_imputer(
            encoded.get(name, ColumnKnowledge(text=name in texts, dates=name in dates)),
            imputed.get(name),
        )
        for name in columns
    }


def _all_parts(model: Estimator, columns: Sequence[str | None]) -> Iterator[Part]:
    for step, names in parts(model, columns):
        yield step, names
        for member, seen in members(step, names):
            yield from _all_parts(member, seen)


def _learned(model: Estimator, columns: Sequence[str | None]) -> dict[str, ColumnKnowledge]:
    """Return what the first encoder of each column has learned: a second one sees codes.

    Where several members take the same column, each may have learned from rows of its own.
    """
    found: dict[str, ColumnKnowledge] = {}
    walked = list(parts(model, columns))
    boosters = [step for step, _ in walked if isinstance(step, _BOOSTERS)]
    own_encoders = {id(encoder) for booster in boosters for encoder in _own_encoders(booster)}
    for step, names in walked:
        here: dict[str, ColumnKnowledge] = {}
        if isinstance(step, _ENCODERS):
            for name, learned in zip(names, step.categories_, strict=True):
                if name is not None:
                    here[name] = _encoded(step, learned, id(step) in own_encoders)
        for member, seen in members(step, names):
            for name, known in _learned(member, seen).items():
                here[name] = _together(here[name], known) if name in here else known
        found = here | found
    return found


def _encoded(encoder: Estimator, learned: Sequence[Any], own: bool) -> ColumnKnowledge:
    missing = [value for value in learned if cell(value, "categories_") is None]
    marker: Marker | None = None
    if missing:
        marker = "none" if missing[0] is None else "nan"
    given = isinstance(encoder, OrdinalEncoder) and not isinstance(encoder.categories, str)
    categories = tuple(
        value for value in (cell(item, "categories_") for item in learned) if value is not None
    )
    words = any(isinstance(value, str) for value in categories)
    return ColumnKnowledge(
        categories=categories,
        ordered=given and not own,
        takes_missing=bool(missing),
        missing=marker,
        pandas_category=own,
        takes_unknown=_takes_unknown(encoder),
        numpy_type=None if own or words else _told_by(np.asarray(learned).dtype),
    )


def _told_by(learned: "np.dtype[Any]") -> Literal["object", "float32"] | None:
    if learned.kind == "O":
        return "object"
    return "float32" if learned == np.float32 else None


def _together(first: ColumnKnowledge, second: ColumnKnowledge) -> ColumnKnowledge:
    """Join what two members' encoders know of a column.

    If one of them fails at what it did not learn, only what both have learned can be asked.
    """
    ours, theirs = first.categories or (), second.categories or ()
    takes_unknown = first.takes_unknown and second.takes_unknown
    if takes_unknown:
        categories = (*ours, *(value for value in theirs if value not in ours))
    else:
        categories = tuple(value for value in ours if value in theirs)
    return replace(
        first,
        categories=categories,
        takes_missing=first.takes_missing or second.takes_missing,
        missing=first.missing or second.missing,
        takes_unknown=takes_unknown,
    )


def _with_imputer(knowledge: ColumnKnowledge, imputed: Marker | None) -> ColumnKnowledge:
    if imputed is None or knowledge.takes_missing:
        return knowledge
    # An imputer of None leaves NaN as it is; one of NaN takes what an object column holds of both.
    missing = "none" if imputed == "none" else knowledge.missing
    return replace(knowledge, takes_missing=True, missing=missing)


def _takes_unknown(encoder: Estimator) -> bool:
    if isinstance(encoder, TargetEncoder):
        return True  # it answers the mean of all targets, and has no option
    return encoder.handle_unknown in _TAKING_UNKNOWN


def _filled(step: Estimator) -> Marker | None:
    """Return what an imputer fills; None if it is none, or one of a number that means missing."""
    if not type(step).__module__.startswith("sklearn.impute"):
        return None
    if step.missing_values is None:
        return "none"
    is_nan = isinstance(step.missing_values, float) and math.isnan(step.missing_values)
    return "nan" if is_nan else None


def _own_encoders(booster: Estimator) -> list[Estimator]:
    """Return the encoders that histogram gradient boosting made for its categorical columns."""
    inner = booster._preprocessor
    return [] if inner is None else [step for _, step, _ in inner.transformers_]
