"""Plans in a real service: answers stay scikit-learn's, and a form that lies is found and left."""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from models.plans.kept import NoPlan, read_plan
from models.plans.key import key_here
from models.presets.students import generate
from models.store import ARTEFACT, Store
from tests.processes.replica import ROOT, Replica, running, wait_for

LYING = Path(__file__).parent / "lying"
TRUE_ROW = [5.1, 3.5, 1.4, 0.2]
LIED_ROW = [60.0, 3.5, 1.4, 0.2]


@pytest.fixture(scope="module")
def planned(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the store, with a plan for each model."""
    folder = tmp_path_factory.mktemp("planned") / "store"
    shutil.copytree(store, folder)
    for name in ("iris", "students"):
        command = [sys.executable, "-m", "models", "plan", name, "--store", str(folder), "--json"]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=250)
        plan = json.loads(done.stdout)
        # With one form only there is nothing to compare.
        assert plan["rows"] >= 20_000 or len(plan["tried"]) == 1
    return folder


def forms_in_use(replica: Replica, model: str) -> list[str]:
    plan = replica.ask("GET", f"/v1/models/{model}")[1]["plans"]["1"]
    return [one["form"] for one in plan["ranges"]]


def differences(replica: Replica) -> float:
    found = re.search(r'percore_plan_differences_total\{model="iris".*\} (\S+)', replica.metrics())
    assert found is not None
    return float(found[1])


def expected(store: Path, rows: Any) -> tuple[list[Any], Any]:
    """Return the labels and probabilities of scikit-learn alone."""
    model = joblib.load(store / "iris" / "1" / ARTEFACT)
    frame = pd.DataFrame(rows, columns=model.feature_names_in_)
    return model.predict(frame).tolist(), model.predict_proba(frame)


def test_answers_by_a_plan_are_scikit_learns(planned: Path, tmp_path: Path) -> None:
    with running(planned, tmp_path, "--workers", "2") as replica:
        assert forms_in_use(replica, "iris") == ["lean"]
        assert 'percore_plan_form{form="lean",model="iris"' in replica.metrics()
        rng = np.random.default_rng(0)
        for size in (1, 2, 8, 64, 500, 5000):
            rows = rng.normal(4.0, 3.0, (size, 4))
            status, said = replica.ask(
                "POST", "/v1/models/iris:predict?probabilities=true", {"instances": rows.tolist()}
            )
            assert status == 200
            labels, chances = expected(planned, rows)
            assert said["predictions"] == labels
            np.testing.assert_allclose(said["probabilities"], chances, rtol=0, atol=1e-12)
        frame, _ = generate(300, seed=5)
        cells = frame.astype(object).where(frame.notna(), None)
        students = [list(row) for row in cells.itertuples(index=False, name=None)]
        values = joblib.load(planned / "students" / "1" / ARTEFACT).predict(frame)
        for start, stop in ((0, 1), (1, 9), (9, 300)):
            status, said = replica.predict("students", students[start:stop])
            assert status == 200
            np.testing.assert_allclose(
                said["predictions"], values[start:stop], rtol=1e-12, atol=1e-12
            )
        time.sleep(1.5)  # time for checks, which find nothing
        assert differences(replica) == 0


def test_plans_can_be_turned_off(planned: Path, tmp_path: Path) -> None:
    with running(planned, tmp_path, "--plans", "off") as replica:
        assert forms_in_use(replica, "iris") == []
        assert replica.predict("iris", [TRUE_ROW])[0] == 200


def test_a_plan_that_is_made_later_is_used_without_a_restart(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    shutil.copytree(store, folder)
    with running(folder, tmp_path, "--workers", "1") as replica:
        assert forms_in_use(replica, "iris") == []
        assert any(event["event"] == "no_plan" for event in replica.events())
        command = [sys.executable, "-m", "models", "plan", "iris", "--store", str(folder)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=250)
        wait_for(lambda: forms_in_use(replica, "iris") == ["lean"])
        assert (
            replica.predict("iris", [TRUE_ROW])[1]["predictions"] == expected(folder, [TRUE_ROW])[0]
        )


def test_a_form_that_lies_is_left_by_all_workers(planned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    shutil.copytree(planned, folder)
    truth, _ = expected(folder, [LIED_ROW])
    lying = {"PYTHONPATH": f"{LYING}:{ROOT}"}
    with running(folder, tmp_path, "--workers", "2", env=lying) as replica:
        assert forms_in_use(replica, "iris") == ["lean"]
        # Before the first check: this is what nobody else would have noticed.
        assert replica.predict("iris", [LIED_ROW])[1]["predictions"] != truth

        def is_found() -> bool:
            replica.predict("iris", [LIED_ROW])
            return differences(replica) > 0

        wait_for(is_found)
        wait_for(lambda: forms_in_use(replica, "iris") == [])
        for _ in range(50):  # whichever worker answers
            assert replica.predict("iris", [LIED_ROW])[1]["predictions"] == truth
        found = next(event for event in replica.events() if event["event"] == "plan_differs")
        assert found["model"] == "iris"
        assert "60" not in found["found"]
        # A worker that is forked afterwards does not lie either.
        for pid in replica.workers()["pids"]:
            subprocess.run(["kill", "-9", str(pid)], check=True)
        wait_for(lambda: replica.workers()["restarts"] >= 2 and replica.is_ready())
        for _ in range(50):
            assert replica.predict("iris", [LIED_ROW])[1]["predictions"] == truth
        assert differences(replica) >= 1
    kept = Store(folder)
    manifest = kept.manifest("iris", 1)
    with pytest.raises(NoPlan, match="withdrawn"):
        read_plan(kept, manifest, key_here(manifest.files[ARTEFACT].sha256))


def test_a_form_that_lies_on_golden_rows_is_never_used(planned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    shutil.copytree(planned, folder)
    site = tmp_path / "site"
    site.mkdir()
    text = (LYING / "sitecustomize.py").read_text()
    assert "> 50" in text
    (site / "sitecustomize.py").write_text(text.replace("> 50", "> 0"))
    with running(folder, tmp_path, env={"PYTHONPATH": f"{site}:{ROOT}"}) as replica:
        assert forms_in_use(replica, "iris") == []
        assert any(event["event"] == "plan_failed" for event in replica.events())
        assert (
            replica.predict("iris", [TRUE_ROW])[1]["predictions"] == expected(folder, [TRUE_ROW])[0]
        )
