"""Whole runs on a table in a file, compared with scikit-learn on the same rows in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.errors import BadData, BadSpecification
from models.evidence import Fitted
from models.extract.batches import extract
from models.extract.kept import with_kept_rows
from models.extract.mark import commit_mark
from models.extract.progress import Reading
from models.fit.progress import EpochEnd, Event, RunEnd, RunsBegin
from models.held_out import held_out_mask
from models.medium import BatchEngine
from models.medium.progress import Moment
from models.places import Places
from models.release import Candidate, release
from models.schema import TabularSchema
from models.spec import Specification
from models.stages import Stage, Stages
from models.store import Store
from models.transform import pipeline

from .tables import specification, write_table

ROWS = 12_000
TOLERANCE = 1e-12


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_table(folder / "table.csv", ROWS)
    return folder


def fit(spec: Specification, data: Path, work: Path) -> Fitted:
    fitted = BatchEngine()(spec, Places(data, work), Stages(), lambda _: False)
    assert fitted is not None
    assert not (work / "cache").exists()
    return fitted


def medium(strategy: str, **more: Any) -> dict[str, Any]:
    return {"strategy": strategy, "batch_rows": 1600, **more}


def divided(spec: Specification, data: Path, work: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return all rows to fit on, and the held-out ones, read at once."""
    frame = extract(spec, Places(data, work)).frame
    columns, seed = list(spec.columns), spec.model.seed
    judge = held_out_mask(frame, columns, spec.split.held_out, seed)
    compare = held_out_mask(frame, columns, spec.split.validation, seed + 1)
    return frame[~judge & ~compare], frame[judge]


def in_memory(spec: Specification, estimator: Any, rows: pd.DataFrame) -> Pipeline:
    X, y = rows[spec.feature_columns()], rows[spec.target.column].to_numpy()
    with threadpool_limits(1):
        fitted: Pipeline = pipeline(spec, estimator).fit(X, y)
    return fitted


def test_exact_is_the_fit_in_memory(data: Path, tmp_path: Path) -> None:
    spec = specification("Ridge", medium=medium("exact"), parameters={"alpha": 2.0})
    ours = fit(spec, data, tmp_path)
    rows, held_out = divided(spec, data, tmp_path)
    theirs = in_memory(spec, Ridge(alpha=2.0), rows)
    X, y = held_out[spec.feature_columns()], held_out["grade"].to_numpy()
    np.testing.assert_allclose(
        ours.chosen.model.predict(X), theirs.predict(X), rtol=TOLERANCE, atol=TOLERANCE
    )
    assert ours.fitted_rows == len(rows)
    assert ours.held_out_rows == len(held_out)
    assert ours.metrics["r2"] == pytest.approx(r2_score(y, theirs.predict(X)), abs=TOLERANCE)
    assert ours.counts.taken == ROWS


def test_one_pass_serves_every_alpha_of_a_search(data: Path, tmp_path: Path) -> None:
    spec = specification(
        "Ridge",
        medium=medium("exact"),
        fit={"runs": 6, "search": {"alpha": {"low": 0.1, "high": 1e6, "log": True}}},
    )
    ours = fit(spec, data, tmp_path)
    rows, _ = divided(spec, data, tmp_path)
    best = ours.chosen.best
    assert len(ours.chosen.runs) == 6
    assert best.score == max(run.score for run in ours.chosen.runs)
    assert len({run.score for run in ours.chosen.runs}) == 6
    theirs = in_memory(spec, Ridge(alpha=best.parameters["alpha"]), rows)
    X = ours.X
    np.testing.assert_allclose(
        ours.chosen.model.predict(X), theirs.predict(X), rtol=TOLERANCE, atol=TOLERANCE
    )


def test_averaged_weights_are_as_good_as_the_fit_in_memory(data: Path, tmp_path: Path) -> None:
    spec = specification("LogisticRegression", "label", medium=medium("average", parts=4))
    ours = fit(spec, data, tmp_path)
    rows, held_out = divided(spec, data, tmp_path)
    theirs = in_memory(spec, LogisticRegression(), rows)
    X, y = held_out[spec.feature_columns()], held_out["label"].to_numpy()
    mine = accuracy_score(y, ours.chosen.model.predict(X))
    assert ours.metrics["accuracy"] == pytest.approx(mine, abs=TOLERANCE)
    assert abs(mine - accuracy_score(y, theirs.predict(X))) < 0.005
    assert np.mean(ours.chosen.model.predict(X) == theirs.predict(X)) > 0.97
    assert "4 parts" in ours.chosen.notes[0]
    assert "single parts reach" in ours.chosen.notes[1]


