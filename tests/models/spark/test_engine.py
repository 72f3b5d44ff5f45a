"""From files to a served version: the whole way of engine = "spark"."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyspark.sql.functions as F
import pytest
from pyspark.sql import SparkSession
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, log_loss, r2_score

from models.commands.score_spark import settings_of
from models.errors import ArtefactError, BadData, BadSpecification
from models.evidence import Fitted
from models.held_out import held_out_mask
from models.places import Places
from models.release import Candidate, release
from models.spark.batch import Batch, score_files
from models.spark.engine import SparkEngine, refuse
from models.spark.frames import as_frame
from models.spark.score import Shipped, loaded, score
from models.spark.session import Session
from models.stages import Stage, Stages
from models.store import ARTEFACT, Store
from models.transform.pipeline import pipeline
from tests.integration.server import serving
from tests.integration.wire import post
from tests.models.spark.tables import FEATURES, people, specified

TOLERANCE = 1e-12
ROWS = 500


@dataclass(frozen=True)
class Trained:
    fitted: Fitted
    frame: pd.DataFrame
    store: Store
    stages: list[Stage]

    @property
    def X(self) -> pd.DataFrame:
        assert isinstance(self.fitted.X, pd.DataFrame)
        return self.fitted.X


@pytest.fixture(scope="module")
def trained(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train a forest for three classes, best of two, and publish it."""
    assert spark.sparkContext.master == "local[2]"
    folder = tmp_path_factory.mktemp("trained")
    frame = people(ROWS)
    places = Places(folder, folder / "work")
    frame.to_parquet(folder / "people.parquet")
    estimator = {"name": "RandomForestClassifier", "parameters": {"n_estimators": 5}}
    fit = {"runs": 2, "search": {"max_depth": [2, 5]}, "metric": "log_loss"}
    seen: list[Stage] = []
    spec = specified("tier", estimator, fit=fit)
    fitted = SparkEngine()(spec, places, Stages(finished=seen.append), lambda _: False)
    assert fitted is not None
    candidate = Candidate(fitted.chosen.model, fitted.known, fitted.X, metrics=dict(fitted.metrics))
    store = Store(folder / "store")
    release(store, "people", candidate, Stages())
    return Trained(fitted, frame, store, seen)


def test_runs_are_compared_and_the_best_is_judged_on_all_held_out_rows(trained: Trained) -> None:
    fitted = trained.fitted
    assert [run.number for run in fitted.chosen.runs] == [0, 1]
    assert fitted.chosen.best.score == min(run.score for run in fitted.chosen.runs)
    assert len(fitted.X) == fitted.held_out_rows
    model, y = fitted.chosen.model, fitted.y
    assert fitted.metrics["accuracy"] == accuracy_score(y, model.predict(fitted.X))
    expected = log_loss(y, model.predict_proba(fitted.X), labels=model.classes_)
    assert abs(fitted.metrics["log_loss"] - expected) <= TOLERANCE
    assert fitted.counts.taken == ROWS
    names = [stage.name for stage in trained.stages]
    assert names == ["spark", "extract", "split", "features", "fit 1 of 2", "fit 2 of 2", "score"]


def test_the_held_out_rows_are_those_of_the_other_engines(trained: Trained) -> None:
    spec = specified("tier", {"name": "RandomForestClassifier"})
    whole = as_frame(trained.frame, spec.columns)
    wanted = whole[held_out_mask(whole, list(spec.columns), 0.2, 0)]
    assert sorted(trained.fitted.held_out["income"]) == sorted(wanted["income"])
    known = trained.fitted.known
    assert not set(known["income"]) & set(wanted["income"])


def test_a_version_from_spark_is_served(trained: Trained, tmp_path: Path) -> None:
    rows = trained.X.iloc[:20]
    instances = json.loads(rows.to_json(orient="records", force_ascii=False))
    with serving(trained.store.root, tmp_path, "--workers", "1") as service:
        path = "/v1/models/people:predict?probabilities=true"
        answer = post(service.address, path, {"instances": instances}).json()
    model = trained.fitted.chosen.model
    assert answer["predictions"] == model.predict(rows).tolist()
    answered = np.array(answer["probabilities"])
    assert np.abs(answered - model.predict_proba(rows)).max() <= TOLERANCE


def test_a_stored_model_scores_sparks_rows(spark: SparkSession, trained: Trained) -> None:
    frame = trained.frame.head(60).assign(untouched=2**60 + 1)
    rows = spark.createDataFrame(pa.Table.from_pandas(frame, preserve_index=False))
    bad = rows.limit(1).withColumns({"grade": F.lit(None).cast("string")})
    scored = score(rows.union(bad), trained.store, "people").toArrow().to_pandas()
    model = trained.fitted.chosen.model
    X = as_frame(frame, specified("tier", {"name": "Ridge"}).columns)[trained.X.columns]
    good, last = scored.iloc[:60], scored.iloc[60]
    assert good["prediction"].tolist() == model.predict(X).tolist()
    assert (np.vstack(good["probabilities"]) == model.predict_proba(X)).all()
    assert (scored["untouched"] == 2**60 + 1).all()
    assert good["prediction_error"].isna().all()
    assert (last["prediction_error"], last["probabilities"]) == ("grade is missing", None)


