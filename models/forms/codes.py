"""From a column's values to the places of their categories."""

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np

from models.forms.checks import Array, refuse_infinity
from models.forms.errors import NoForm

Coder: TypeAlias = Callable[[Array], Array]
"""From a column, shape (n,), to the places of its values among the categories, intp; -1 is unknown.

A table with one entry more than there are categories thus has what is unknown at its end.
"""

_EXACT: Final = 2.0**53
"""Whole numbers from here on are not all different as float64."""


def is_missing(value: Any) -> bool:
    """Return whether a category is None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def coder(categories: Any, text: bool) -> Coder:
    """Return the coder of what an encoder learned of one column.

    Args:
        categories: an entry of `categories_`.
        text: whether the column holds texts.

    Raises:
        NoForm: the categories are of another kind than the column.
    """
    if not isinstance(categories, np.ndarray) or categories.ndim != 1 or not len(categories):
        raise NoForm("an encoder has no categories")
    return _of_texts(categories) if text else _of_numbers(categories)


def _of_texts(categories: Array) -> Coder:
    if categories.dtype.kind != "O":
        raise NoForm("the categories of a column of texts are no objects")
    table: dict[Any, int] = {}
    absent = -1  # what NaN is, which is no key that would be found
    for place, category in enumerate(categories.tolist()):
        if isinstance(category, float) and math.isnan(category):
            absent = place
        elif category is None or isinstance(category, str):
            table[category] = place
        else:
            raise NoForm("a column of texts has a category that is none")
    get = table.get

    def code(values: Array) -> Array:
        places = [
            get(value, -1 if value == value else absent)  # noqa: PLR0124
            for value in values.tolist()
        ]
        return np.array(places, np.intp)

    return code


def _of_numbers(categories: Array) -> Coder:
    if categories.dtype.kind not in "iufb":
        raise NoForm("the categories of a column of numbers are none")
    known = categories.astype(np.float64)
    if (np.abs(known[~np.isnan(known)]) >= _EXACT).any() or (np.diff(known) <= 0).any():
        raise NoForm("the categories are too large, or not in order")
    last = len(known) - 1
    absent = last if np.isnan(known[last]) else -1

    def code(values: Array) -> Array:
        values = values.astype(np.float64, copy=False)
        refuse_infinity(values)
        places = np.minimum(np.searchsorted(known, values), last)
        places[known[places] != values] = -1
        if absent >= 0:
            places[np.isnan(values)] = absent
        return places

    return code
