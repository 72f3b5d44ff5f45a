"""The reference process: right answers from joblib and scikit-learn alone."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from loadtest.artefact import Artefact, read_artefact
from loadtest.errors import ArtefactError, OracleError
from loadtest.oracle import right_answers
from tests.loadtest.shelf import column, put, put_regression

OURS = {"service", "models", "loadtest"}


def test_each_batch_is_answered_in_one_call_as_in_a_notebook(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    model = LogisticRegression().fit(X, (X.sum(axis=1) > 0).astype(int) + 5)
    artefact = put(tmp_path, model, "array", [column("a"), column("b")])
    batches = [X[:1].tolist(), X[1:40].tolist(), X[:1].tolist()]
    said = right_answers(artefact, batches, probabilities=True)
    for batch, answer in zip(batches, said.answers, strict=True):
        assert answer.predictions == model.predict(np.array(batch)).tolist()
        assert answer.probabilities == model.predict_proba(np.array(batch)).tolist()
        assert answer.classes == [5, 6]
    assert said.answers[0] == said.answers[2]


def test_the_reference_imports_nothing_of_ours(tmp_path: Path) -> None:
    artefact = put_regression(tmp_path)
    said = right_answers(artefact, [[[1.0, 2.0]]], probabilities=False)
    assert {"joblib", "sklearn"} <= set(said.modules)
    assert not OURS & set(said.modules)
    assert said.answers[0].probabilities is None


def test_a_frame_has_the_names_dtypes_and_missing_markers_of_training(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "size": pd.Series([1.0, np.nan, 3.0, 4.0]),
            "colour": pd.Series(["red", None, "blue", "red"], dtype=object),
        }
    )
    model = make_pipeline(
        make_column_transformer((SimpleImputer(), ["size"]), (OneHotEncoder(), ["colour"])),
        LogisticRegression(),
    ).fit(frame, ["x", "y", "y", "x"])
    colour = column("colour", "string", missing="none") | {"frame_dtype": "object"}
    artefact = put(tmp_path, model, "frame", [column("size"), colour])
    rows = [[1.0, "red"], [None, None], [3.0, "blue"], [4.0, "red"]]
    said = right_answers(artefact, [rows], probabilities=True)
    # An encoder that learned None has no column for NaN: the marker decides the probabilities.
    assert said.answers[0].probabilities == model.predict_proba(frame).tolist()
    assert said.answers[0].predictions == model.predict(frame).tolist()


def test_a_pipeline_that_only_transforms_answers_the_transformed_rows(tmp_path: Path) -> None:
    X = np.random.default_rng(1).normal(size=(30, 3))
    model = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    columns = [column("a"), column("b"), column("c")]
    artefact = put(tmp_path, model, "array", columns, {"instances": X[:5].tolist()})
    said = right_answers(artefact, [X[:4].tolist()], probabilities=False)
    assert said.answers[0].predictions == model.transform(X[:4]).tolist()


def test_a_model_of_bare_texts_gets_a_list_of_them(tmp_path: Path) -> None:
    texts = ["good day", "bad luck", "good luck", "bad day"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0])
    golden = {"instances": [[text] for text in texts]}
    artefact = put(tmp_path, model, "texts", [column("text", "string")], golden)
    said = right_answers(artefact, [[["good luck"], ["bad"]]], probabilities=True)
    wanted = ["good luck", "bad"]
    assert said.answers[0].predictions == model.predict(wanted).tolist()
    assert said.answers[0].probabilities == model.predict_proba(wanted).tolist()


def test_a_model_that_needs_our_code_is_refused_unless_it_takes_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Even if our packages are on the path, and here they are.
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    artefact = put_regression(tmp_path)
    # A pickle that asks for a class of ours: protocol 0, GLOBAL and STOP.
    artefact.path.write_bytes(b"cmodels.errors\nStoreError\n.")
    digest = hashlib.sha256(artefact.path.read_bytes()).hexdigest()
    bad = Artefact(**{**vars(artefact), "sha256": digest})
    with pytest.raises(OracleError, match=r"failed with code 1: .*models"):
        right_answers(bad, [[[1.0, 2.0]]], probabilities=False)


def test_a_file_that_was_changed_is_not_loaded(tmp_path: Path) -> None:
    artefact = put_regression(tmp_path)
    artefact.path.write_bytes(artefact.path.read_bytes() + b"\0")
    with pytest.raises(OracleError, match="not the file that its manifest describes"):
        right_answers(artefact, [[[1.0, 2.0]]], probabilities=False)


def test_probabilities_of_a_model_without_them_are_a_sentence(tmp_path: Path) -> None:
    artefact = put_regression(tmp_path)
    with pytest.raises(OracleError, match="m gives no probabilities"):
        right_answers(artefact, [[[1.0, 2.0]]], probabilities=True)


def test_a_reference_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    artefact = put_regression(tmp_path)
    with pytest.raises(OracleError, match=r"no answer in 0\.01 s"):
        right_answers(artefact, [[[1.0, 2.0]]], probabilities=False, timeout_s=0.01)


@pytest.mark.parametrize(
    ("name", "version", "sentence"),
    [
        ("none", None, "has no model 'none'; it has m"),
        ("m", 2, "m has no version 2"),
    ],
)
def test_what_is_not_in_the_store_is_a_sentence(
    tmp_path: Path, name: str, version: int | None, sentence: str
) -> None:
    put_regression(tmp_path)
    with pytest.raises(ArtefactError, match=sentence):
        read_artefact(tmp_path, name, version)


def test_a_store_without_models_says_how_to_fill_it(tmp_path: Path) -> None:
    for store in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ArtefactError, match="has no model 'iris', nor any other: fill it"):
            read_artefact(store, "iris")


def test_the_manifest_must_say_what_is_needed(tmp_path: Path) -> None:
    put_regression(tmp_path)
    manifest = tmp_path / "m" / "1" / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "golden": {"instances": []}}))
    with pytest.raises(ArtefactError, match="no golden rows"):
        read_artefact(tmp_path, "m")
    del content["output"]
    manifest.write_text(json.dumps(content))
    with pytest.raises(ArtefactError, match="lacks 'output'"):
        read_artefact(tmp_path, "m")


def test_the_load_test_itself_imports_nothing_of_the_other_packages() -> None:
    code = "import loadtest.__main__, loadtest.balancer.__main__, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    imported = {name.split(".")[0] for name in done.stdout.split()}
    assert "loadtest" in imported
    assert not {"service", "models", "sklearn", "joblib"} & imported
