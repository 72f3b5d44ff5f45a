"""Manifests survive their own text, to the last bit of every number."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.manifest import FileEntry, GoldenRows, Manifest
from models.schema import Column, OutputSchema, TabularSchema
from models.store import Store

finite = st.floats(allow_nan=False, allow_infinity=False)
cells = st.one_of(finite, st.integers(-(2**63), 2**64 - 1), st.text(), st.booleans(), st.none())


def manifest(golden: GoldenRows) -> Manifest:
    return Manifest(
        name="m",
        version=1,
        task="regression",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        files={"model.joblib": FileEntry(sha256="0" * 64, size_bytes=1)},
        versions={},
        input=TabularSchema(
            container="array",
            columns=(Column(name="x", dtype="float64", frame_dtype="float64"),),
        ),
        output=OutputSchema(kind="values", dtype="float64"),
        golden=golden,
    )


@given(st.lists(st.lists(cells, min_size=1), max_size=4), st.lists(finite, max_size=4))
def test_golden_rows_round_trip_exactly(
    instances: list[list[object]], numbers: list[float]
) -> None:
    stored = manifest(GoldenRows(instances=tuple(instances), predictions=tuple(numbers)))
    read = Manifest.from_json(stored.to_json())
    assert read == stored
    # Equality takes 1 for True and 0.0 for -0.0; the spelling does not.
    assert repr(read.golden) == repr(stored.golden)


@pytest.mark.parametrize("name", ["iris", "breast_cancer", "digits", "diabetes", "students"])
def test_a_published_manifest_round_trips(presets_store: Store, name: str) -> None:
    stored = presets_store.manifest(name, 1)
    assert Manifest.from_json(stored.to_json()) == stored


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"name": "No Key"},
        {"version": 0},
        {"unheard_of": 1},
        {"created_at": "2026-01-01T00:00:00"},
        {"files": {"model.joblib": {"sha256": "short", "size_bytes": 1}}},
    ],
)
def test_what_is_no_manifest_is_refused(change: dict[str, object]) -> None:
    good = json.loads(manifest(GoldenRows(instances=(), predictions=())).to_json())
    Manifest.from_json(json.dumps(good))
    with pytest.raises(ValidationError):
        Manifest.from_json(json.dumps(good | change))
