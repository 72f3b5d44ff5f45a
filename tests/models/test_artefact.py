"""Joblib files: what they name is seen before anything of them runs."""

import gzip
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from models.artefact import load, modules_named
from models.errors import RefusedModel
from models.register import load_foreign

X = np.random.default_rng(0).normal(size=(50, 3))
Y = (X[:, 0] > 0).astype(int)


class RunsCode:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("xz", 1), ("bz2", 1)])
@pytest.mark.parametrize(
    ("model", "module"),
    [
        (LinearRegression(), "sklearn.linear_model._base"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "sklearn.preprocessing._data"),
        # The trees lie in an array of objects, a pickle within the pickle.
        (GradientBoostingClassifier(n_estimators=2), "sklearn.tree._classes"),
        (HistGradientBoostingClassifier(max_iter=2), "sklearn._loss.loss"),
        (make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()), "numpy"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_all_modules_are_found_however_it_is_compressed(
    tmp_path: Path, model: Any, module: str, compress: Any
) -> None:
    path = tmp_path / "m.joblib"
    joblib.dump(model.fit(X, Y), path, compress=compress)
    assert module in modules_named(path)


def test_nothing_of_the_file_runs_while_it_is_looked_through(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    inner = np.array([RunsCode(touched)], dtype=object)
    for name, content in {"plain": RunsCode(touched), "nested": [inner, {"a": inner}]}.items():
        joblib.dump(content, tmp_path / name)
        assert "posix" in modules_named(tmp_path / name)
        assert not touched.exists()
    load(tmp_path / "plain")
    assert touched.exists()


SCRIPT = """
import pickle, sys, joblib, numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
class Scale(StandardScaler):
    pass
def double(X):
    return 2 * X
X = np.eye(3)
for name, model in {
    "transformer": Scale().fit(X),
    "step": make_pipeline(Scale(), LinearRegression()).fit(X, X[:, 0]),
    "nested": np.array([Scale()], dtype=object),
    "function": FunctionTransformer(double),
}.items():
    joblib.dump(model, f"{sys.argv[1]}/{name}.joblib")
    with open(f"{sys.argv[1]}/{name}.pickle", "wb") as file:
        pickle.dump(model, file)
"""


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of files that a script wrote, with its own classes in them."""
    folder = tmp_path_factory.mktemp("scripted")
    subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], check=True, timeout=60)
    return folder


@pytest.mark.parametrize("suffix", ["joblib", "pickle"])
@pytest.mark.parametrize(
    ("what", "name"),
    [("transformer", "Scale"), ("step", "Scale"), ("nested", "Scale"), ("function", "double")],
)
def test_classes_and_functions_of_a_script_are_refused_by_name(
    scripted: Path, what: str, name: str, suffix: str
) -> None:
    with pytest.raises(RefusedModel, match=f"needs '{name}' from the script.*__main__"):
        modules_named(scripted / f"{what}.{suffix}")


@pytest.mark.parametrize(
    "content",
    [b"", b"hello world", b"\x80\x05", gzip.compress(b"hello", mtime=0), pickle.dumps(X)[:100]],
    ids=["empty", "text", "cut", "compressed text", "cut array"],
)
def test_what_is_no_joblib_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.joblib"
    path.write_bytes(content)
    with pytest.raises(RefusedModel, match=r"m\.joblib cannot be"):
        load_foreign(path)


def test_another_scikit_learn_is_refused_with_both_versions(tmp_path: Path) -> None:
    path = tmp_path / "m.joblib"
    joblib.dump(LinearRegression().fit(X, Y), path)
    content = path.read_bytes()
    current = sklearn.__version__.encode()
    assert current in content
    # As long as before, so that the pickle stays one.
    path.write_bytes(content.replace(current, b"0.9" + current[3:]))
    with pytest.raises(
        RefusedModel, match=r"fitted with scikit-learn 0\.9.*install scikit-learn=="
    ):
        load(path)


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m.joblib"
    path.write_bytes(b"cnot_installed_here\nModel\n.")
    assert modules_named(path) == {"not_installed_here"}
    with pytest.raises(RefusedModel, match="needs the module 'not_installed_here'"):
        load(path)
