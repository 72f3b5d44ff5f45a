"""pandas is in memory only where a model was fitted with a DataFrame."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.processes.replica import ROOT, Replica, children, comm, running, wait_for

pytestmark = pytest.mark.integration
X = np.random.default_rng(0).normal(size=(60, 2))
CLASSIFIER = LogisticRegression().fit(X, X[:, 0] > 0)


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    """Register a model that was fitted with an array."""
    joblib.dump(CLASSIFIER, tmp_path / "model.joblib")
    np.savetxt(tmp_path / "rows.csv", X[:20], delimiter=",", header="a,b", comments="")
    command = [sys.executable, "-m", "models", "register", str(tmp_path / "model.joblib")]
    command += ["--name", "arrays", "--sample", str(tmp_path / "rows.csv")]
    command += ["--store", str(tmp_path / "store")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=200)
    return tmp_path / "store"


def pids_with_pandas(replica: Replica) -> set[int]:
    """Return the processes that have one of pandas' libraries in their memory."""
    family = [replica.process.pid, *children(replica.process.pid)]
    found = set()
    for pid in family:
        with suppress(OSError):  # of the generation that retires, it has just ended
            if "/pandas/_libs/" in Path(f"/proc/{pid}/maps").read_text():
                found.add(pid)
    return found


def test_a_model_of_arrays_needs_no_pandas(arrays: Path, tmp_path: Path) -> None:
    with running(arrays, tmp_path) as replica:
        status, answer = replica.predict("arrays", X.tolist())
        assert status == 200
        assert answer["predictions"] == CLASSIFIER.predict(X).tolist()
        assert pids_with_pandas(replica) == set()


def test_a_model_of_frames_brings_pandas_into_the_running_service(
    arrays: Path, store: Path, tmp_path: Path
) -> None:
    with running(arrays, tmp_path) as replica:
        assert pids_with_pandas(replica) == set()
        (arrays / "students").symlink_to(store / "students")
        wait_for(lambda: '"students 1"' in replica.log.read_text())
        row: list[object] = [17, 9.5, None, 12.0, "GP", "mother", "higher", True]
        status, answer = replica.predict("students", [row])
        assert status == 200, answer
        reference = joblib.load(store / "students" / "1" / "model.joblib")
        assert answer["predictions"] == reference.predict(_frame(reference, row)).tolist()
        found = pids_with_pandas(replica)
        assert "percore-loader" in {comm(pid) for pid in found}
        assert replica.process.pid not in found


def _frame(reference: object, row: list[object]) -> object:
    import pandas as pd  # noqa: PLC0415  # here and nowhere else in this file

    return pd.DataFrame([row], columns=reference.feature_names_in_)  # type: ignore[attr-defined]
