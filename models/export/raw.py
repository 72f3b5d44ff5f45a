"""Weights of raw columns: a linear model with its preparation folded into them.

A score is the bias plus what each column adds. A column that stands in `categories` adds the weight
of its value; that of `missing` if it is null, and that of `unknown` if it is any other. Where
either is null, the model takes no such value. Every other column adds its weight times its value
(true is 1), or if it is null times `fill_missing_with`, and what `missing_adds` has for it.
"""

from typing import Any, Final, cast

import numpy as np

from models.errors import RefusedModel
from models.export.affine import Affine, as_affine, identity
from models.export.coded import Coded, code, unused
from models.export.exported import Floats, Known, Parts, largest_difference
from models.schema import Cell, ImageSchema, TabularSchema

TOLERANCE: Final = 1e-9
"""Above it folded weights are not worth having: their columns are far from zero for their width."""


def raw_form(parts: Parts, known: Known, weights: Floats, bias: Floats) -> dict[str, Any]:
    """Return the weights of raw columns, tried on the golden rows.

    Args:
        parts: the model, cut before its predictor.
        known: its columns and golden rows.
        weights: of features, shape (scores, features).
        bias: shape (scores,).

    Raises:
        RefusedModel: the preparation does more than can be folded, and what.
    """
    if isinstance(known.input, ImageSchema):
        raise RefusedModel("it takes pictures")
    schema = known.input
    names = [column.name for column in schema.columns]
    whole = identity(len(names)) if parts.prepare is None else as_affine(parts.prepare, names)
    if whole is None:
        raise RefusedModel("its preparation does more than fill, shift, scale and code columns")
    folded, flagged, shifted = _folded(whole, len(names), weights, bias)
    rows = cast("list[list[Cell]]", known.golden.instances)
    coded, more = _coded(schema, parts, whole, weights, rows)
    fill = _fill(whole, len(names))
    adds = {names[one]: flagged[:, one] for one in sorted(set(_flagged(whole)))}
    form = _Form(names, folded, shifted + more, fill, adds, coded)
    scores = np.array([form.scores(row) for row in rows]).reshape(len(rows), len(bias))
    usable = np.isfinite(scores).all(axis=1)
    theirs = (parts.prepared @ weights.T + bias)[usable]
    difference = largest_difference(scores[usable], theirs)
    if difference > TOLERANCE:
        raise RefusedModel(f"folded weights differ by {difference:.1e} from the model")
    return form.content() | {"largest_difference": difference}


class _Form:
    """The weights, as a reader uses them."""

    def __init__(
        self,
        names: list[str],
        weights: Floats,
        bias: Floats,
        fill: list[float | None],
        adds: dict[str, Floats],
        coded: dict[str, Coded],
    ) -> None:
        self._names, self._weights, self._bias = names, weights, bias
        self._fill, self._adds, self._coded = fill, adds, coded

    def scores(self, row: list[Cell]) -> Floats:
        """Return a row's scores; NaN where a value is missing that nothing stands for."""
        scores = self._bias.copy()
        for position, (name, value) in enumerate(zip(self._names, row, strict=True)):
            if name in self._coded:
                adds = self._coded[name].of(value)
                scores += np.nan if adds is None else adds
                continue
            given = self._fill[position] if value is None else value
            scores += self._weights[:, position] * (np.nan if given is None else float(given))
            if value is None and name in self._adds:
                scores += self._adds[name]
        return scores

    def content(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "columns": self._names,
            "weights": self._weights.tolist(),
            "bias": self._bias.tolist(),
            "fill_missing_with": self._fill,
            "missing_adds": {name: one.tolist() for name, one in self._adds.items()},
            "categories": {name: one.content() for name, one in self._coded.items()},
        }


def _folded(
    whole: Affine, width: int, weights: Floats, bias: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return weights of columns that are numbers, those of their being missing, and the bias."""
    folded, flagged = np.zeros((2, len(weights), width))
    shifted = bias.copy()
    for feature, column in enumerate(whole.source):
        if column >= 0:
            into = flagged if whole.flags[feature] else folded
            into[:, column] += weights[:, feature] * whole.scale[feature]
            shifted += weights[:, feature] * whole.offset[feature]
    return folded, flagged, shifted


def _flagged(whole: Affine) -> list[int]:
    """Return the columns of which a feature says whether they are missing."""
    return [one for one, flag in zip(whole.source, whole.flags, strict=True) if flag and one >= 0]


def _coded(
    schema: TabularSchema, parts: Parts, whole: Affine, weights: Floats, rows: list[list[Cell]]
) -> tuple[dict[str, Coded], Floats]:
    columns = sorted(whole.coded)
    both = [schema.columns[one].name for one in columns if one in whole.source]
    if both:
        raise RefusedModel(f"column {both[0]!r} is taken as a number and as a category")
    coded: dict[str, Coded] = {}
    more = np.zeros(len(weights))
    if columns:
        of_them = weights * (np.asarray(whole.source) < 0)
        coded, more = code(schema, parts, columns, of_them, rows[0])
    for position, column in enumerate(schema.columns):
        used = position in whole.source or position in whole.coded
        if column.dtype == "string" and not used:
            coded[column.name] = unused(len(weights))
    return coded, more


def _fill(whole: Affine, width: int) -> list[float | None]:
    fill: list[float | None] = [None] * width
    for feature, column in enumerate(whole.source):
        if column >= 0 and np.isfinite(whole.fill[feature]):
            fill[column] = float(whole.fill[feature])
    return fill
