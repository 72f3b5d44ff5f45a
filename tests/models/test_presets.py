"""Presets: what they reach on held-out rows, and what training tells and stores."""

import base64
import math

import numpy as np
import pandas as pd
import pytest

from models.fingerprint import fingerprint
from models.presets import PRESETS
from models.presets.digits import load as load_digit_pictures
from models.presets.students import generate
from models.rows import take
from models.schema import ImageSchema, TabularSchema
from models.stages import Stage, Stages
from models.store import Store
from models.train import train


@pytest.mark.parametrize(
    ("name", "metric", "least"),
    [
        ("iris", "accuracy", 0.93),
        ("breast_cancer", "accuracy", 0.94),
        ("digits", "accuracy", 0.96),
        ("diabetes", "r2", 0.3),
        ("students", "r2", 0.8),
    ],
)
def test_held_out_scores(presets_store: Store, name: str, metric: str, least: float) -> None:
    metrics = presets_store.manifest(name, 1).metrics
    assert metrics[metric] > least
    assert all(math.isfinite(value) for value in metrics.values())


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_stage_is_told_with_shape_sample_and_time(
    presets_store: Store, stages_seen: dict[str, list[Stage]], name: str
) -> None:
    assert presets_store.versions(name) == [1]
    seen = stages_seen[name]
    assert [stage.name for stage in seen] == [
        "input",
        "split",
        "fit",
        "score",
        "save",
        "load",
        "predict",
    ]
    assert all(stage.shape and stage.sample and stage.seconds >= 0 for stage in seen)


@pytest.mark.parametrize("name", list(PRESETS))
def test_the_manifest_says_what_the_model_needs_and_where_it_is_from(
    presets_store: Store, name: str
) -> None:
    manifest = presets_store.check_files(name, 1)
    needed = {"python", "scikit-learn", "numpy", "scipy", "joblib"}
    needed.add("pillow" if isinstance(manifest.input, ImageSchema) else "pandas")
    assert needed <= manifest.versions.keys()
    assert manifest.training is not None
    assert manifest.training.synthetic is (name == "students")
    assert ("synthetic" in manifest.description.lower()) is (name == "students")
    held_out = manifest.training.held_out_rows
    assert held_out == pytest.approx((manifest.training.rows + held_out) / 4, abs=1)
    assert 16 <= len(manifest.golden.instances) <= 16 + 30
    assert len(manifest.golden.predictions) == len(manifest.golden.instances)


def test_golden_rows_have_each_nullable_column_missing_once(presets_store: Store) -> None:
    manifest = presets_store.manifest("students", 1)
    assert isinstance(manifest.input, TabularSchema)
    for position, column in enumerate(manifest.input.columns):
        missing = any(row[position] is None for row in manifest.golden.instances)
        assert missing is column.nullable, column.name


def test_golden_pictures_are_png(presets_store: Store) -> None:
    for instance in presets_store.manifest("digits", 1).golden.instances:
        assert base64.b64decode(instance["b64"]).startswith(b"\x89PNG")


def test_equal_seeds_train_equal_models(presets_store: Store, store: Store) -> None:
    again = train(PRESETS["students"], store, 0, Stages()).manifest
    first = presets_store.manifest("students", 1)
    assert (again.files, again.golden, again.training) == (
        first.files,
        first.golden,
        first.training,
    )
    other = train(PRESETS["students"], store, 1, Stages()).manifest
    assert other.training is not None
    assert first.training is not None
    assert other.training.fingerprint != first.training.fingerprint


def test_students_are_generated_as_documented() -> None:
    X, y = generate(5000, 1)
    assert X.isna().mean().round(2).to_dict() == pytest.approx(
        {
            "age": 0,
            "study_hours": 0.1,
            "absences": 1 / 12,
            "previous_grade": 0,
            "school": 0,
            "guardian": 0.05,
            "mother_education": 0,
            "internet": 0,
        },
        abs=0.015,
    )
    assert y.min() >= 0
    assert y.max() <= 20
    assert set(X["age"]) == {15, 16, 17, 18, 19}
    again, _ = generate(5000, 1)
    pd.testing.assert_frame_equal(X, again)
    assert not generate(5000, 2)[0].equals(X)


def test_a_fingerprint_changes_with_every_value_name_and_order() -> None:
    X = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    y = np.array([0, 1])
    first = fingerprint(X, y)
    assert fingerprint(X.copy(), y.copy()) == first
    others = [
        fingerprint(X.assign(a=[1.0, 2.0000000000000004]), y),
        fingerprint(X.rename(columns={"a": "c"}), y),
        fingerprint(X[["b", "a"]], y),
        fingerprint(X.iloc[::-1], y),
        fingerprint(X.astype({"a": "float32"}), y),
        fingerprint(X, y[::-1]),
    ]
    assert len({first, *others}) == 7


def test_a_fingerprint_of_pictures_hashes_the_pixels() -> None:
    data = load_digit_pictures(0)
    few = take(data.X, range(5))
    assert fingerprint(few, data.y[:5]) != fingerprint(take(data.X, [1, 0, 2, 3, 4]), data.y[:5])
