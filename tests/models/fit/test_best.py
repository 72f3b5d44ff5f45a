"""The best of N runs: equal whatever the way, and blind to held-out rows."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from models.errors import BadSpecification, FitFailed
from models.fit.best import best_of
from models.fit.draw import drawn
from models.fit.one import unfitted
from models.fit.progress import Event, RunEnd, RunsBegin
from models.fit.run import Chosen
from models.fit.split import divide
from models.fit.table import Table
from models.places import Places
from models.release import Candidate, release
from models.spec import Specification
from models.spec.fitting import EstimatorChoice
from models.stages import Stages
from models.store import Store
from tests.models.fit.conftest import spec_of, students, table_of, with_fit


def outcomes(chosen: Chosen) -> list[tuple[Any, ...]]:
    """Return what must be equal: all but the time that it took."""
    return [
        (run.number, run.seed, dict(run.parameters), run.score, run.fitted_score, run.error)
        for run in chosen.runs
    ]


def lines(places: Places) -> list[dict[str, Any]]:
    (path,) = (places.work / "runs").glob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_best_run_is_what_scikit_learn_says_of_its_rows(places: Places) -> None:
    spec, known = students()
    chosen = best_of(spec, known, places)
    assert [run.number for run in chosen.runs] == list(range(6))
    assert chosen.best.score == max(run.score for run in chosen.runs)
    assert len({run.score for run in chosen.runs}) == 6
    assert all(0.01 <= run.parameters["alpha"] <= 100 for run in chosen.runs)
    fitted, validation = divide(spec, known, chosen.best.seed)
    by_hand = unfitted(spec, drawn(spec, chosen.best.number))
    assert by_hand["model"].alpha == chosen.best.parameters["alpha"]
    by_hand.fit(known.X.iloc[fitted], known.y[fitted])  # type: ignore[union-attr]
    judged = known.take(validation)
    assert chosen.best.score == r2_score(judged.y, by_hand.predict(judged.X))
    assert np.array_equal(chosen.model.predict(judged.X), by_hand.predict(judged.X))


def test_the_winner_of_mixed_columns_is_served(places: Places, store: Store) -> None:
    spec, known = students()
    chosen = best_of(spec, known, places)
    rows = known.X.iloc[:50]  # type: ignore[union-attr]
    candidate = Candidate(chosen.model, known=known.X, held_out=rows)
    assert release(store, "students", candidate, Stages()).proof.rows == 50


def test_processes_change_nothing(places: Places, tmp_path: Path) -> None:
    spec, known = students()
    alone = best_of(spec, known, places)
    told: list[Event] = []
    elsewhere = Places(tmp_path, tmp_path / "elsewhere")
    together = best_of(with_fit(spec, jobs=2), known, elsewhere, told.append)
    assert outcomes(together) == outcomes(alone)
    assert together.best.number == alone.best.number
    assert np.array_equal(together.model.predict(known.X), alone.model.predict(known.X))
    assert isinstance(told[0], RunsBegin)
    assert sorted(e.run.number for e in told if isinstance(e, RunEnd)) == list(range(6))
    assert [path.name for path in elsewhere.work.iterdir()] == ["runs"]


def test_a_second_session_fits_nothing_again(places: Places) -> None:
    spec, known = students()
    first = best_of(spec, known, places)
    told: list[Event] = []
    second = best_of(spec, known, places, told.append)
    assert outcomes(second) == outcomes(first)
    assert np.array_equal(second.model.predict(known.X), first.model.predict(known.X))
    assert [type(event) for event in told] == [RunsBegin]
    assert len(lines(places)) == 6


def test_more_runs_go_on_with_those_there_are(places: Places, tmp_path: Path) -> None:
    spec, known = students()
    best_of(with_fit(spec, runs=2), known, places)
    told: list[Event] = []
    more = best_of(spec, known, places, told.append)
    assert [e.run.number for e in told if isinstance(e, RunEnd)] == [2, 3, 4, 5]
    assert outcomes(more) == outcomes(best_of(spec, known, Places(tmp_path, tmp_path / "b")))


def test_other_rows_or_another_specification_start_anew(places: Places) -> None:
    spec, known = students()
    spec = with_fit(spec, runs=1)
    best_of(spec, known, places)
    changed = known.y.copy()
    changed[0] += 1e-9
    for other, table in (
        (spec, Table(known.X, changed)),
        (with_fit(spec, metric="mae"), known),
        (with_fit(spec, estimator=EstimatorChoice(name="Lasso")), known),
    ):
        told: list[Event] = []
        best_of(other, table, places, told.append)
        assert any(isinstance(event, RunEnd) for event in told)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_goal_stops_and_later_runs_do_not_count(places: Places, jobs: int) -> None:
    spec, known = students()
    scores = [run.score for run in best_of(spec, known, places).runs]
    goal = scores[0] if scores[0] >= scores[1] else scores[1]
    first = next(number for number, score in enumerate(scores) if score >= goal)
    stopped = Places(places.data, places.work / "stopped")
    chosen = best_of(with_fit(spec, stop_at=goal, jobs=jobs), known, stopped)
    assert [run.number for run in chosen.runs] == list(range(first + 1))
    assert chosen.best.number == first
    assert len(lines(stopped)) < 6


def test_a_metric_that_is_better_below(places: Places) -> None:
    spec, known = students()
    chosen = best_of(with_fit(spec, metric="mae"), known, places)
    assert chosen.best.score == min(run.score for run in chosen.runs)


def test_rows_are_divided_anew_for_each_run_unless_it_is_not_wanted(places: Places) -> None:
    table = table_of("diabetes")
    fit = {"estimator": {"name": "Ridge"}, "runs": 3, "jobs": 1}
    anew = best_of(spec_of(table, "regression", fit), table, places)
    assert len({run.score for run in anew.runs}) == 3
    fixed = spec_of(table, "regression", fit, split={"resplit": False})
    assert len({run.score for run in best_of(fixed, table, places).runs}) == 1


def test_failed_runs_are_counted_and_the_others_win(places: Places) -> None:
    spec, known = students()
    search = {"solver": ("svd", "cholesky", "no such solver")}
    chosen = best_of(with_fit(spec, search=search), known, places)
    failed = [run for run in chosen.runs if run.error]
    assert 0 < len(failed) < 6
    assert all("solver" in run.error and math.isnan(run.score) for run in failed)
    assert any(f"{len(failed)} of 6 runs failed" in note for note in chosen.notes)


def test_when_every_run_fails_the_reason_is_told(places: Places) -> None:
    spec, known = students()
    wrong = with_fit(spec, search={"solver": ("no such solver",)})
    with pytest.raises(FitFailed, match=r"all 6 runs failed: InvalidParameterError: .*'solver'"):
        best_of(wrong, known, places)


def test_what_the_search_names_must_exist(places: Places) -> None:
    spec, known = students()
    for name, words in (
        ("alphaa", "did you mean 'alpha'"),
        ("features__numeric__impute__stratgy", "did you mean 'features__numeric__impute__strategy"),
    ):
        with pytest.raises(BadSpecification, match=words):
            best_of(with_fit(spec, search={name: (1,)}), known, places)


def test_a_search_reaches_what_a_constructor_does_not_name(places: Places) -> None:
    spec, known = students()
    lightgbm = EstimatorChoice(name="LGBMRegressor", parameters={"n_estimators": 5})
    search = {"feature_fraction": (0.3,), "max_bin": (9,)}
    chosen = best_of(with_fit(spec, estimator=lightgbm, search=search, runs=1), known, places)
    found = chosen.model["model"].get_params()
    assert {name: found[name] for name in search} == {"feature_fraction": 0.3, "max_bin": 9}
    wrong = with_fit(spec, estimator=lightgbm, search={"feature_fractions": (0.3,)})
    with pytest.raises(BadSpecification, match="did you mean 'feature_fraction'"):
        best_of(wrong, known, places)


def test_a_search_reaches_into_the_features(places: Places) -> None:
    spec, known = students()
    name = "features__numeric__impute__strategy"
    chosen = best_of(with_fit(spec, search={name: ("mean",)}, runs=1), known, places)
    assert chosen.model["features"].named_transformers_["numeric"]["impute"].strategy == "mean"


def test_warnings_are_told_and_do_not_disturb(places: Places) -> None:
    table = table_of("digits", 200)
    estimator = {"name": "LogisticRegression", "parameters": {"max_iter": 2}}
    spec = spec_of(table, "classification", {"estimator": estimator, "runs": 2, "jobs": 1})
    chosen = best_of(spec, table, places)
    assert any(note.startswith("2 of 2 runs warned: ConvergenceWarning") for note in chosen.notes)


@pytest.mark.parametrize("name", ["iris", "breast_cancer"])
@pytest.mark.parametrize("estimator", ["XGBClassifier", "RandomForestClassifier"])
def test_classes_of_real_tables(places: Places, name: str, estimator: str) -> None:
    table = table_of(name)
    fit = {
        "estimator": {"name": estimator, "parameters": {"n_estimators": 8}},
        "runs": 3,
        "jobs": 1,
        "metric": "balanced_accuracy",
        "search": {"max_depth": {"low": 2, "high": 4, "whole": True}},
    }
    spec = spec_of(table, "classification", fit, split={"stratified": True})
    chosen = best_of(spec, table, places)
    assert chosen.best.score > 0.85
    assert all(type(run.parameters["max_depth"]) is int for run in chosen.runs)


def test_draws_depend_on_seed_and_number_alone() -> None:
    spec, _ = students()
    assert drawn(spec, 4) == drawn(spec, 4)
    assert drawn(spec, 4).seed != drawn(spec, 5).seed
    other: Specification = spec.model_copy(
        update={"model": spec.model.model_copy(update={"seed": 6})}
    )
    assert drawn(other, 4).parameters != drawn(spec, 4).parameters


def test_logarithms_are_drawn_evenly_and_ends_belong() -> None:
    spec, _ = students()
    alphas = [drawn(spec, number).parameters["alpha"] for number in range(400)]
    # Half of the draws from 0.01 to 100 lie below 1.
    assert 160 < sum(alpha < 1 for alpha in alphas) < 240
    from_toml: dict[str, Any] = {"low": 1, "high": 3, "whole": True}
    table = Table(pd.DataFrame({"x": [1.0]}), np.array([1.0]))
    whole = spec_of(
        table, "regression", {"estimator": {"name": "Ridge"}, "search": {"alpha": from_toml}}
    )
    assert {drawn(whole, number).parameters["alpha"] for number in range(60)} == {1, 2, 3}
