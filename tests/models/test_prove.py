"""The proof by a fresh process, and that it goes red."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import models.release
from models.errors import ArtefactError
from models.estimators import Estimator
from models.manifest import Manifest
from models.prove import TOLERANCE, Task, prove
from models.release import Candidate, release
from models.stages import Stages
from models.store import ARTEFACT, Store, describe_file


@pytest.fixture
def task_of(presets_store: Store) -> Callable[[str], tuple[Task, Manifest]]:
    def task_of(name: str) -> tuple[Task, Manifest]:
        manifest = presets_store.manifest(name, 1)
        return (
            Task(
                artefact=presets_store.folder(name, 1) / ARTEFACT,
                entry=manifest.files[ARTEFACT],
                input=manifest.input,
                probabilities=manifest.output.probabilities,
                instances=list(manifest.golden.instances),
            ),
            manifest,
        )

    return task_of


TaskOf = Callable[[str], tuple[Task, Manifest]]


def expected(manifest: Manifest) -> tuple[list[Any], list[list[float]] | None]:
    golden = manifest.golden
    listed = None if golden.probabilities is None else [list(row) for row in golden.probabilities]
    return list(golden.predictions), listed


@pytest.mark.parametrize("name", ["iris", "digits", "students"])
def test_a_fresh_process_answers_the_same(task_of: TaskOf, name: str) -> None:
    task, manifest = task_of(name)
    proof = prove(task, *expected(manifest))
    assert proof.rows == len(manifest.golden.instances)
    assert proof.largest_difference <= TOLERANCE <= 1e-12


def test_a_wrong_label_is_noticed(task_of: TaskOf) -> None:
    task, manifest = task_of("iris")
    predictions, probabilities = expected(manifest)
    predictions[3] = "setosa" if predictions[3] != "setosa" else "virginica"
    with pytest.raises(ArtefactError, match="prediction of row 3: a fresh process answers"):
        prove(task, predictions, probabilities)


def test_a_label_of_another_type_is_noticed(task_of: TaskOf) -> None:
    task, manifest = task_of("digits")
    predictions, probabilities = expected(manifest)
    with pytest.raises(ArtefactError, match="prediction of row 0"):
        prove(task, [str(label) for label in predictions], probabilities)


@pytest.mark.parametrize(("error", "noticed"), [(1e-11, True), (1e-13, False)])
def test_numbers_are_compared_to_the_twelfth_digit(
    task_of: TaskOf, error: float, noticed: bool
) -> None:
    task, manifest = task_of("iris")
    predictions, probabilities = expected(manifest)
    assert probabilities is not None
    probabilities[2][1] += error
    if noticed:
        with pytest.raises(ArtefactError, match="probabilities of row 2"):
            prove(task, predictions, probabilities)
    else:
        assert prove(task, predictions, probabilities).largest_difference == pytest.approx(
            error, rel=0.01
        )


def test_a_tampered_file_is_not_even_loaded(task_of: TaskOf, tmp_path: Path) -> None:
    task, manifest = task_of("iris")
    content = bytearray(task.artefact.read_bytes())
    content[-1] ^= 1
    copy = tmp_path / ARTEFACT
    copy.write_bytes(content)
    with pytest.raises(ArtefactError, match="not the file that was published"):
        prove(task.model_copy(update={"artefact": copy}), *expected(manifest))


def test_another_model_of_the_same_shape_is_noticed(task_of: TaskOf, tmp_path: Path) -> None:
    task, manifest = task_of("diabetes")
    model = joblib.load(task.artefact)
    model[-1].coef_[0] += 1e-9
    copy = tmp_path / ARTEFACT
    joblib.dump(model, copy)
    changed = task.model_copy(update={"artefact": copy, "entry": describe_file(copy)})
    with pytest.raises(ArtefactError, match="prediction of row"):
        prove(changed, *expected(manifest))


def test_a_file_that_does_not_load_is_an_error(task_of: TaskOf, tmp_path: Path) -> None:
    task, manifest = task_of("iris")
    broken = tmp_path / ARTEFACT
    broken.write_bytes(b"cnot_installed_here\nModel\n.")
    changed = task.model_copy(update={"artefact": broken, "entry": describe_file(broken)})
    with pytest.raises(ArtefactError, match="not_installed_here"):
        prove(changed, *expected(manifest))


def test_what_a_model_prints_does_not_mix_with_the_reply(tmp_path: Path, task_of: TaskOf) -> None:
    task, manifest = task_of("diabetes")
    model = joblib.load(task.artefact)
    joblib.dump([_Prints(), model], tmp_path / "probe")
    model.verbose_ = _Prints()
    noisy = tmp_path / ARTEFACT
    joblib.dump(model, noisy)
    changed = task.model_copy(update={"artefact": noisy, "entry": describe_file(noisy)})
    assert prove(changed, *expected(manifest)).rows == len(manifest.golden.predictions)


def test_a_model_that_changes_when_saved_is_never_published(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = pd.DataFrame({"a": np.arange(9.0)})
    model = LinearRegression().fit(X, np.arange(9.0))

    def save_another(_model: Estimator, path: Path) -> None:
        joblib.dump(LinearRegression().fit(X, np.arange(9.0) * 1.001), path)

    monkeypatch.setattr(models.release, "save", save_another)
    with pytest.raises(ArtefactError, match="a fresh process answers"):
        release(store, "m", Candidate(model, X, X), Stages())
    assert store.versions("m") == []
    assert [entry.name for entry in (store.root / "m").iterdir()] == []


class _Prints:
    """Prints when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("hello from the model",)
