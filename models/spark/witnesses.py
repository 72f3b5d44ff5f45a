"""A few made-up rows that stand for all: every category, both ends of every number, every hole.

Fitted on them, scikit-learn's encoders learn what they would learn from all rows; only what depends
on frequencies (medians, variances, encodings) is put right afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Final

import numpy as np
import pandas as pd
import pyspark.sql.functions as F
from pyspark.sql import Column, DataFrame

from models.errors import BadData
from models.rows import Array
from models.spark.frames import as_frame, quoted
from models.spec import Specification

LEAST: Final = 4
"""So that no fold is empty."""


@dataclass(frozen=True)
class Witnesses:
    """Made-up rows.

    Args:
        X: the feature columns, by the dtypes of all rows.
        y: targets of the right type, every class among them.
    """

    X: pd.DataFrame
    y: Array


def witnesses(
    rows: DataFrame, spec: Specification, coded: Sequence[str], classes: Array | None
) -> Witnesses:
    """Return rows that stand for all.

    Args:
        rows: fitted rows.
        spec: whose columns they have.
        coded: columns of which every category is wanted.
        classes: the labels; None for numbers.

    Raises:
        BadData: a column without any value, or with too many categories.
    """
    names = spec.feature_columns()
    ends = rows.agg(*(_ends(quoted(name)).alias(f"c{at}") for at, name in enumerate(names))).first()
    values: dict[str, list[Any]] = {}
    for at, name in enumerate(names):
        missing, low, high = ends[f"c{at}"] if ends is not None else (0, None, None)
        kept = _categories(rows, name) if name in coded else [low, high]
        present = [value for value in kept if value is not None]
        if not present:
            raise BadData(f"column {name!r} has no value in any row; leave it out")
        values[name] = present + ([None] if missing else [])
    length = max(LEAST, 0 if classes is None else len(classes), *map(len, values.values()))
    frame = pd.DataFrame(
        {
            name: pd.Series(list(islice(cycle(kept), length)), dtype=object)
            for name, kept in values.items()
        }
    )
    labels: Any = np.arange(length, dtype=np.float64) if classes is None else classes
    y = np.resize(labels, length)
    return Witnesses(as_frame(frame, {name: spec.columns[name] for name in names}), y)


def _ends(value: Column) -> Column:
    return F.struct(F.count_if(value.isNull()), F.min(value), F.max(value))


def _categories(rows: DataFrame, name: str) -> list[Any]:
    found = rows.select(quoted(name)).distinct().limit(MOST_CATEGORIES + 1).collect()
    if len(found) > MOST_CATEGORIES:
        raise BadData(
            f"column {name!r} has more than {MOST_CATEGORIES:,} categories; leave it out, or make"
            " fewer of them"
        )
    return [row[0] for row in found]


MOST_CATEGORIES: Final = 200_000
"""Of an encoded column; they are kept on the driver, and in the model."""
