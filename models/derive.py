"""A tabular model's input schema, derived from the fitted pipeline and its training rows."""

from collections.abc import Sequence
from typing import Any, Final, Literal, cast

import numpy as np
import pandas as pd

from models.encoders import ColumnKnowledge, column_knowledge
from models.errors import RefusedModel
from models.estimators import Estimator, first_step, fitted_names
from models.pictures import MODES, PicturePixels
from models.rows import Rows, as_container, cell
from models.schema import Cell, Column, DType, ImageSchema, InputSchema, Label, TabularSchema

PROBE_ROWS: Final = 4
"""Rows in which a column is set to missing to see whether the model bears it."""

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


def input_schema(model: Estimator, X: Rows, names: Sequence[str] | None = None) -> InputSchema:
    """Derive what the model takes.

    Args:
        model: a fitted estimator.
        X: its training rows, or a sample like them: a DataFrame, a 2-D array, or pictures.
        names: columns of an array, in order; x0, x1, … if they are not known.

    Raises:
        RefusedModel: a column cannot be carried by a request, and what to do about it.
    """
    step = first_step(model)
    if isinstance(step, PicturePixels):
        if step.mode not in MODES:
            raise RefusedModel(f"PicturePixels has mode {step.mode!r}; use one of {MODES}")
        mode = cast("Literal['L', 'RGB']", step.mode)
        return ImageSchema(mode=mode, width=step.width, height=step.height)
    if isinstance(X, pd.DataFrame):
        fitted = fitted_names(model)
        return tabular_schema(model, X if fitted is None else X[fitted], "frame")
    columns = list(names or (f"x{position}" for position in range(X.shape[1])))
    return tabular_schema(model, pd.DataFrame(X, columns=columns), "array")


def tabular_schema(
    model: Estimator, frame: pd.DataFrame, container: Literal["frame", "array"]
) -> TabularSchema:
    """Derive the columns from the steps that see them and from the rows.

    Args:
        model: a fitted estimator.
        frame: rows with exactly the model's columns, in the fitted order.
        container: what the model takes: the frame itself, or an array of its values.

    Raises:
        RefusedModel: as `input_schema`.
    """
    names = [str(name) for name in frame.columns]
    if len(set(names)) != len(names):
        raise RefusedModel("two columns have the same name; requests could not tell them apart")
    knowledge = column_knowledge(model, names)
    # Examples of one complete row go together better than values of several.
    order = frame.isna().sum(axis=1).argsort(kind="stable")
    typical = frame.iloc[order]
    columns = []
    for name in names:
        nullable = _is_nullable(model, frame, name, container, knowledge[name])
        columns.append(_column(typical[name], knowledge[name], nullable))
    return TabularSchema(container=container, columns=tuple(columns))


def without(frame: pd.DataFrame, name: str, missing: str) -> pd.DataFrame:
    """Return a copy with one column missing in every row, by the marker that the model knows."""
    copy = frame.copy()
    column = copy[name]
    if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind not in "iu":
        copy[name] = pd.Series(
            [None if missing == "none" else np.nan] * len(copy),
            index=copy.index,
            dtype=column.dtype,
        )
    else:
        copy[name] = np.nan
    return copy


def _column(values: "pd.Series[Any]", known: ColumnKnowledge, nullable: bool) -> Column:
    dtype = _dtype(values)
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
        return _present(pd.Series(values.dtype.categories))
    if known.categories is None or not known.categories:
        return None
    if _dtype(values) == "bool":
        return tuple(bool(value) for value in known.categories)
    return known.categories


def _bounds(values: "pd.Series[Any]", dtype: DType) -> tuple[float | None, float | None]:
    present = _present(values)
    if dtype in {"bool", "string"} or not present:
        return None, None
    numbers = [float(value) for value in present if isinstance(value, int | float)]
    return min(numbers), max(numbers)


def _example(values: "pd.Series[Any]", dtype: DType) -> Cell:
    present = _present(values)
    if not present:
        return None
    first = present[0]
    return float(first) if isinstance(first, int) and dtype.startswith("float") else first


def _is_nullable(
    model: Estimator,
    frame: pd.DataFrame,
    name: str,
    container: Literal["frame", "array"],
    known: ColumnKnowledge,
) -> bool:
    """Say whether training knew missing values in the column and the model predicts them."""
    if frame[name].dtype.kind == "b":
        return False
    if not (known.takes_missing or bool(frame[name].isna().any())):
        return False
    probe = without(frame.iloc[:PROBE_ROWS], name, _marker(frame[name], known))
    try:
        predicted = np.asarray(model.predict(as_container(container, probe)))
    except Exception:
        return False
    return predicted.dtype.kind != "f" or bool(np.isfinite(predicted).all())
