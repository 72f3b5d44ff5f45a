"""One input column, derived from its values and from what encoders know of it."""

from typing import Any, Final, Literal, cast

import numpy as np
import pandas as pd

from models.encoders import ColumnKnowledge
from models.errors import RefusedModel
from models.half_floats import REMEDY
from models.moment_columns import as_texts, is_of_moments
from models.rows import cell
from models.schema import Cell, Choice, Column, DType, Label, Policy, Quantiles

QUANTILES: Final = (1, 5, 25, 50, 75, 95, 99)
"""In percent; the fields of `Quantiles`."""

MOST_WHOLE: Final = 2**63 - 1
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


def describe_column(
    values: "pd.Series[Any]", known: ColumnKnowledge, missing: Choice, *, dates: bool = False
) -> Column:
    """Describe a column.

    Args:
        values: its values, those first that make a good example.
        known: what encoders and imputers know of it.
        missing: the policy for missing values, on which its type depends.
        dates: it takes texts in ISO 8601 and no others.

    Raises:
        RefusedModel: no request can carry its values.
    """
    dtype, nullable = _dtype(values), missing != "reject"
    frame_dtype = str(values.dtype)
    values = as_texts(values) if is_of_moments(values) else values
    if nullable and values.dtype.kind in "iu":
        # A missing value needs a float: numpy's integers have none.
        dtype, frame_dtype = "float64", "float64"
    lowest, highest = _bounds(values, dtype)
    return Column(
        name=str(values.name),
        dtype=dtype,
        frame_dtype=frame_dtype,
        nullable=nullable,
        missing=missing_marker(values, known),
        categories=_categories(values, known),
        dates=dates,
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
    if is_of_moments(values):
        return "string"
    plain = str(dtype).lower()
    if plain in _NUMPY_DTYPES:
        _refuse_beyond_int64(values)
        return cast("DType", plain)
    if plain in {"bool", "boolean"}:
        return "bool"
    if isinstance(dtype, pd.StringDtype):
        return "string"
    if plain == "float16":
        raise RefusedModel(
            f"column {values.name!r} holds floats of 16 bits, and requests carry 32 or 64 bits;"
            f" {REMEDY}"
        )
    kinds = frozenset(type(item) for item in _present(values)) if dtype.kind == "O" else frozenset()
    if kinds in _BY_PYTHON_TYPE:
        return _BY_PYTHON_TYPE[kinds]
    found = " and ".join(sorted(kind.__name__ for kind in kinds)) or str(dtype)
    if dtype.kind == "m":
        raise RefusedModel(
            f"column {values.name!r} holds {found}, and requests carry no durations: fit the"
            " pipeline on numbers, such as seconds"
        )
    raise RefusedModel(
        f"column {values.name!r} holds {found}; a request carries numbers, texts and booleans,"
        " one kind a column: convert it before the model is fitted"
    )


def _refuse_beyond_int64(values: "pd.Series[Any]") -> None:
    if values.dtype.kind == "u" and values.max() > MOST_WHOLE:
        raise RefusedModel(
            f"column {values.name!r} holds whole numbers above {MOST_WHOLE}, the largest that"
            " requests carry: fit the pipeline on float64 or on texts"
        )


def _present(values: "pd.Series[Any]") -> tuple[Label, ...]:
    """Return the values that are not missing, in order, numbers without repetition."""
    # Large tables repeat themselves; objects may not be hashable and are few.
    distinct = values.drop_duplicates() if values.dtype.kind in "biuf" else values
    found = (cell(value, f"column {values.name!r}") for value in distinct)
    return tuple(value for value in found if value is not None)


def missing_marker(values: "pd.Series[Any]", known: ColumnKnowledge) -> Literal["nan", "none"]:
    """Return what a missing value is in the column, as its encoder learned it."""
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
