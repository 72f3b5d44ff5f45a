"""Encoders: each category's place, and a table of what stands there."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from models.forms.checks import Array
from models.forms.codes import Coder, coder
from models.forms.entry import Columns, Matrix, Step
from models.forms.errors import NoForm


def _coders(encoder: Any, kind: Columns) -> list[Coder]:
    if len(encoder.categories_) != len(kind.texts):
        raise NoForm("it was fitted on another number of columns")
    return [
        coder(categories, text)
        for categories, text in zip(encoder.categories_, kind.texts, strict=True)
    ]


def _grouped(encoder: Any, at: int, kept: int | None = None) -> tuple[list[int], int | None]:
    """Return the place that each category has after rare ones were put together, and theirs."""
    places = list(range(len(encoder.categories_[at])))
    if not encoder._infrequent_enabled:
        return places, None
    mapping = encoder._default_to_infrequent_mappings[at]
    if mapping is None:
        return places, None
    rare = int(mapping[encoder._infrequent_indices[at][0]])
    return [place if place == kept else int(mapping[place]) for place in places], rare


def _one_hot(encoder: Any, kind: Columns) -> tuple[Step, Matrix]:
    """Return OneHotEncoder's step; it gives a dense array, sparse or not."""
    dtype = np.dtype(encoder.dtype)
    if dtype not in (np.float64, np.float32):
        raise NoForm(f"it gives {dtype}")
    coders, widths = _coders(encoder, kind), encoder._n_features_outs
    width = int(sum(widths))
    tables = [_hot_places(encoder, at, int(sum(widths[:at])), width) for at in range(len(coders))]
    refuses = encoder.handle_unknown == "error"

    def step(columns: Sequence[Array]) -> Array:
        rows = np.arange(len(columns[0]))
        # What has no place goes to one column too many.
        hot = np.zeros((len(rows), width + 1), dtype)
        for code, table, values in zip(coders, tables, columns, strict=True):
            places = code(values)
            if refuses and places.min() < 0:
                raise ValueError("X has a category that the encoder did not learn.")
            hot[rows, table[places]] = 1
        return hot[:, :width]

    sparse = bool(encoder.sparse_output)
    return step, Matrix(width, dtype, dtype, sparse)


def _hot_places(encoder: Any, at: int, start: int, nowhere: int) -> Array:
    places, rare = _grouped(encoder, at)
    takes_rare = encoder.handle_unknown in ("infrequent_if_exist", "warn")
    dropped = None
    if encoder._drop_idx_after_grouping is not None:
        dropped = encoder._drop_idx_after_grouping[at]
    unknown = rare if takes_rare and rare is not None else None
    found = []
    for place in (*places, unknown):
        if place is None or place == dropped:
            found.append(nowhere)
        else:
            found.append(start + place - (dropped is not None and place > dropped))
    return np.array(found, np.intp)


def _ordinal(encoder: Any, kind: Columns) -> tuple[Step, Matrix]:
    """Return OrdinalEncoder's step."""
    dtype = np.dtype(encoder.dtype)
    if dtype not in (np.float64, np.float32):
        raise NoForm(f"it gives {dtype}")
    coders, tables = _coders(encoder, kind), []
    refuses = encoder.handle_unknown == "error"
    for at in range(len(coders)):
        missing = encoder._missing_indices.get(at)
        places, _ = _grouped(encoder, at, kept=missing)
        values = [encoder.encoded_missing_value if one == missing else one for one in places]
        tables.append(np.array([*values, np.nan if refuses else encoder.unknown_value], dtype))

    def step(columns: Sequence[Array]) -> Array:
        coded = np.empty((len(columns[0]), len(coders)), dtype)
        for at, (code, values) in enumerate(zip(coders, columns, strict=True)):
            places = code(values)
            if refuses and places.min() < 0:
                raise ValueError("X has a category that the encoder did not learn.")
            coded[:, at] = tables[at][places]
        return coded

    return step, Matrix(len(coders), dtype, dtype)


def _target(encoder: Any, kind: Columns) -> tuple[Step, Matrix]:
    """Return TargetEncoder's step: of several classes, one column for each."""
    coders = _coders(encoder, kind)
    many = encoder.target_type_ == "multiclass"
    each = len(encoder.classes_) if many else 1
    means = np.ravel(encoder.target_mean_)
    tables = [
        np.append(encoding, means[at % each]) for at, encoding in enumerate(encoder.encodings_)
    ]
    if len(tables) != each * len(coders):
        raise NoForm("it has other encodings than columns and classes")

    def step(columns: Sequence[Array]) -> Array:
        coded = np.empty((len(columns[0]), len(tables)))
        for at, (code, values) in enumerate(zip(coders, columns, strict=True)):
            places = code(values)
            for place in range(at * each, (at + 1) * each):
                coded[:, place] = tables[place][places]
        return coded

    double = np.dtype(np.float64)
    return step, Matrix(len(tables), double, double)


ENCODERS: Final[dict[str, Callable[[Any, Columns], tuple[Step, Matrix]]]] = {
    "preprocessing.OneHotEncoder": _one_hot,
    "preprocessing.OrdinalEncoder": _ordinal,
    "preprocessing.TargetEncoder": _target,
}
"""Class of a transformer → its step on columns, and what the step gives."""