def test_partial_fit_sees_every_row_once_a_pass(data: Path, tmp_path: Path) -> None:
    spec = specification(
        "GaussianNB", "label", medium=medium("partial_fit"), features=[
            {"kind": "numeric", "columns": ["a", "b", "c", "size"]}
        ],
    )  # fmt: skip
    ours = fit(spec, data, tmp_path)
    rows, _ = divided(spec, data, tmp_path)
    naive = ours.chosen.model["model"]
    counts = rows["label"].value_counts().sort_index()
    assert naive.classes_.tolist() == counts.index.tolist()
    assert naive.class_count_.tolist() == counts.tolist()
    transformed = ours.chosen.model["features"].transform(rows[spec.feature_columns()])
    low = transformed[(rows["label"] == "low").to_numpy()]
    np.testing.assert_allclose(naive.theta_[1], low.mean(axis=0), rtol=TOLERANCE, atol=TOLERANCE)


def test_epochs_have_a_trace_and_the_best_is_kept(data: Path, tmp_path: Path) -> None:
    spec = specification(
        "SGDRegressor",
        medium=medium("partial_fit"),
        fit={"runs": 2, "search": {"alpha": [1e-4, 1e-3]}, "epochs": {"most": 4, "patience": 1}},
    )
    told: list[Event | Moment | Reading] = []
    places = Places(data, tmp_path)
    ours = BatchEngine(told.append, told.append)(spec, places, Stages(), lambda _: False)
    assert ours is not None
    events = [one for one in told if not isinstance(one, Moment | Reading)]
    begin = told.index(events[0])
    assert isinstance(events[0], RunsBegin)
    assert events[0].total == 2
    assert told[begin : begin + len(events)] == events, "nothing is told in between"
    assert sum(isinstance(one, EpochEnd) for one in events) == sum(
        len(run.epochs) for run in ours.chosen.runs
    )
    for run in ours.chosen.runs:
        values = [epoch.validation["r2"] for epoch in run.epochs]
        assert run.score == max(values)
        assert len(values) == min(4, values.index(max(values)) + 1 + 1)
    X, y = ours.X, ours.y
    assert r2_score(y, ours.chosen.model.predict(X)) > 0.9


def test_a_sample_of_all_rows_if_all_fit(data: Path, tmp_path: Path) -> None:
    spec = specification(
        "DecisionTreeClassifier",
        "label",
        medium=medium("sample"),
        parameters={"max_depth": 6},
        fit={"curve": {"sizes": 2, "repeats": 2}},
    )
    ours = fit(spec, data, tmp_path)
    assert ours.chosen.curve is not None
    assert ours.chosen.curve.words in ours.chosen.notes[0]
    assert "all " in ours.chosen.notes[0]
    assert ours.fitted_rows == round((ROWS - ours.held_out_rows) * 0.75)
    assert ours.metrics["accuracy"] > 0.6


