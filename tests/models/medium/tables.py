"""Tables on disk, made fast, and specifications that read them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from models.spec import Specification

TOWNS = np.array([f"town{number:02d}" for number in range(30)])
WORDS = np.array(["red", "green", "blue", "large", "small", "new", "old"])


def write_table(path: Path, rows: int, seed: int = 0) -> None:
    """Write rows as CSV, piece by piece: numbers, categories, a date, and two targets."""
    rng = np.random.default_rng(seed)
    with path.open("wb") as file:
        for begin in range(0, rows, 500_000):
            table = _piece(rng, min(500_000, rows - begin))
            arrow_csv.write_csv(table, file, arrow_csv.WriteOptions(include_header=begin == 0))


def _piece(rng: np.random.Generator, rows: int) -> pa.Table:
    a, b, c = rng.normal(0, 1, rows), rng.normal(50, 9, rows), rng.lognormal(0, 1, rows)
    town = rng.integers(0, len(TOWNS), rows)
    size = rng.integers(1, 9, rows)
    level = 2 * a - 0.1 * b + 0.3 * np.log1p(c) + np.sin(town) + 0.2 * size
    grade = level + rng.normal(0, 0.5, rows)
    day = np.datetime64("2024-01-01") + rng.integers(0, 700, rows).astype("m8[D]")
    return pa.table(
        {
            "a": a,
            "b": pa.array(b, mask=rng.random(rows) < 0.05),
            "c": c,
            "size": size,
            "town": TOWNS[town],
            "day": np.datetime_as_string(day),
            "note": np.char.add(
                np.char.add(WORDS[rng.integers(0, 7, rows)], " "), WORDS[rng.integers(0, 7, rows)]
            ),
            "grade": grade,
            "label": np.where(grade > -3.0, "high", np.where(grade > -5.0, "mid", "low")),
        }
    )


def specification(estimator: str, target: str = "grade", **parts: Any) -> Specification:
    """Return a specification of `table.csv`; parts are merged into it."""
    fit = {"estimator": {"name": estimator, "parameters": parts.pop("parameters", {})}}
    spec: dict[str, Any] = {
        "model": {
            "name": "table",
            "task": "regression" if target == "grade" else "classification",
            "engine": "batches",
            "seed": 7,
        },
        "source": {"kind": "csv", "path": "table.csv"},
        "columns": {
            "a": {"type": "number"},
            "b": {"type": "number", "nullable": True},
            "c": {"type": "number", "min": 0},
            "size": {"type": "integer"},
            "town": {"type": "text"},
            "day": {"type": "date"},
            "note": {"type": "text"},
            target: {"type": "number" if target == "grade" else "text"},
        },
        "target": {"column": target},
        "features": [
            {"kind": "numeric", "columns": ["a", "b", "size"]},
            {"kind": "numeric", "columns": ["c"], "log": True},
            {"kind": "onehot", "columns": ["town"]},
            {"kind": "date", "columns": ["day"], "parts": ["month", "weekday"]},
        ],
        "fit": fit | parts.pop("fit", {}),
    }
    return Specification.model_validate(spec | parts)
