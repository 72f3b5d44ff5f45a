"""Which forms are built, what that imports, and that they bear a fork."""

import subprocess
import sys
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.forms import candidates
from tests.models.forms.hostile import assert_same, forms_of, number_rows

X, y = load_iris(return_X_y=True)

IN_A_PROCESS = """
import os, sys
import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from models.forms import candidates
from models.schema import Column, Policy, TabularSchema

X, y = load_iris(return_X_y=True)
model = RandomForestClassifier(5, random_state=0).fit(X, y)
columns = [
    Column(name=name, dtype="float64", frame_dtype="float64", policy=Policy()) for name in "abcd"
]
schema = TabularSchema(container="array", columns=tuple(columns))
threads = len(os.listdir("/proc/self/task"))
names = [form.name for form in candidates(model, schema, ("lean",))]
assert names == ["scikit-learn", "lean"], names
assert "numba" not in sys.modules
walked = candidates(model, schema, ("walked",))[1]
assert "numba" in sys.modules
assert len(os.listdir("/proc/self/task")) == threads, "a thread was started"
child = os.fork()
if not child:
    same = (walked.predict_proba(X) == model.predict_proba(X)).all()
    os._exit(0 if same else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


def test_only_what_was_asked_for_is_imported_and_it_bears_a_fork() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS],
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr


def test_an_extra_that_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        if name == "models.forms.walked":
            raise ImportError(name)
        return import_module(name)

    module = sys.modules["models.forms.candidates"]  # the package has a function of that name
    monkeypatch.setattr(module, "import_module", absent)
    model = RandomForestClassifier(3, random_state=0).fit(X, y)
    assert [form.name for form in forms_of(model, X)[1]] == ["lean"]


def test_names_choose_and_scikit_learn_always_comes_first() -> None:
    model = RandomForestClassifier(3, random_state=0).fit(X, y)
    schema, _ = forms_of(model, X, ("lean",))
    assert [form.name for form in candidates(model, schema, ())] == ["scikit-learn"]
    assert [form.takes for form in candidates(model, schema, ("lean",))] == ["X", "matrix"]


def test_scikit_learns_own_form_is_the_estimator() -> None:
    model = LogisticRegression(max_iter=500).fit(X, y)
    schema, _ = forms_of(model, X, ())
    [form] = candidates(model, schema, ())
    assert np.array_equal(form.predict_proba(X), model.predict_proba(X))  # type: ignore[attr-defined]
    assert not hasattr(form, "transform")


@pytest.mark.filterwarnings("ignore")
def test_a_search_is_its_best_estimator() -> None:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1.0]}, cv=2).fit(X, y)
    assert_same(search, X, number_rows(X)[::4], ["lean"])