def test_the_order_of_sorted_rows_does_no_harm(data: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(data / "table.csv").sort_values("grade")
    frame.to_csv(tmp_path / "table.csv", index=False)
    spec = specification("SGDRegressor", medium=medium("partial_fit"))
    assert fit(spec, tmp_path, tmp_path / "work").metrics["r2"] > 0.9


def test_rows_that_are_known_are_not_fitted_again(data: Path, tmp_path: Path) -> None:
    spec = specification("Ridge", medium=medium("exact"))
    asked: list[str] = []
    stages: list[Stage] = []
    engine, places = BatchEngine(), Places(data, tmp_path)

    def is_known(fingerprint: str) -> bool:
        asked.append(fingerprint)
        return True

    assert engine(spec, places, Stages(finished=stages.append), is_known) is None
    assert [stage.name for stage in stages] == ["extract"]
    other = spec.model_copy(update={"medium": spec.medium.model_copy(update={"batch_rows": 777})})
    assert engine(other, places, Stages(), is_known) is None
    assert asked[0] == asked[1]


def test_rows_of_earlier_runs_are_fitted_too(data: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(data / "table.csv")
    frame["size"] = np.arange(len(frame))
    source = {"kind": "csv", "path": "table.csv", "mark": {"column": "size"}}
    spec = specification("Ridge", medium=medium("exact"), source=source)
    places = Places(tmp_path, tmp_path / "work")
    frame.iloc[:5000].to_csv(tmp_path / "table.csv", index=False)
    first = fit(spec, tmp_path, places.work)
    commit_mark(spec, places, first.mark, first.unmarked_rows)
    frame.to_csv(tmp_path / "table.csv", index=False)
    in_memory_rows = with_kept_rows(spec, places, extract(spec, places)).frame
    second = fit(spec, tmp_path, places.work)
    assert (first.mark, second.mark) == (4999, ROWS - 1)
    assert first.counts.taken == 5000
    assert second.counts.taken == ROWS - 5000
    held_out = held_out_mask(in_memory_rows, list(spec.columns), 0.2, spec.model.seed)
    assert second.held_out_rows == held_out.sum()
    assert len(in_memory_rows) == ROWS


def test_runs_that_fail_are_told_and_the_others_go_on(data: Path, tmp_path: Path) -> None:
    told: list[Event] = []
    spec = specification(
        "SGDRegressor",
        medium=medium("partial_fit"),
        fit={"runs": 6, "search": {"penalty": ["l2", "nonsense"]}},
    )
    ours = BatchEngine(tell_fits=told.append)(
        spec, Places(data, tmp_path), Stages(), lambda _: False
    )
    assert ours is not None
    failed = [run for run in ours.chosen.runs if run.error]
    assert 0 < len(failed) < 6
    assert all(run.parameters["penalty"] == "nonsense" for run in failed)
    assert any(f"{len(failed)} of 6 runs failed" in note for note in ours.chosen.notes)
    assert [one.run for one in told if isinstance(one, RunEnd)] == list(ours.chosen.runs)


def test_the_winner_can_be_published_and_served(data: Path, tmp_path: Path) -> None:
    spec = specification(
        "Ridge",
        medium=medium("exact"),
        features=[
            {"kind": "numeric", "columns": ["a", "b"]},
            {"kind": "response", "columns": ["town"]},
            {"kind": "ordinal", "columns": ["size"]},
            {"kind": "text", "columns": ["note"]},
        ],
    )
    ours = fit(spec, data, tmp_path)
    rows, _ = divided(spec, data, tmp_path)
    candidate = Candidate(ours.chosen.model, ours.known, ours.X, metrics=dict(ours.metrics))
    done = release(Store(tmp_path / "store"), "table", candidate, Stages())
    schema = done.manifest.input
    assert isinstance(schema, TabularSchema)
    columns = {column.name: column for column in schema.columns}
    assert columns["a"].min == rows["a"].min()
    assert columns["a"].max == rows["a"].max()
    assert columns["b"].nullable
    assert len(columns["town"].categories or ()) == 30


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (specification("Ridge", medium=medium("partial_fit")), "no partial_fit"),
        (specification("SVR", medium=medium("average")), "SVR is none"),
        (specification("Lasso", medium=medium("exact")), "not for Lasso"),
        (specification("Ridge", medium=medium("average", parts=500)), "fewer parts"),
        (specification("SGDRegressor", medium={"memory_bytes": 2**26}), "allow "),
        (specification("Ridge", split={"held_out": 0}), "split.held_out is 0"),
        (
            specification("Ridge", fit={"search": {"features__numeric__scale": ["a"]}}),
            "all runs share their features",
        ),
        (specification("Ridge", medium=medium("exact"), fit={"epochs": {}}), "fit.epochs"),
        (specification("Ridge", medium=medium("exact"), fit={"curve": {}}), "fit.curve"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    spec: Specification, words: str, data: Path, tmp_path: Path
) -> None:
    with pytest.raises((BadSpecification, BadData), match=words):
        fit(spec, data, tmp_path)
    assert not (tmp_path / "cache").exists()


NAMELESS = {"estimator": {"name": "Rigde"}}
PLURAL = {"search": {"alphas": [1.0]}}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (specification("Ridge", fit=NAMELESS), "near it: Ridge"),
        (specification("SGDRegressor", fit=PLURAL), "did you mean 'alpha'"),
        (specification("SGDRegressor", fit={"metric": "r3"}), "r3"),
        (specification("SGDRegressor", fit=PLURAL, medium=medium("sample")), "did you mean"),
        (specification("Ridge", medium=medium("partial_fit")), "no partial_fit"),
        (specification("SVR", medium=medium("average")), "SVR is none"),
        (specification("Lasso", medium=medium("exact")), "not for Lasso"),
    ],
)
def test_what_is_wrong_with_a_name_is_told_before_a_row_is_read(
    spec: Specification, words: str, tmp_path: Path
) -> None:
    """There is no table at all: whoever began with it would miss the table."""
    with pytest.raises(BadSpecification, match=words):
        fit(spec, tmp_path, tmp_path)
