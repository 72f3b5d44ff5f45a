"""Every rule's pipeline can be released and takes what a request may hold."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from models.errors import BadData
from models.release import Candidate, examine, release
from models.rows import to_rows
from models.schema import Cell, ImageSchema, TabularSchema
from models.spec import Specification
from models.stages import Stages
from models.store import Store
from models.transform import model_rows, pipeline
from tests.models.transform.conftest import ROWS, specification

Array = np.ndarray[Any, Any]
OWN = "tests.models.transform.own_functions"
EVERY: tuple[dict[str, Any], ...] = (
    {"kind": "numeric", "columns": ["age", "income"], "indicator": True, "log": True},
    {"kind": "onehot", "columns": ["city"], "min_frequency": 2},
    {"kind": "ordinal", "columns": ["size"], "order": [["low", "mid", "high"]]},
    {"kind": "boolean", "columns": ["member", "paid"]},
    {"kind": "date", "columns": ["since"], "parts": ["days", "month"]},
    {"kind": "text", "columns": ["note"]},
)


def candidate(spec: Specification, estimator: Any, frame: pd.DataFrame, y: Array) -> Candidate:
    X = frame[spec.feature_columns()]
    fitted = pipeline(spec, estimator).fit(X.iloc[:90], y[:90])
    return Candidate(model=fitted, known=X.iloc[:90], held_out=X.iloc[90:])


def test_a_pipeline_of_every_rule_is_released_with_its_schema(
    frame: pd.DataFrame, numbers: Array, store: Store
) -> None:
    done = release(store, "m", candidate(specification(*EVERY), Ridge(), frame, numbers), Stages())
    assert done.proof.rows == ROWS - 90
    schema = done.manifest.input
    assert isinstance(schema, TabularSchema)
    known = {column.name: column for column in schema.columns}
    assert {name: column.categories for name, column in known.items() if column.categories} == {
        "city": ("Bonn", "Kiel", "Ulm"),
        "size": ("low", "mid", "high"),
    }
    assert known["size"].ordered
    assert {name for name, column in known.items() if column.nullable} >= {
        "income", "city", "member", "since", "note",
    }  # fmt: skip
    assert known["city"].policy.unknown == "flag"
    assert known["size"].policy.unknown == "flag"


def test_a_request_with_everything_strange_or_missing_is_answered(
    frame: pd.DataFrame, numbers: Array
) -> None:
    made = candidate(specification(*EVERY), Ridge(), frame, numbers)
    schema = examine(made).input
    assert isinstance(schema, TabularSchema)
    order = ["age", "income", "city", "size", "member", "paid", "since", "note"]
    assert [column.name for column in schema.columns] == order
    strange: list[Cell] = [-5, None, "Rom", "huge", None, True, "yesterday", None]
    assert np.isfinite(made.model.predict(to_rows(schema, [strange]))).all()


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_response_coding_is_served(frame: pd.DataFrame, numbers: Array, task: str) -> None:
    classes = np.array(["a", "b", "c"])[np.digitize(numbers, [4.0, 6.0])]
    spec = specification({"kind": "response", "columns": ["city", "size"]}, task=task)
    estimator = Ridge() if task == "regression" else LogisticRegression()
    y = numbers if task == "regression" else classes
    schema = examine(candidate(spec, estimator, frame, y)).input
    assert isinstance(schema, TabularSchema)
    assert schema.columns[0].categories == ("Bonn", "Kiel", "Ulm")
    assert [column.policy.unknown for column in schema.columns] == ["flag", "flag"]
    assert [column.nullable for column in schema.columns] == [True, False]


def test_a_function_is_served(frame: pd.DataFrame, numbers: Array, store: Store) -> None:
    rule = {"kind": "function", "columns": ["income", "age"], "call": f"{OWN}:ratio"}
    made = candidate(specification(rule), Ridge(), frame, numbers)
    assert release(store, "m", made, Stages()).proof.largest_difference <= 1e-12


def test_an_estimator_that_takes_no_sparse_rows_gets_dense_ones(
    frame: pd.DataFrame, numbers: Array
) -> None:
    rows = frame.assign(note=[f"word{i} other{i} third{i}" for i in range(ROWS)])
    words = specification({"kind": "text", "columns": ["note"]})
    sparse = pipeline(words, Ridge()).fit(rows[["note"]], numbers)
    assert sparse["features"].sparse_output_
    dense = pipeline(words, HistGradientBoostingRegressor()).fit(rows[["note"]], numbers)
    assert not dense["features"].sparse_output_


def test_holes_left_to_the_estimator_are_served(frame: pd.DataFrame, numbers: Array) -> None:
    rule = {"kind": "numeric", "columns": ["income"], "impute": "none", "scale": "none"}
    made = candidate(specification(rule), HistGradientBoostingRegressor(), frame, numbers)
    schema = examine(made).input
    assert isinstance(schema, TabularSchema)
    assert schema.columns[0].nullable


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Specification, pd.DataFrame]:
    """Thirty dark and thirty light pictures as files, and their specification."""
    rng = np.random.default_rng(2)
    (tmp_path / "shots").mkdir()
    names = [f"shots/{i}.{'png' if i % 3 else 'jpg'}" for i in range(60)]
    for i, name in enumerate(names):
        pixels = rng.integers(0, 100, (6, 5, 3)) + (120 if i % 2 else 0)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / name)
    rule = {"kind": "picture", "columns": ["shot"], "mode": "RGB", "width": 3, "height": 2}
    spec = specification(rule, task="classification", shot={"type": "picture"})
    return spec, pd.DataFrame({"shot": pd.Series(names, dtype="str")})


def test_pictures_are_read_fitted_and_served(
    pictures: tuple[Specification, pd.DataFrame], tmp_path: Path, store: Store
) -> None:
    spec, frame = pictures
    X = model_rows(spec, frame, tmp_path)
    assert isinstance(X, np.ndarray)
    y = np.resize(["dark", "light"], len(X))
    fitted = pipeline(spec, RandomForestClassifier(5, random_state=0)).fit(X[:40], y[:40])
    assert (fitted.predict(X[40:]) == y[40:]).all()
    names = list(fitted["features"].get_feature_names_out())
    assert (len(names), names[0], names[-1]) == (3 * 2 * 3, "pixel_0_0_R", "pixel_1_2_B")
    done = release(store, "m", Candidate(fitted, known=X[:40], held_out=X[40:]), Stages())
    assert done.manifest.input == ImageSchema(mode="RGB", width=3, height=2)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../outside.png", "lies outside of the data root"),
        ("shots/none.png", "cannot be read: No such file"),
        ("shots/text.png", "no PNG or JPEG"),
        ("shots/cut.png", "no PNG or JPEG"),
    ],
)
def test_pictures_that_cannot_be_had(
    pictures: tuple[Specification, pd.DataFrame], tmp_path: Path, name: str, words: str
) -> None:
    spec, _ = pictures
    (tmp_path / "shots" / "text.png").write_text("no picture")
    (tmp_path / "shots" / "cut.png").write_bytes((tmp_path / "shots" / "1.png").read_bytes()[:60])
    with pytest.raises(BadData, match=words):
        model_rows(spec, pd.DataFrame({"shot": [name]}), tmp_path)
