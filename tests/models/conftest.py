"""Stores with trained presets, made once a session, and a table of mixed columns."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.manifest import FileEntry, GoldenRows, Manifest
from models.presets import PRESETS
from models.release import Release
from models.schema import Column, OutputSchema, TabularSchema
from models.stages import Stage, Stages
from models.store import ARTEFACT, Store
from models.train import train
from tests.models.deriving import ROWS


@pytest.fixture(scope="session")
def stages_seen() -> dict[str, list[Stage]]:
    return {}


@pytest.fixture(scope="session")
def presets_store(
    tmp_path_factory: pytest.TempPathFactory, stages_seen: dict[str, list[Stage]]
) -> Store:
    """Return a store with version 1 of every preset. Read only."""
    store = Store(tmp_path_factory.mktemp("presets") / "store")
    for name, preset in PRESETS.items():
        seen: list[Stage] = []
        done = train(preset, store, 0, Stages(finished=seen.append))
        assert isinstance(done, Release)
        stages_seen[name] = seen
    return store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def publish(store: Store) -> Callable[..., Manifest]:
    """Publish bytes as an artefact: the store does not look into it."""

    def publish(name: str = "m", content: bytes = b"fitted") -> Manifest:
        def write(folder: Path) -> None:
            (folder / ARTEFACT).write_bytes(content)

        return store.publish(name, write, describe_as(name))

    return publish


def describe_as(name: str) -> Callable[[int, dict[str, FileEntry]], Manifest]:
    def describe(version: int, files: dict[str, FileEntry]) -> Manifest:
        return Manifest(
            name=name,
            version=version,
            task="regression",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            files=files,
            versions={"python": "3.11.7"},
            input=TabularSchema(
                container="array",
                columns=(Column(name="x", dtype="float64", frame_dtype="float64", example=1.0),),
            ),
            output=OutputSchema(kind="values", dtype="float64"),
            golden=GoldenRows(instances=([1.0],), predictions=(2.0,)),
        )

    return describe


@pytest.fixture
def frame() -> pd.DataFrame:
    """Mixed columns: `hole` and `kind_none` have missing values, the others have none."""
    rng = np.random.default_rng(3)
    kinds = pd.Series(np.resize(["b", "a", "c"], ROWS), dtype="str")
    with_none = kinds.astype(object)
    with_none[::5] = None
    with_nan = kinds.astype(object)
    with_nan[::5] = np.nan
    hole = rng.normal(size=ROWS)
    hole[::7] = np.nan
    return pd.DataFrame(
        {
            "number": rng.normal(size=ROWS),
            "hole": hole,
            "count": rng.integers(0, 9, ROWS),
            "small": rng.integers(0, 9, ROWS).astype("int8"),
            "single": rng.normal(size=ROWS).astype("float32"),
            "kind": kinds,
            "kind_none": with_none,
            "kind_nan": with_nan,
            "size": pd.Series(np.resize(["low", "high", "mid"], ROWS), dtype="str"),
            "flag": np.resize([True, False, False], ROWS),
            "group": pd.Categorical(np.resize(["x", "y"], ROWS), categories=["y", "x", "never"]),
        }
    )


@pytest.fixture
def y() -> "np.ndarray[Any, Any]":
    return np.random.default_rng(4).normal(size=ROWS)
