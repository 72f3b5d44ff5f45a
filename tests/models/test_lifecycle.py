"""A specification from raw rows to a promoted version, judged by scikit-learn alone."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from models import lifecycle
from models.errors import BadSpecification, StoreError
from models.evidence import Evidence
from models.extract.progress import Reading
from models.lifecycle import Done, Job, run
from models.memory import MemoryEngine
from models.places import Places
from models.presets.students import generate
from models.publish.history import History
from models.publish.lock import only_run
from models.spec import Specification
from models.stages import Stage, Stages
from models.store import Store

FEATURES = ["age", "study_hours", "absences", "previous_grade", "school"]


@pytest.fixture
def table() -> pd.DataFrame:
    X, y = generate(600, 1)
    return X[FEATURES].assign(grade=y, id=np.arange(600))


@pytest.fixture
def make_job(tmp_path: Path, table: pd.DataFrame) -> Callable[..., Job]:
    """Return what makes a job on the table; parts of the specification can be given anew."""
    (tmp_path / "data").mkdir(exist_ok=True)
    table.to_csv(tmp_path / "data" / "rows.csv", index=False)

    def make(*, only_if_new: bool = False, **parts: Any) -> Job:
        spec = Specification.model_validate(SPECIFICATION | parts)
        places = Places(tmp_path / "data", tmp_path / "work")
        return Job(spec, tmp_path, Store(tmp_path / "store"), places, only_if_new)

    return make


def columns() -> dict[str, Any]:
    return {
        "age": {"type": "integer", "min": 10},
        "study_hours": {"type": "number", "nullable": True},
        "absences": {"type": "number", "nullable": True},
        "previous_grade": {"type": "number"},
        "school": {"type": "text", "values": ["GP", "MS"]},
        "grade": {"type": "number"},
        "id": {"type": "integer"},
    }


SPECIFICATION: dict[str, Any] = {
    "model": {"name": "grades", "task": "regression"},
    "source": {"kind": "csv", "path": "rows.csv"},
    "columns": columns(),
    "target": {"column": "grade"},
    "features": [
        {"kind": "numeric", "columns": ["age", "study_hours", "absences", "previous_grade"]},
        {"kind": "onehot", "columns": ["school"]},
    ],
    "fit": {"estimator": {"name": "Ridge"}, "jobs": 1},
    "publish": {"report": False},
}
WORSE = {"estimator": {"name": "DummyRegressor"}, "jobs": 1}
BETTER = {"estimator": {"name": "Ridge", "parameters": {"alpha": 0.1}}, "jobs": 1}


def ran(job: Job) -> Done:
    return run(job, MemoryEngine(), Stages())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the work and the store of one run that fitted no more than the mean."""
    folder = tmp_path_factory.mktemp("served")
    X, y = generate(600, 1)
    (folder / "data").mkdir()
    rows = X[FEATURES].assign(grade=y, id=np.arange(600))
    rows.to_csv(folder / "data" / "rows.csv", index=False)
    spec = Specification.model_validate(SPECIFICATION | {"fit": WORSE})
    ran(Job(spec, folder, Store(folder / "store"), Places(folder / "data", folder / "work")))
    return folder


@pytest.fixture
def after_one_run(served: Path, tmp_path: Path) -> Path:
    for name in ("work", "store"):
        shutil.copytree(served / name, tmp_path / name)
    return tmp_path


def test_the_first_version_serves_and_tells_where_it_comes_from(
    make_job: Callable[..., Job], table: pd.DataFrame, tmp_path: Path
) -> None:
    done = ran(make_job())
    assert done.release is not None
    manifest = done.release.manifest
    assert (done.entry.outcome, manifest.version) == ("promoted", 1)
    assert Store(tmp_path / "store").resolve("grades") == 1
    assert manifest.lineage is not None
    assert (manifest.lineage.rows_read, manifest.lineage.rows_rejected) == (600, 0)
    assert manifest.training is not None
    assert manifest.training.rows + manifest.training.held_out_rows == 600
    stored = tmp_path / "store/grades/1"
    said = json.loads((stored / "specification.json").read_text())
    assert said["features"][1]["columns"] == ["school"]
    model = joblib.load(stored / "model.joblib")
    assert list(model.feature_names_in_) == FEATURES
    # Anybody can judge it anew; on rows that it was fitted on, too, it is far from the mean.
    assert r2_score(table["grade"], model.predict(table[FEATURES])) > 0.7


