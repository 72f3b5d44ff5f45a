"""Specifications and known rows for the tests of fits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris

from models.fit.table import Table
from models.places import Places
from models.presets.students import generate
from models.spec import Specification

LOADERS: dict[str, Callable[..., Any]] = {
    "iris": load_iris,
    "breast_cancer": load_breast_cancer,
    "diabetes": load_diabetes,
    "digits": load_digits,
}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "data", tmp_path / "work")


def table_of(name: str, rows: int | None = None) -> Table:
    """Return a table of scikit-learn's; classes as texts."""
    bunch = LOADERS[name](as_frame=True)
    frame = bunch.data.rename(columns=lambda column: column.replace(" ", "_"))
    y = np.asarray(bunch.target)
    if name != "diabetes":
        # As a column of texts comes out of pandas.
        y = np.array([str(one) for one in bunch.target_names], dtype=object)[y]
    chosen = np.random.default_rng(0).permutation(len(y))[:rows]
    return Table(frame.iloc[chosen].reset_index(drop=True), y[chosen])


def spec_of(table: Table, task: str, fit: dict[str, Any], **parts: Any) -> Specification:
    """Return a specification that takes every column as a number."""
    assert isinstance(table.X, pd.DataFrame)
    columns = list(table.X.columns)
    return Specification.model_validate(
        {
            "model": {"name": "m", "task": task, "seed": 3},
            "source": {"kind": "csv", "path": "m.csv"},
            "columns": {name: {"type": "number"} for name in columns} | {"y": {"type": "text"}},
            "target": {"column": "y"},
            "features": [{"kind": "numeric", "columns": columns}],
            "fit": fit,
        }
        | parts
    )


def students(rows: int = 600) -> tuple[Specification, Table]:
    """Return mixed columns with holes, and a specification that uses them all."""
    X, y = generate(rows, 1)
    numbers = ["age", "study_hours", "absences", "previous_grade"]
    texts = ["school", "guardian", "mother_education"]
    columns: dict[str, Any] = {name: {"type": "number", "nullable": True} for name in numbers}
    columns |= {name: {"type": "text", "nullable": True} for name in texts}
    columns |= {"internet": {"type": "boolean"}, "grade": {"type": "number"}}
    spec = Specification.model_validate(
        {
            "model": {"name": "students", "task": "regression", "seed": 5},
            "source": {"kind": "csv", "path": "students.csv"},
            "columns": columns,
            "target": {"column": "grade"},
            "features": [
                {"kind": "numeric", "columns": numbers, "indicator": True},
                {"kind": "onehot", "columns": ["school", "mother_education"]},
                {"kind": "response", "columns": ["guardian"]},
                {"kind": "boolean", "columns": ["internet"]},
            ],
            "fit": {
                "estimator": {"name": "Ridge"},
                "runs": 6,
                "jobs": 1,
                "search": {"alpha": {"low": 0.01, "high": 100, "log": True}},
            },
        }
    )
    return spec, Table(X, y)


def with_fit(spec: Specification, **changes: Any) -> Specification:
    """Return the specification with another [fit]."""
    return spec.model_copy(update={"fit": spec.fit.model_copy(update=changes)})
