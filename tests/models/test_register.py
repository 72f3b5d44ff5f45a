"""Registering models that somebody else fitted: what is taken, and what is refused and why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import joblib
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from models.errors import RefusedModel
from models.manifest import Manifest
from models.pictures import PicturePixels
from models.register import Registration, register
from models.schema import Column, ImageSchema, TabularSchema
from models.stages import Stage, Stages
from models.store import ARTEFACT, Store
from tests.kinds.functions import Wrapped

Take = Callable[[Any, Path], Manifest]

N = 30


@pytest.fixture
def take(store: Store, tmp_path: Path) -> Take:
    """Dump a model, register it with a sample, and return the manifest."""

    def take(model: Any, sample: Path) -> Manifest:
        file = tmp_path / "my.joblib"
        joblib.dump(model, file)
        return register(Registration(file, sample, "mine"), store, Stages()).manifest

    return take


@pytest.fixture
def csv(tmp_path: Path) -> Callable[[pd.DataFrame], Path]:
    def csv(frame: pd.DataFrame) -> Path:
        path = tmp_path / "rows.csv"
        frame.to_csv(path, index=False)
        return path

    return csv


Csv = Callable[[pd.DataFrame], Path]


def columns(manifest: Manifest) -> dict[str, Column]:
    assert isinstance(manifest.input, TabularSchema)
    return {column.name: column for column in manifest.input.columns}


def test_a_foreign_array_model_with_thirty_columns(take: Take, csv: Csv, store: Store) -> None:
    bunch = load_breast_cancer()
    model = RandomForestClassifier(20, random_state=0, n_jobs=2).fit(bunch.data, bunch.target)
    sample = pd.DataFrame(bunch.data[:50], columns=bunch.feature_names)
    manifest = take(model, csv(sample))
    assert isinstance(manifest.input, TabularSchema)
    assert manifest.input.container == "array"
    assert list(columns(manifest)) == list(bunch.feature_names)
    assert {c.dtype for c in manifest.input.columns} == {"float64"}
    assert "pandas" not in manifest.versions
    assert (manifest.task, manifest.output.classes) == ("classification", (0, 1))
    assert len(manifest.golden.instances) == 16
    golden = np.array(manifest.golden.instances)
    assert list(manifest.golden.predictions) == model.predict(golden).tolist()
    assert np.array_equal(np.array(manifest.golden.probabilities), model.predict_proba(golden))
    assert (manifest.metrics, manifest.training) == ({}, None)
    assert store.check_files("mine", 1) == manifest
    assert joblib.load(store.folder("mine", 1) / ARTEFACT).n_jobs == 2


def test_a_frame_model_picks_its_columns_by_name(take: Take, csv: Csv) -> None:
    frame = load_iris(as_frame=True).frame
    X = frame.drop(columns="target")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, frame["target"])
    shuffled = frame[["target", *reversed(X.columns)]].iloc[::10]
    manifest = take(model, csv(shuffled))
    assert list(columns(manifest)) == list(X.columns)
    assert manifest.golden.instances[0] == X.iloc[0].tolist()
    assert "pandas" in manifest.versions


def test_texts_that_look_like_numbers_stay_texts(take: Take, csv: Csv) -> None:
    X = pd.DataFrame(
        {
            "zip": pd.Series(np.resize(["01234", "99999", "NA"], N), dtype="str"),
            "member": np.resize([True, False], N),
            "age": np.arange(N),
        }
    )
    encoder = make_column_transformer((OneHotEncoder(), ["zip", "member"]), remainder="passthrough")
    model = make_pipeline(encoder, Ridge()).fit(X, np.arange(N) * 1.0)
    found = columns(take(model, csv(X)))
    assert found["zip"].categories == ("01234", "99999", "NA")
    assert (found["zip"].dtype, found["zip"].example) == ("string", "01234")
    assert (found["member"].dtype, found["member"].categories) == ("bool", (False, True))
    assert (found["age"].dtype, found["age"].max) == ("int64", N - 1.0)


@pytest.mark.parametrize("marker", [None, np.nan])
def test_empty_cells_become_the_marker_that_the_encoder_learned(
    take: Take, csv: Csv, marker: float | None
) -> None:
    X = pd.DataFrame({"kind": pd.Series(["a", "b", marker] * 10, dtype=object)})
    model = make_pipeline(OneHotEncoder(), Ridge()).fit(X, np.resize([1.0, 2.0, 5.0], N))
    manifest = take(model, csv(X))
    kind = columns(manifest)["kind"]
    assert (kind.nullable, kind.missing) == (True, "none" if marker is None else "nan")
    by_input = dict(
        zip([row[0] for row in manifest.golden.instances], manifest.golden.predictions, strict=True)
    )
    assert by_input[None] == pytest.approx(model.predict(X)[2], abs=1e-12)


def test_pandas_categories_are_rebuilt_from_a_csv(take: Take, csv: Csv) -> None:
    X = pd.DataFrame({"g": pd.Categorical(np.resize(["x", "y"], N)), "n": np.arange(N) * 1.0})
    model = HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=2).fit(X, np.arange(N))
    found = columns(take(model, csv(X)))
    assert (found["g"].frame_dtype, found["g"].categories) == ("category", ("x", "y"))


def test_parquet_keeps_exact_types(take: Take, tmp_path: Path) -> None:
    X = pd.DataFrame({"a": np.arange(N, dtype="int16"), "b": np.arange(N, dtype="float32")})
    X.to_parquet(tmp_path / "rows.parquet")
    found = columns(take(LinearRegression().fit(X, np.arange(N)), tmp_path / "rows.parquet"))
    assert [c.dtype for c in found.values()] == ["int16", "float32"]


@pytest.mark.parametrize("known", [[1, 2, 300], [True, False], [0.5, 2.0]])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_numbers_that_an_encoder_learned_as_objects_stay_objects(
    take: Take, tmp_path: Path, suffix: str, known: list[Any]
) -> None:
    """No sample file can tell that a column was one of objects; the encoder can."""
    X = pd.DataFrame({"size": pd.Series(known * N, dtype=object)[:N], "n": np.arange(N) * 1.0})
    encoder = make_column_transformer((OrdinalEncoder(), ["size"]), remainder="passthrough")
    model = make_pipeline(encoder, Ridge()).fit(X, np.arange(N) % 7)
    sample = tmp_path / f"rows.{suffix}"
    X.to_csv(sample, index=False) if suffix == "csv" else X.to_parquet(sample)
    manifest = take(model, sample)
    size = columns(manifest)["size"]
    assert (size.frame_dtype, size.categories) == ("object", tuple(sorted(known)))
    golden = pd.DataFrame(manifest.golden.instances, columns=X.columns)
    expected = model.predict(golden.astype({"size": object}))
    assert manifest.golden.predictions == pytest.approx(expected.tolist(), abs=1e-12)


def test_an_encoder_of_float32_knows_its_categories_in_a_csv_file(take: Take, csv: Csv) -> None:
    """Read as float64, 0.1 is none of them, and every row would have an unknown one."""
    sizes = np.resize(np.array([0.1, 0.2, 1e-40], np.float32), N)
    X = pd.DataFrame({"size": sizes, "n": np.arange(N) * 0.1})
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["size"]), remainder="passthrough"
    )
    model = make_pipeline(encode, Ridge()).fit(X, np.arange(N) % 3)
    manifest = take(model, csv(X))
    assert [column.dtype for column in columns(manifest).values()] == ["float32", "float64"]
    golden = pd.DataFrame(manifest.golden.instances, columns=X.columns)
    expected = model.predict(golden.astype({"size": np.float32}))
    assert manifest.golden.predictions == pytest.approx(expected.tolist(), abs=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("named", [True, False])
def test_a_csv_file_is_read_in_the_type_that_the_model_learned(
    take: Take, csv: Csv, dtype: Literal["float32", "float64"], named: bool
) -> None:
    X = pd.DataFrame(np.random.default_rng(5).normal(size=(N, 2)).astype(dtype), columns=["a", "b"])
    y = (X["a"] - X["b"]).to_numpy(np.float32)
    given = X if named else X.to_numpy()
    model = make_pipeline(StandardScaler(), Ridge()).fit(given, y)
    manifest = take(model, csv(X))
    assert [column.dtype for column in columns(manifest).values()] == [dtype, dtype]
    golden = pd.DataFrame(manifest.golden.instances, columns=X.columns).astype(dtype)
    expected = model.predict(golden if named else golden.to_numpy())
    assert manifest.golden.predictions == pytest.approx(expected.tolist(), abs=1e-12)


def test_a_step_that_was_asked_for_float32_does_not_tell_what_it_was_given(
    take: Take, csv: Csv
) -> None:
    X = pd.DataFrame({"a": np.resize([1.0, 2.0, 4.0], N), "b": np.resize([0.5, 8.0], N)})
    model = make_pipeline(OrdinalEncoder(dtype=np.float32), Ridge()).fit(X, np.arange(N) % 5)
    assert {column.dtype for column in columns(take(model, csv(X))).values()} == {"float64"}


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.linspace(-1.0, 1.0, 2 * N, dtype=np.float32), "float32"),
        (np.arange(2 * N) % 3 == 0, "bool"),
        (np.arange(2 * N) + 2**53, "int64"),
        (np.arange(2 * N), "float64"),
        (np.linspace(-1.0, 1.0, 2 * N), "float64"),
    ],
)
def test_an_array_has_the_type_that_the_sample_tells(
    take: Take, tmp_path: Path, values: np.ndarray[Any, Any], dtype: str
) -> None:
    """Whole numbers that float64 holds come from CSV, too, where 1 may stand for 1.0."""
    X = np.random.default_rng(3).permutation(values).reshape(N, 2)
    kind = Ridge if values.dtype.kind == "f" else DecisionTreeRegressor
    model = kind().fit(X, np.sin(np.arange(N)).astype(np.float32))
    pd.DataFrame(X, columns=["a", "b"]).to_parquet(tmp_path / "rows.parquet")
    manifest = take(model, tmp_path / "rows.parquet")
    assert [column.dtype for column in columns(manifest).values()] == [dtype, dtype]
    expected = model.predict(np.array(manifest.golden.instances, dtype)).tolist()
    assert manifest.golden.predictions == pytest.approx(expected, abs=1e-12)


def test_a_model_of_pictures_takes_a_folder(take: Take, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for shade in range(12):
        Image.new("L", (20, 10), shade * 20).save(folder / f"{shade:02}.png")
    (folder / "notes.txt").write_text("not a picture")
    pictures = np.empty(12, dtype=object)
    pictures[:] = [Image.new("L", (8, 8), shade * 20) for shade in range(12)]
    model = make_pipeline(PicturePixels(width=4, height=2), Ridge()).fit(pictures, np.arange(12))
    manifest = take(model, folder)
    assert manifest.input == ImageSchema(mode="L", width=4, height=2)
    assert len(manifest.golden.instances) == 12
    assert "pillow" in manifest.versions


def test_the_second_registration_is_version_two_and_not_served(
    take: Take, csv: Csv, store: Store
) -> None:
    X = pd.DataFrame({"a": np.arange(N) * 1.0})
    model = LinearRegression().fit(X, np.arange(N))
    assert [take(model, csv(X)).version, take(model, csv(X)).version] == [1, 2]
    assert store.aliases("mine") == {"production": 1}


def test_a_large_sample_is_described_whole_and_proved_in_part(
    store: Store, csv: Csv, tmp_path: Path
) -> None:
    X = pd.DataFrame({"a": np.arange(5000) % 7, "b": np.arange(5000) * 1.0})
    joblib.dump(LinearRegression().fit(X, np.arange(5000)), tmp_path / "m.joblib")
    done = register(Registration(tmp_path / "m.joblib", csv(X), "mine"), store, Stages())
    assert done.proof.rows == 1000
    assert columns(done.manifest)["b"].max == 4999.0
    assert len(done.manifest.golden.instances) == 16


def test_stages_are_told(store: Store, csv: Csv, tmp_path: Path) -> None:
    X = pd.DataFrame({"a": np.arange(N) * 1.0})
    joblib.dump(LinearRegression().fit(X, np.arange(N)), tmp_path / "m.joblib")
    seen: list[Stage] = []
    given = Registration(tmp_path / "m.joblib", csv(X), "mine", "Twice the input.")
    done = register(given, store, Stages(finished=seen.append))
    assert [stage.name for stage in seen] == ["input", "sample", "save", "load", "predict"]
    assert done.manifest.description == "Twice the input."
    assert done.proof.largest_difference <= 1e-12


FRAME = pd.DataFrame({"a": np.arange(N) * 1.0, "b": np.arange(N)[::-1] * 1.0})
Y = np.arange(N) * 2.0
ARRAY_MODEL = LinearRegression().fit(FRAME.to_numpy(), Y)
FRAME_MODEL = LinearRegression().fit(FRAME, Y)


class NoPredict:
    """Importable and of no use."""


@pytest.mark.parametrize(
    ("model", "sample", "sentence"),
    [
        (LinearRegression(), FRAME, "LinearRegression in my.joblib is not fitted; call fit"),
        (make_pipeline(StandardScaler(), Ridge()), FRAME, "Pipeline in my.joblib is not fitted"),
        (Wrapped(Ridge()), FRAME, "predict fails on the sample rows: AttributeError: 'Wrapped'"),
        ({"model": FRAME_MODEL}, FRAME, "holds a dict, which has neither predict nor transform"),
        (NoPredict(), FRAME, "NoPredict, which has neither predict nor transform"),
        (ARRAY_MODEL, FRAME.assign(target=Y), "has 3 columns and the model was fitted on an array"),
        (ARRAY_MODEL, FRAME[["a"]], "has 1 columns and the model was fitted on an array of 2"),
        (FRAME_MODEL, FRAME[["a"]], "no column 'b'; the model was fitted on a, b"),
        (FRAME_MODEL, FRAME.iloc[:0], "has no rows"),
        (ARRAY_MODEL, FRAME.set_axis(["1.5", "-2"], axis=1), "begins with numbers"),
        (FRAME_MODEL, FRAME.assign(a="text"), "predict fails on the sample rows: ValueError"),
        (FRAME_MODEL, FRAME.assign(a=np.inf), "column 'a': infinity|predict fails"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals_say_what_to_change(
    take: Take, csv: Csv, store: Store, model: Any, sample: pd.DataFrame, sentence: str
) -> None:
    with pytest.raises(RefusedModel, match=sentence):
        take(model, csv(sample))
    assert store.names() == []


def test_columns_numbered_by_pandas_are_those_of_an_array(take: Take, csv: Csv) -> None:
    """`pd.DataFrame(X).to_csv("rows.csv", index=False)` is what owners of arrays write."""
    numbered = FRAME.set_axis(["0", "1"], axis=1)
    assert list(columns(take(ARRAY_MODEL, csv(numbered)))) == ["0", "1"]


def test_answers_without_end_are_refused(take: Take, csv: Csv) -> None:
    model = LinearRegression().fit(FRAME, Y)
    model.intercept_ = np.inf
    with pytest.raises(RefusedModel, match="NaN or infinity"):
        take(model, csv(FRAME + 1))


def test_files_that_are_not_there_are_refused(store: Store, csv: Csv, tmp_path: Path) -> None:
    with pytest.raises(RefusedModel, match="there is no file"):
        register(Registration(tmp_path / "none.joblib", csv(FRAME), "m"), store, Stages())
    joblib.dump(FRAME_MODEL, tmp_path / "m.joblib")
    nowhere = tmp_path / "none.csv"
    with pytest.raises(RefusedModel, match=r"none\.csv cannot be read"):
        register(Registration(tmp_path / "m.joblib", nowhere, "m"), store, Stages())


@pytest.mark.parametrize("content", [b"", b'a,b\n1,2,3\n4\n"', b"a,b\n\xff\xfe,1\n"])
def test_a_sample_that_is_no_csv_is_refused(take: Take, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(RefusedModel, match=r"rows\.csv cannot be read as CSV"):
        take(FRAME_MODEL, path)
