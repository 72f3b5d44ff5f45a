"""A tabular model's input schema, derived from the fitted pipeline and its training rows."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, Literal, cast

import numpy as np
import pandas as pd

from models.encoders import ColumnKnowledge, column_knowledge
from models.errors import RefusedModel
from models.estimators import Estimator, first_step, fitted_names
from models.pictures import MODES, PicturePixels
from models.policies import Rule, Rules
from models.probes import Probes, unseen
from models.rows import Container, Rows, cell
from models.schema import (
    Cell,
    Choice,
    Column,
    DType,
    ImageSchema,
    InputSchema,
    Label,
    Policy,
    Quantiles,
    TabularSchema,
)

QUANTILES: Final = (1, 5, 25, 50, 75, 95, 99)
"""In percent; the fields of `Quantiles`."""

_BY_PYTHON_TYPE: Final[dict[frozenset[type], DType]] = {
    frozenset({bool}): "bool",
    frozenset({int}): "int64",
    frozenset({float}): "float64",
    frozenset({int, float}): "float64",
    frozenset({str}): "string",
}
_NUMPY_DTYPES: Final = {f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)} | {
    "float32",
    "float64",
}


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
        columns.append(_column(typical[name], knowledge[name], missing))
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


def _missing_policy(
    values: "pd.Series[Any]", known: ColumnKnowledge, probes: Probes, asked: Rules
) -> Choice:
    """Take missing values if training knew them and the model predicts them."""
    name = str(values.name)

    @cache
    def obstacle() -> str | None:
        return probes.missing(name, _marker(values, known))

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


def _column(values: "pd.Series[Any]", known: ColumnKnowledge, missing: Choice) -> Column:
    dtype, nullable = _dtype(values), missing != "reject"
    frame_dtype = str(values.dtype)
    if nullable and values.dtype.kind in "iu":
        # A missing value needs a float: numpy's integers have none.
        dtype, frame_dtype = "float64", "float64"
    lowest, highest = _bounds(values, dtype)
    return Column(
        name=str(values.name),
        dtype=dtype,
        frame_dtype=frame_dtype,
        nullable=nullable,
        missing=_marker(values, known),
        categories=_categories(values, known),
        ordered=known.ordered
        or (isinstance(values.dtype, pd.CategoricalDtype) and bool(values.dtype.ordered)),
        min=lowest,
        max=highest,
        quantiles=None if lowest is None else _quantiles(values),
        policy=Policy(missing=missing),
        example=_example(values, dtype),
    )


def _dtype(values: "pd.Series[Any]") -> DType:
    """Say what a request carries for this column.

    Raises:
        RefusedModel: no JSON value stands for it.
    """
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _dtype(pd.Series(dtype.categories, name=values.name))
    plain = str(dtype).lower()
    if plain in _NUMPY_DTYPES:
        return cast("DType", plain)
    if plain in {"bool", "boolean"}:
        return "bool"
    if isinstance(dtype, pd.StringDtype):
        return "string"
    kinds = frozenset(type(item) for item in _present(values)) if dtype.kind == "O" else frozenset()
    if kinds in _BY_PYTHON_TYPE:
        return _BY_PYTHON_TYPE[kinds]
    found = " and ".join(sorted(kind.__name__ for kind in kinds)) or str(dtype)
    raise RefusedModel(
        f"column {values.name!r} holds {found}; a request carries numbers, texts and booleans,"
        " one kind a column: convert it before the model is fitted"
    )


def _present(values: "pd.Series[Any]") -> tuple[Label, ...]:
    """Return the values that are not missing, in order, numbers without repetition."""
    # Large tables repeat themselves; objects may not be hashable and are few.
    distinct = values.drop_duplicates() if values.dtype.kind in "biuf" else values
    found = (cell(value, f"column {values.name!r}") for value in distinct)
    return tuple(value for value in found if value is not None)


def _marker(values: "pd.Series[Any]", known: ColumnKnowledge) -> Literal["nan", "none"]:
    if values.dtype != object:
        return "nan"
    if known.missing is not None:
        return known.missing
    return "none" if any(value is None for value in values) else "nan"


def _categories(values: "pd.Series[Any]", known: ColumnKnowledge) -> tuple[Label, ...] | None:
    if isinstance(values.dtype, pd.CategoricalDtype):
        # All of the dtype's: a worker rebuilds it from them, code by code.
        present = _present(pd.Series(values.dtype.categories))
        if known.categories is None or known.pandas_category:
            return present
        # An encoder looks at values, not codes; it fails on those that it has not learned.
        learned = [value for value in present if value in known.categories]
        return (*learned, *(value for value in known.categories if value not in present))
    if known.categories is None or not known.categories:
        return None
    dtype = _dtype(values)
    if dtype == "bool":
        return tuple(bool(value) for value in known.categories)
    if "int" in dtype:
        # scikit-learn learns floats from pandas' own integers.
        return tuple(
            int(value) if isinstance(value, float) and value.is_integer() else value
            for value in known.categories
        )
    return known.categories


def _bounds(values: "pd.Series[Any]", dtype: DType) -> tuple[float | None, float | None]:
    present = _present(values)
    if dtype in {"bool", "string"} or not present:
        return None, None
    numbers = [float(value) for value in present if isinstance(value, int | float)]
    return min(numbers), max(numbers)


def _quantiles(values: "pd.Series[Any]") -> Quantiles | None:
    numbers = values.dropna().to_numpy(dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.quantile(numbers, [percent / 100 for percent in QUANTILES]).tolist()
    # The difference of two numbers near the end of float64 is infinite; JSON has no word for it.
    if not np.isfinite(found).all():
        return None
    return Quantiles(**{f"p{percent}": at for percent, at in zip(QUANTILES, found, strict=True)})


def _example(values: "pd.Series[Any]", dtype: DType) -> Cell:
    present = _present(values)
    if not present:
        return None
    first = present[0]
    return float(first) if isinstance(first, int) and dtype.startswith("float") else first


def _fitting(column: Column, policy: Policy) -> Cell:
    """Return an example that the policy takes."""
    if policy.unknown != "reject" or column.categories is None or column.example is None:
        return column.example
    return column.example if column.example in column.categories else column.categories[0]