def test_the_report_names_no_folder_of_this_machine(
    make_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service shows it to whoever may ask."""
    job = make_job(publish={"report": True})
    with (tmp_path / "data" / "rows.csv").open("a") as file:
        file.write("old,1.0,2.0,3.0,GP,9.0,600\n")
    shown: list[Evidence] = []
    monkeypatch.setattr(lifecycle, "write_report", lambda evidence, _: shown.append(evidence))
    told: list[Stage] = []
    run(job, MemoryEngine(), Stages(finished=told.append))
    extract = next(stage for stage in shown[0].stages if stage.name == "extract")
    assert extract.sample.startswith(f"1 rejected: rejected{os.sep}")
    assert str(tmp_path) not in str(shown[0].stages)
    assert str(tmp_path / "work") in next(one for one in told if one.name == "extract").sample


def test_the_held_out_score_is_of_rows_that_no_run_has_seen(
    make_job: Callable[..., Job], table: pd.DataFrame
) -> None:
    job = make_job()
    fitted = MemoryEngine()(job.spec, job.places, Stages(), lambda _: False)
    assert fitted is not None
    ids = set(fitted.held_out["id"])
    assert len(ids) == fitted.held_out_rows == len(fitted.y)
    rest = table[~table["id"].isin(ids)]
    assert len(rest) == fitted.fitted_rows
    model = fitted.chosen.model
    assert fitted.metrics["r2"] == r2_score(fitted.y, model.predict(fitted.X))
    assert not set(map(tuple, rest[FEATURES].to_numpy())) & set(map(tuple, np.asarray(fitted.X)))


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        ({"estimator": {"name": "Rigde"}}, "near it: Ridge"),
        ({"estimator": {"name": "Ridge"}, "search": {"alphas": [1.0]}}, "did you mean 'alpha'"),
        ({"estimator": {"name": "Ridge"}, "metric": "r3"}, "r3"),
    ],
)
def test_a_wrong_name_is_told_before_a_row_is_read(
    make_job: Callable[..., Job], fit: dict[str, Any], words: str
) -> None:
    job = make_job(fit=fit)
    read: list[Reading] = []
    engine = MemoryEngine(tell_reading=read.append)
    with pytest.raises(BadSpecification, match=words):
        engine(job.spec, job.places, Stages(), lambda _: False)
    assert not read


def test_a_candidate_that_is_not_better_is_published_and_refused(
    make_job: Callable[..., Job], after_one_run: Path
) -> None:
    done = ran(make_job(fit=WORSE))
    assert done.entry.outcome == "refused"
    assert "does not beat version 1's" in done.entry.words
    store = Store(after_one_run / "store")
    assert (store.versions("grades"), store.resolve("grades")) == ([1, 2], 1)


def test_a_better_candidate_is_promoted_unless_the_margin_is_missed(
    make_job: Callable[..., Job], after_one_run: Path
) -> None:
    assert ran(make_job(fit=BETTER, publish={"margin": 5.0})).entry.outcome == "refused"
    done = ran(make_job(fit=BETTER))
    assert done.entry.outcome == "promoted"
    assert done.comparison is not None
    ours, theirs = done.comparison.metrics["r2"]
    assert ours > theirs
    store = Store(after_one_run / "store")
    assert store.aliases("grades") == {"production": 3, "previous": 1}


@pytest.mark.usefixtures("after_one_run")
@pytest.mark.parametrize(("rule", "outcome"), [("always", "promoted"), ("never", "kept")])
def test_promotion_may_be_always_or_never(
    make_job: Callable[..., Job], rule: str, outcome: str
) -> None:
    assert ran(make_job(fit=WORSE, publish={"promote": rule})).entry.outcome == outcome


@pytest.mark.usefixtures("after_one_run")
def test_a_named_slice_stops_a_candidate(make_job: Callable[..., Job]) -> None:
    median = {"estimator": {"name": "DummyRegressor", "parameters": {"strategy": "median"}}}
    rule = {"slices": ["school"], "margin": -9.0}
    done = ran(make_job(fit=median | {"jobs": 1}, publish=rule))
    assert done.entry.outcome == "refused"
    assert "where school = " in done.entry.words


@pytest.mark.usefixtures("after_one_run")
def test_a_version_with_other_columns_cannot_be_compared(make_job: Callable[..., Job]) -> None:
    fewer = columns()
    del fewer["school"]
    done = ran(make_job(columns=fewer, features=[{"kind": "numeric", "columns": ["age"]}]))
    assert done.entry.outcome == "refused"
    assert "takes a column 'school'" in done.entry.words


def test_the_same_rows_make_nothing_new_and_other_rows_do(
    make_job: Callable[..., Job], after_one_run: Path, table: pd.DataFrame
) -> None:
    again = ran(make_job(only_if_new=True, fit=WORSE))
    assert (again.entry.outcome, again.release) == ("nothing_new", None)
    table.iloc[:-1].to_csv(after_one_run / "data" / "rows.csv", index=False)
    assert ran(make_job(only_if_new=True, fit=WORSE)).entry.version == 2


def test_a_failure_is_in_the_history_and_leaves_the_store_alone(
    make_job: Callable[..., Job], tmp_path: Path
) -> None:
    (tmp_path / "data" / "rows.csv").unlink()
    with pytest.raises(StoreError):
        ran(make_job())
    [entry] = History(tmp_path / "work").entries()
    assert entry.outcome == "failed"
    assert "rows.csv" in entry.words
    assert Store(tmp_path / "store").versions("grades") == []


def test_a_second_run_at_the_same_time_is_refused(
    make_job: Callable[..., Job], tmp_path: Path
) -> None:
    with only_run(tmp_path / "work"), pytest.raises(StoreError, match="is at work in"):
        ran(make_job())


def test_a_marked_source_gives_new_rows_and_the_fit_has_them_all(
    make_job: Callable[..., Job], tmp_path: Path, table: pd.DataFrame
) -> None:
    base = tmp_path / "data" / "rows.db"
    source = {
        "kind": "sql",
        "url": "sqlite:///rows.db",
        "query": "SELECT * FROM rows",
        "mark": {"column": "id"},
    }
    with sqlite3.connect(base) as connection:
        table.iloc[:400].to_sql("rows", connection, index=False)
    first = ran(make_job(source=source))
    with sqlite3.connect(base) as connection:
        table.iloc[400:].to_sql("rows", connection, index=False, if_exists="append")
    second = ran(make_job(source=source, only_if_new=True))
    third = ran(make_job(source=source, only_if_new=True))
    assert first.release is not None
    assert second.release is not None
    told = second.release.manifest
    assert told.lineage is not None
    assert told.training is not None
    assert told.lineage.rows_read == 200
    assert told.training.rows + told.training.held_out_rows == 600
    assert third.entry.outcome == "nothing_new"
