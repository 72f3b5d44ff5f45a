"""Predictions to CSV: a line a row, floats so that they read back as the same."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from models.schema import OutputSchema

PREDICTION = "prediction"


def encode_csv(
    output: OutputSchema,
    predictions: Sequence[Any],
    probabilities: Sequence[Sequence[float]] | None,
    *,
    header: bool = True,
    more: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """Return the body of an answer.

    Args:
        output: what the model promises to answer.
        predictions: a label or value a row, or `output.width` of them.
        probabilities: one a class and row; None if they were not asked for.
        header: whether the first line names the columns.
        more: texts for columns behind these.
    """
    width = output.width
    names = column_names(output, probabilities is not None)
    others = list((more or {}).values())
    names += more or ()
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    if header:
        write(names)
    for i, prediction in enumerate(predictions):
        cells = [prediction] if width is None else prediction
        chances = () if probabilities is None else probabilities[i]
        write([*map(_text, cells), *map(_text, chances), *(column[i] for column in others)])
    return text.getvalue().encode()


def column_names(output: OutputSchema, probabilities: bool) -> list[str]:
    """Return the names of an answer's columns, in CSV and in Arrow.

    Args:
        output: what the model promises to answer.
        probabilities: whether there are columns for them.
    """
    width = output.width
    names = [PREDICTION] if width is None else [f"{PREDICTION}_{i}" for i in range(width)]
    if probabilities:
        names += [f"probability_{_text(label)}" for label in output.classes or ()]
    return names


def _text(value: Any) -> Any:
    """Return a boolean as JSON has it; the writer knows the rest."""
    return str(value).lower() if isinstance(value, bool) else value
