"""Specifications of small tables, and places to read them from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.places import Places
from models.spec import Specification

Specify = Callable[..., Specification]


def specify(source: dict[str, Any], columns: dict[str, dict[str, Any]]) -> Specification:
    """Return a specification whose target is the last column."""
    *features, target = columns
    return Specification.model_validate(
        {
            "model": {"name": "m", "task": "regression"},
            "source": source,
            "columns": columns,
            "target": {"column": target},
            "features": [{"kind": "numeric", "columns": features or [target]}],
            "fit": {"estimator": {"name": "Ridge"}},
        }
    )


@pytest.fixture(name="specify")
def _specify() -> Specify:
    return specify


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "data").mkdir()
    return Places(tmp_path / "data", tmp_path / "work")


@pytest.fixture
def csv_spec() -> Callable[..., Specification]:
    """Return a maker of specifications of rows.csv with the columns id, word and y."""

    def make(word: dict[str, Any] | None = None, **source: Any) -> Specification:
        return specify(
            {"kind": "csv", "path": "rows.csv", "max_rejected_share": 0.99, **source},
            {
                "id": {"type": "integer"},
                "word": {"type": "text", **(word or {})},
                "y": {"type": "number"},
            },
        )

    return make
