"""`python -m models report` and `export` over a published version."""

import json
from pathlib import Path

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from typer.testing import CliRunner, Result

from models.cli import app
from models.errors import ArtefactError, StoreError
from models.release import Candidate, Facts, release
from models.stages import Stages
from models.store import Store
from tests.models.export import reader

PAGE = "<!doctype html><p>a report"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with iris: version 1 with a report, 2 without."""
    root = tmp_path_factory.mktemp("commands") / "store"
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)

    def write_more(folder: Path, _: Facts) -> None:
        (folder / "report").mkdir()
        (folder / "report" / "index.html").write_text(PAGE)
        (folder / "report" / "roc.png").write_bytes(b"\x89PNG")

    for more in (write_more, None):
        candidate = Candidate(model, X, X[::3], write_more=more)
        release(Store(root), "iris", candidate, Stages())
    return root


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_report_tells_the_path(store: Path) -> None:
    done = run("report", "iris", "--store", store)
    assert done.exit_code == 0
    assert Path(done.stdout.strip()) == store / "iris" / "1" / "report" / "index.html"
    assert Path(done.stdout.strip()).read_text() == PAGE


def test_report_is_copied(store: Path, tmp_path: Path) -> None:
    done = run("report", "iris", 1, "--store", store, "--out", tmp_path / "copy")
    assert Path(done.stdout.strip()) == tmp_path / "copy" / "index.html"
    assert {path.name for path in (tmp_path / "copy").iterdir()} == {"index.html", "roc.png"}


def test_a_version_without_a_report_says_so(store: Path) -> None:
    error = run("report", "iris", 2, "--store", store).exception
    assert isinstance(error, StoreError)
    assert "iris 2 has no report" in str(error)


def test_a_report_that_was_changed_is_not_shown(store: Path) -> None:
    page = store / "iris" / "1" / "report" / "index.html"
    page.write_text(PAGE + "!")
    try:
        error = run("report", "iris", "--store", store).exception
    finally:
        page.write_text(PAGE)
    assert isinstance(error, ArtefactError)


def test_export_writes_what_answers_as_the_version(store: Path, tmp_path: Path) -> None:
    asked = ["--as", "weights", "--as", "onnx", "--as", "skops", "--out", tmp_path, "--json"]
    done = run("export", "iris", "--store", store, *asked)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [one["kind"] for one in told] == ["weights", "onnx", "skops"]
    assert all(Path(file).is_file() for one in told for file in one["files"])
    manifest = Store(store).manifest("iris", 1)
    weights = json.loads((tmp_path / "weights.json").read_text())
    rows = [reader.raw_weights(weights, list(row)) for row in manifest.golden.instances]
    assert [label for label, _ in rows] == list(manifest.golden.predictions)
    assert manifest.golden.probabilities is not None
    for (_, said), expected in zip(rows, manifest.golden.probabilities, strict=True):
        assert said == pytest.approx(list(expected), abs=1e-12)


@pytest.mark.parametrize("arguments", [[], ["--as", "pmml"]])
def test_export_of_no_known_kind_is_wrong_usage(store: Path, arguments: list[str]) -> None:
    done = run("export", "iris", "--store", store, *arguments)
    assert done.exit_code == 2
    assert "support_vectors" in done.output


def test_export_of_a_changed_artefact_is_refused(store: Path, tmp_path: Path) -> None:
    artefact = store / "iris" / "2" / "model.joblib"
    content = artefact.read_bytes()
    artefact.write_bytes(content[:-1] + b"!")
    try:
        error = run(
            "export", "iris", 2, "--store", store, "--as", "skops", "--out", tmp_path
        ).exception
    finally:
        artefact.write_bytes(content)
    assert isinstance(error, ArtefactError)
    assert not list(tmp_path.iterdir())
