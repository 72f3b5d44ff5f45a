"""Rows to ask with, and what is near."""

from typing import Any

import numpy as np
import pandas as pd

TOLERANCE = 1e-12
FLOWERS = np.array([[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5], [5.9, 3.0, 4.2, 1.5]])
STUDENTS = pd.DataFrame(
    {
        "age": np.array([17, 15, 19], np.int64),
        "study_hours": [4.5, np.nan, 0.0],
        "absences": [2.0, 31.0, np.nan],
        "previous_grade": [12.5, 0.0, 20.0],
        "school": ["GP", "MS", "GP"],
        "guardian": ["mother", "father", "other"],
        "mother_education": ["secondary", "none", "higher"],
        "internet": [True, False, True],
    }
)


def near(got: Any, wanted: Any) -> bool:
    """Return whether numbers have the same shape and are within the tolerance."""
    got = np.asarray(got)
    return got.shape == wanted.shape and bool((abs(got - wanted) <= TOLERANCE).all())


def flowers(model: Any) -> pd.DataFrame:
    """Return the flowers as iris's model was fitted on them."""
    return pd.DataFrame(FLOWERS, columns=model.feature_names_in_)


def as_json(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return a table as JSON values, a list a column; what is missing is None."""
    return {
        str(name): [None if pd.isna(value) else value for value in column.tolist()]
        for name, column in frame.items()
    }
