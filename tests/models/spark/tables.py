"""A made-up table of mixed types, and specifications over it."""

from typing import Any

import numpy as np
import pandas as pd

from models.spec import Specification


def people(rows: int, seed: int = 0) -> pd.DataFrame:
    """Return a table of mixed types with holes."""
    rng = np.random.default_rng(seed)
    town = rng.choice(["Ulm", "Köln", "Bonn", "Graz", "Bern"], rows)
    age = rng.integers(18, 90, rows).astype(float)
    income = np.round(rng.lognormal(7, 0.6, rows), 2)
    member = rng.random(rows) < 0.4
    since = pd.Timestamp("2001-03-05") + pd.to_timedelta(rng.integers(0, 8000, rows), unit="D")
    grade = rng.choice(["low", "mid", "high"], rows)
    signal = 0.03 * (age - 50) + 0.4 * member + np.where(town == "Ulm", 0.7, -0.2)
    spent = 100 + 40 * signal + 0.01 * income + rng.normal(0, 5, rows)
    noisy = signal + rng.normal(0, 0.5, rows)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(rows) < 0.1, np.nan, age),
            "income": income,
            "town": pd.Series(town).where(rng.random(rows) >= 0.05),
            "member": member,
            "since": since.strftime("%Y-%m-%d"),
            "grade": grade,
            "spent": spent,
            "churn": np.where(noisy > 0.2, "yes", "no"),
            "tier": np.digitize(noisy, [-0.4, 0.6]) + 1,
        }
    )


COLUMNS: dict[str, dict[str, Any]] = {
    "age": {"type": "number", "nullable": True, "min": 0},
    "income": {"type": "number"},
    "town": {"type": "text", "nullable": True},
    "member": {"type": "boolean"},
    "since": {"type": "date"},
    "grade": {"type": "text", "values": ["low", "mid", "high"]},
    "spent": {"type": "number"},
    "churn": {"type": "text"},
    "tier": {"type": "integer"},
}

FEATURES: list[dict[str, Any]] = [
    {"kind": "numeric", "columns": ["age"], "indicator": True},
    {"kind": "numeric", "columns": ["income"], "log": True, "scale": "minmax"},
    {"kind": "onehot", "columns": ["town"]},
    {"kind": "boolean", "columns": ["member"]},
    {"kind": "date", "columns": ["since"], "parts": ["year", "month", "weekday"]},
    {"kind": "ordinal", "columns": ["grade"], "order": [["low", "mid", "high"]]},
]


def specified(
    target: str,
    estimator: dict[str, Any],
    features: list[dict[str, Any]] | None = None,
    **more: Any,
) -> Specification:
    """Return a specification over `people`, read from people.parquet."""
    regression = target == "spent"
    fit = {"estimator": estimator, **more.pop("fit", {})}
    return Specification.model_validate(
        {
            "model": {
                "name": "people",
                "task": "regression" if regression else "classification",
                "engine": "spark",
            },
            "source": more.pop("source", {"kind": "parquet", "path": "people.parquet"}),
            "columns": more.pop("columns", COLUMNS),
            "target": {"column": target},
            "features": features or FEATURES,
            "fit": fit,
            **more,
        }
    )
