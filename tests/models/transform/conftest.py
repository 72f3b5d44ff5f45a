"""Specifications and rows for the tests of features."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.spec import Specification

ROWS = 120

COLUMNS: dict[str, dict[str, Any]] = {
    "age": {"type": "integer"},
    "income": {"type": "number", "nullable": True},
    "city": {"type": "text", "nullable": True},
    "size": {"type": "text"},
    "member": {"type": "boolean", "nullable": True},
    "paid": {"type": "boolean"},
    "since": {"type": "date", "nullable": True},
    "note": {"type": "text", "nullable": True},
    "y": {"type": "number"},
}


@pytest.fixture
def frame() -> pd.DataFrame:
    """Every type of column, as extraction gives it, with holes where the contract allows them."""
    rng = np.random.default_rng(5)
    income = rng.gamma(2.0, 900.0, ROWS)
    member = rng.choice(np.array([True, False, None], dtype=object), ROWS, p=[0.5, 0.4, 0.1])
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1500, ROWS), unit="D")
    words = rng.choice(["late", "friendly", "broken", "again", "thanks"], (ROWS, 3))
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, ROWS),
            "income": np.where(rng.random(ROWS) < 0.1, np.nan, income),
            "city": pd.Series(rng.choice(["Ulm", "Bonn", "Kiel"], ROWS), dtype="str"),
            "size": pd.Series(rng.choice(["low", "mid", "high"], ROWS), dtype="str"),
            "member": pd.Series(member, dtype=object),
            "paid": rng.random(ROWS) < 0.5,
            "since": pd.Series(days.strftime("%Y-%m-%d"), dtype="str"),
            "note": pd.Series([" ".join(row) for row in words], dtype="str"),
        }
    )
    for name in ("city", "since", "note"):
        frame[name] = frame[name].mask(rng.random(ROWS) < 0.08)
    return frame


@pytest.fixture
def numbers(frame: pd.DataFrame) -> "np.ndarray[Any, Any]":
    """A target of numbers that depends on the columns."""
    noise = np.random.default_rng(6).normal(size=len(frame))
    return np.asarray(frame["age"] / 10 + (frame["city"] == "Ulm") * 2.0 + noise, dtype=np.float64)


def specification(
    *rules: dict[str, Any], task: str = "regression", **columns: Any
) -> Specification:
    """Return a specification with these rules, and further columns."""
    return Specification.model_validate(
        {
            "model": {"name": "m", "task": task},
            "source": {"kind": "csv", "path": "m.csv"},
            "columns": COLUMNS | columns,
            "target": {"column": "y"},
            "features": list(rules),
            "fit": {"estimator": {"name": "Ridge"}},
        }
    )
