"""Manifests of small invented models, as the service reads them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from models.manifest import GoldenRows, Manifest
from models.schema import Column, ImageSchema, OutputSchema, TabularSchema

CLASSES = OutputSchema(kind="classes", dtype="int64", classes=(0, 1, 2), probabilities=True)
VALUES = OutputSchema(kind="values", dtype="float64")

MIXED = TabularSchema(
    container="frame",
    columns=(
        Column(name="age", dtype="int64", frame_dtype="int64", min=15, max=22, example=17),
        Column(name="study hours", dtype="float64", frame_dtype="float64", nullable=True),
        Column(name="school", dtype="string", frame_dtype="str", categories=("GP", "MS")),
        Column(name="internet", dtype="bool", frame_dtype="bool"),
        Column(name="note", dtype="string", frame_dtype="object", nullable=True, missing="none"),
    ),
)
FLOATS = TabularSchema(
    container="array",
    columns=tuple(Column(name=f"x{i}", dtype="float64", frame_dtype="float64") for i in range(3)),
)

MakeManifest = Callable[..., Manifest]


def make(
    schema: TabularSchema | ImageSchema = FLOATS,
    output: OutputSchema = CLASSES,
    golden: GoldenRows | None = None,
) -> Manifest:
    """Return the manifest of an invented model."""
    row = [17, 2.5, "GP", True, "a"] if schema is MIXED else [1.0, 2.0, 3.0]
    return Manifest(
        name="toy",
        version=3,
        task="classification",
        created_at=datetime(2026, 11, 20, tzinfo=UTC),
        files={},
        versions={},
        input=schema,
        output=output,
        golden=golden or GoldenRows(instances=(row,), predictions=(0,)),
    )


@pytest.fixture
def make_manifest() -> MakeManifest:
    return make
