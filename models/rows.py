"""Rows in their two forms: what a model takes (X) and what a request carries (instances).

A tabular instance is a list of JSON cells in the fitted order; a picture is `{"b64": …}`, the
base64 of an encoded PNG or JPEG.
"""

import base64
import binascii
import math
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import RefusedModel
from models.moment_columns import as_moments, as_texts, is_of_moments
from models.pictures import as_png
from models.schema import Cell, Column, ImageSchema, InputSchema, Label

EXACT_WHOLE: Final = 2**53
"""Whole numbers from here on are not all different as float64."""

Array: TypeAlias = npt.NDArray[Any]

Rows: TypeAlias = pd.DataFrame | Array
"""X: a DataFrame, a 2-D array, or a 1-D object array of texts or of pictures."""

Container: TypeAlias = Literal["frame", "array", "texts"]

Instance: TypeAlias = list[Cell] | dict[str, str]
"""One row as JSON carries it."""


def take(X: Rows, indices: Sequence[int] | Array) -> Rows:
    """Return some rows of X, in the given order."""
    return X.iloc[list(indices)] if isinstance(X, pd.DataFrame) else X[list(indices)]


def to_instances(schema: InputSchema, X: Rows) -> list[Instance]:
    """Write rows as JSON values; `to_rows` reads exactly the same rows back.

    Raises:
        RefusedModel: a value is something that JSON cannot carry.
    """
    if isinstance(schema, ImageSchema):
        return [
            {"b64": base64.b64encode(as_png(picture)).decode("ascii")}
            for picture in cast("Array", X)
        ]
    columns = [
        [cell(value, name) for value in (as_texts(values) if is_of_moments(values) else values)]
        for name, values in columns_of(X, [column.name for column in schema.columns]).items()
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def to_rows(schema: InputSchema, instances: Sequence[Instance]) -> Rows:
    """Build the X that the fitted model takes.

    Returns:
        For `container: "frame"` a DataFrame with the training dtypes; for "array" a 2-D array,
        float64 if every column is a number, else object; for "texts" a 1-D object array of its
        one column; for pictures one of the encoded bytes.
    """
    if isinstance(schema, ImageSchema):
        pictures = [_decoded(cast("dict[str, str]", instance)) for instance in instances]
        X = np.empty(len(pictures), dtype=object)
        X[:] = pictures
        return X
    table = {
        column.name: series(column, [cast("list[Cell]", row)[position] for row in instances])
        for position, column in enumerate(schema.columns)
    }
    return as_container(schema.container, pd.DataFrame(table))


def as_container(container: Container, frame: pd.DataFrame) -> Rows:
    """Return the frame itself, or the array that a model fitted on arrays or on texts takes."""
    if container == "frame":
        return frame
    if container == "texts":
        return frame.iloc[:, 0].to_numpy(dtype=object)
    # In the order in which arrays are made: BLAS rounds otherwise for another one.
    return np.ascontiguousarray(frame.to_numpy(dtype=_array_dtype(frame)))


def _array_dtype(frame: pd.DataFrame) -> "np.dtype[Any]":
    """Return the type of the array that stands for a table.

    Whole numbers become float64, as a file of rows does not say whether they must be whole; but
    not if they are too large for it.
    """
    double = np.dtype(np.float64)
    if not all(dtype.kind in "biuf" for dtype in frame.dtypes):
        return np.dtype(object)
    if not all(isinstance(dtype, np.dtype) for dtype in frame.dtypes):
        return double  # pandas' own, which may have gaps
    common = np.result_type(*frame.dtypes)
    if common.kind in "iu" and len(frame):
        ends = int(frame.max().max()), int(frame.min().min())
        return common if max(map(abs, ends)) >= EXACT_WHOLE else double
    return common if common in (np.dtype(bool), np.dtype(np.float32)) else double


def columns_of(X: Rows, names: Sequence[str]) -> dict[str, "pd.Series[Any]"]:
    """Return the columns of a tabular X by name, in the fitted order."""
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X, columns=list(names))
    return {name: frame[name] for name in names}


def series(column: Column, values: Sequence[Cell]) -> "pd.Series[Any]":
    """Return one column with the training dtype; null becomes the column's missing marker."""
    marker = None if column.missing == "none" else math.nan
    filled = [marker if value is None else value for value in values]
    if column.frame_dtype == "category":
        categories = list(column.categories or ())
        if column.policy.unknown in {"accept", "flag"}:
            # pandas would make a missing value of what is not among them.
            others = dict.fromkeys(value for value in values if value is not None)
            categories += [value for value in others if value not in categories]
        return pd.Series(pd.Categorical(filled, categories=categories, ordered=column.ordered))
    if column.frame_dtype.startswith("datetime64"):
        return pd.Series(as_moments(filled, column.frame_dtype))
    return pd.Series(filled, dtype=cast("Any", column.frame_dtype))


def cell(value: object, where: str) -> Cell:
    """Return a value as JSON carries it; missing is None.

    Raises:
        RefusedModel: the value is infinite or of a type that JSON has no word for.
    """
    plain = value.item() if isinstance(value, np.generic) else value
    if plain is None or plain is pd.NA or plain is pd.NaT:
        return None
    if isinstance(plain, bool | int | str):
        return plain
    if isinstance(plain, float):
        if math.isinf(plain):
            raise RefusedModel(f"{where}: infinity cannot travel in JSON; replace it in the rows")
        return None if math.isnan(plain) else plain
    raise RefusedModel(
        f"{where}: a value of type {type(plain).__name__} cannot travel in JSON;"
        " make it a number, a text or a boolean inside the rows that the model is fitted on"
    )


def label(value: object, where: str) -> Label:
    """Return a class or a prediction as JSON carries it; it is never missing.

    Raises:
        RefusedModel: the value is missing, infinite, or JSON has no word for it.
    """
    plain = cell(value, where)
    if plain is None:
        raise RefusedModel(f"{where}: None or NaN is no answer that JSON can carry")
    return plain


def _decoded(instance: dict[str, str]) -> bytes:
    try:
        return base64.b64decode(instance["b64"], validate=True)
    except (KeyError, binascii.Error) as error:
        raise RefusedModel('a picture must be {"b64": "…"} with valid base64') from error