def test_changed_bytes_are_not_loaded_by_an_executor(spark: SparkSession, trained: Trained) -> None:
    manifest = trained.store.manifest("people", 1)
    content = (trained.store.folder("people", 1) / ARTEFACT).read_bytes()
    sha256 = manifest.files[ARTEFACT].sha256
    good = Shipped(sha256, spark.sparkContext.broadcast(content), manifest)
    again = Shipped(sha256, spark.sparkContext.broadcast(b"never looked at"), manifest)
    assert loaded(good) is loaded(again)
    bad = Shipped("0" * 64, spark.sparkContext.broadcast(content), manifest)
    with pytest.raises(ArtefactError, match="was changed on its way here"):
        loaded(bad)


def test_changed_files_are_not_sent(spark: SparkSession, trained: Trained, tmp_path: Path) -> None:
    rows = spark.createDataFrame(pa.Table.from_pandas(trained.frame.head(2)))
    with pytest.raises(BadData, match="no column 'age'"):
        score(rows.drop("age"), trained.store, "people")
    copy = tmp_path / "store" / "people" / "1"
    copy.mkdir(parents=True)
    for file in trained.store.folder("people", 1).iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / ARTEFACT).write_bytes(b"other")
    with pytest.raises(ArtefactError, match="was changed"):
        score(rows, Store(tmp_path / "store"), "people", 1)


def test_files_are_scored_into_files(trained: Trained, tmp_path: Path) -> None:
    trained.frame.head(40).to_csv(tmp_path / "rows.csv", index=False)
    batch = Batch(str(tmp_path / "rows.csv"), str(tmp_path / "out"), "csv", "json")
    done = score_files(Session(), batch, trained.store, ("people", "production"))
    assert (done.version, done.rows, dict(done.errors)) == (1, 40, {})
    files = sorted((tmp_path / "out").glob("part-*"))
    lines = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    X = as_frame(trained.frame.head(40), specified("tier", {"name": "Ridge"}).columns)
    expected = trained.fitted.chosen.model.predict(X[trained.X.columns])
    assert [line["prediction"] for line in lines] == expected.tolist()
    with pytest.raises(BadData, match="already exists"):
        score_files(Session(), batch, trained.store, ("people", 1))


def test_a_linear_fit_is_scikit_learns(
    spark: SparkSession, table: Callable[..., pd.DataFrame], places: Places
) -> None:
    """From CSV with bad rows, by group, with response coding off; then nothing new."""
    frame = table(400)
    frame.to_csv(places.data / "people.csv", index=False)
    with (places.data / "people.csv").open("a") as file:
        file.write("old,1.0,Ulm,True,2020-01-01,low,1.0,no,1\n")
    source = {"kind": "csv", "path": "people.csv"}
    spec = specified("spent", {"name": "Ridge", "parameters": {"alpha": 2.0}}, source=source)
    seen: list[str] = []

    def see(rows: str) -> bool:
        seen.append(rows)
        return False

    fitted = SparkEngine()(spec, places, Stages(), see)
    assert fitted is not None
    assert dict(fitted.counts.reasons) == {"age is not a finite number": 1}

    same = pipeline(spec, Ridge(alpha=2.0)).fit(fitted.known, fitted.known_y)
    # A property of the solvers, not of the conversion, which the engine checks to 1e-12.
    np.testing.assert_allclose(
        fitted.chosen.model.predict(fitted.X), same.predict(fitted.X), rtol=2e-3
    )
    assert abs(fitted.metrics["r2"] - r2_score(fitted.y, fitted.chosen.model.predict(fitted.X))) < (
        TOLERANCE
    )
    assert SparkEngine()(spec, places, Stages(), lambda mark: mark == seen[0]) is None


@pytest.mark.parametrize(
    ("target", "estimator", "more", "words"),
    [
        ("spent", {"name": "SVR"}, {}, "no 'SVR'"),
        ("spent", {"name": "LogisticRegression"}, {}, "is for classification"),
        ("spent", {"name": "Ridge", "parameters": {"solver": "sag"}}, {}, "parameter 'solver'"),
        ("spent", {"name": "Ridge"}, {"search": {"features__x": [1]}}, "'features__x'"),
        ("spent", {"name": "Ridge"}, {"metric": "mdae"}, "'mdae'"),
        ("spent", {"name": "Ridge"}, {"epochs": {}}, "fit.epochs"),
        ("churn", {"name": "LogisticRegression"}, {"curve": {}}, "fit.curve"),
    ],
)
def test_what_spark_cannot_do_is_refused_before_it_starts(
    target: str, estimator: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadSpecification, match=words):
        refuse(specified(target, estimator, FEATURES, fit=more))


def test_settings_are_pairs() -> None:
    assert settings_of(["a=b=c", "d="]) == {"a": "b=c", "d": ""}
