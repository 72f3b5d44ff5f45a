"""Each raw column against the target, on rows that the model was fitted on; and correlations."""

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from models.evidence import Evidence
from models.report.against_class import against_class
from models.report.against_value import against_value
from models.report.columns import RawColumn, raw_column, raw_columns
from models.report.drawing import Frame, Picture, draw, short
from models.report.numbers import count, listing, say
from models.report.section import Block, Section, Words

MOST_COLUMNS: Final = 40
MOST_CORRELATED: Final = 20
FEW_CORRELATED: Final = 8
"""So many columns leave room for a second decimal."""


def features_section(evidence: Evidence, order: list[str]) -> Section:
    """Return a plot for each of the first columns that can be drawn.

    Args:
        evidence: has the fitted rows.
        order: the columns, most important first.
    """
    target = raw_column(evidence, evidence.specification.target.column)
    columns = raw_columns(evidence, order)
    drawable = [column for column in columns if column.kind != "nothing"]
    lead = f"On {count(len(evidence.known), 'row')} that the model was fitted on."
    if len(drawable) > MOST_COLUMNS:
        rest = [short(column.name, 30) for column in drawable[MOST_COLUMNS:]]
        lead += f" The {MOST_COLUMNS} most important columns; left out: {listing(rest)}."
    blocks: list[Block] = [Words(lead)]
    classes = evidence.specification.model.task == "classification"
    against = against_class if classes else against_value
    if target.kind == "nothing":
        return Section("features", "Columns", (Words(f"The target is {target.why_not}."),))
    for number, column in enumerate(drawable[:MOST_COLUMNS]):
        blocks.append(against(f"feature_{number + 1:02d}", column, target))
    plain = [f"{short(one.name, 30)} ({one.why_not})" for one in columns if one.kind == "nothing"]
    if plain:
        blocks.append(Words(f"Not drawn: {listing(plain)}."))
    return Section("features", "Columns against the target", tuple(blocks))


def correlations_section(evidence: Evidence, order: list[str]) -> Section:
    """Return the rank correlations of the columns that are numbers, and the target if it is one."""
    specification = evidence.specification
    names = list(order)
    if specification.model.task == "regression":
        names.insert(0, specification.target.column)
    numbers = {
        short(column.name, 40): values
        for column in raw_columns(evidence, names)
        if (values := _as_numbers(column, evidence)) is not None
    }
    if len(numbers) < 2:
        return Section("correlations", "Correlations")
    kept = dict(list(numbers.items())[:MOST_CORRELATED])
    words = ""
    if len(numbers) > len(kept):
        words = f" {len(kept)} of {len(numbers)} numeric columns, the most important, are drawn."
    return Section("correlations", "Correlations", (_matrix(pd.DataFrame(kept), words),))


def _as_numbers(column: RawColumn, evidence: Evidence) -> "np.ndarray[Any, Any] | None":
    if column.kind == "nothing":
        return None
    if len(column.numbers):
        return column.numbers
    kind = evidence.specification.columns[column.name].type
    if kind not in {"integer", "number", "boolean"}:
        return None
    as_numbers = (
        column.texts.map({"True": "1", "False": "0"}) if kind == "boolean" else column.texts
    )
    return pd.to_numeric(as_numbers, errors="coerce").to_numpy(np.float64)


def _matrix(table: pd.DataFrame, words: str) -> Picture:
    found = table.corr(method="spearman", min_periods=3)
    names = [short(name, 14) for name in found.columns]
    digits = 2 if len(names) <= FEW_CORRELATED else 1
    side = max(3.4, 1.5 + 0.36 * len(names))
    caption = _strongest(found) + words
    frame = Frame("correlations", "Rank correlations", caption, (side + 0.7, side))

    def paint(axes: Axes) -> None:
        image = axes.imshow(found, cmap="PuOr_r", vmin=-1, vmax=1)
        places = range(len(names))
        axes.set_xticks(places, names, rotation=45, ha="right")
        axes.set_yticks(places, names)
        for (row, column), value in np.ndenumerate(found.to_numpy()):
            if row != column and np.isfinite(value):
                ink = "#ffffff" if abs(value) > 0.65 else "#101518"
                text = say(round(float(value), digits) + 0.0, digits)
                axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=7.5)
        axes.grid(visible=False)
        axes.figure.colorbar(image, ax=axes, shrink=0.7, ticks=[-1, 0, 1])

    return draw(frame, paint)


def _strongest(found: pd.DataFrame) -> str:
    values = found.to_numpy().copy()
    values[np.tril_indices(len(values))] = np.nan
    if np.isnan(values).all():
        return "Too few rows with both values."
    first, second = np.unravel_index(int(np.nanargmax(np.abs(values))), values.shape)
    value, names = float(values[first, second]), list(found.columns)
    words = f"Strongest: {short(names[first], 30)} and {short(names[second], 30)}, {say(value, 2)}."
    if abs(value) > 0.9:
        words += " Each of the two says nearly what the other says."
    return words
