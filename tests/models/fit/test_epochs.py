"""Epoch by epoch: the trace, early stopping, and the best epoch kept."""

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, hinge_loss, log_loss, mean_squared_error

from models.errors import BadSpecification
from models.fit.best import best_of
from models.fit.draw import drawn
from models.fit.epochs import best_epoch
from models.fit.progress import EpochEnd, Event
from models.fit.run import Chosen
from models.fit.split import divide
from models.fit.table import Table
from models.metrics import METRICS
from models.places import Places
from models.spec import Specification
from tests.models.fit.conftest import spec_of, table_of


def specified(
    table: Table, name: str, parameters: dict[str, Any] | None = None, **fit: Any
) -> Specification:
    task = "regression" if name.endswith("Regressor") else "classification"
    choice = {"name": name, "parameters": parameters or {}}
    epochs = {"most": 12, "patience": 4, "batch_rows": 64}
    return spec_of(table, task, {"estimator": choice, "jobs": 1, "epochs": epochs} | fit)


def checked(spec: Specification, table: Table, places: Places) -> Chosen:
    """Fit, and see that the model is that of the best epoch of its trace."""
    chosen = best_of(spec, table, places)
    trace, metric = chosen.best.epochs, METRICS[spec.metric]
    assert [epoch.number for epoch in trace] == list(range(1, len(trace) + 1))
    kept = best_epoch(trace, metric)
    _, at = divide(spec, table, chosen.best.seed)
    validation = table.take(at)
    again = metric.score(chosen.model, validation.X, validation.y)
    assert again == chosen.best.score
    assert again == pytest.approx(trace[kept - 1].validation[metric.name], rel=1e-12)
    assert again == pytest.approx(
        (max if metric.greater_is_better else min)(e.validation[metric.name] for e in trace),
        rel=1e-12,
    )
    return chosen


@pytest.mark.parametrize(
    ("name", "parameters", "loss"),
    [
        ("SGDClassifier", {"loss": "log_loss"}, "log_loss"),
        ("SGDClassifier", {}, "hinge_loss"),
        ("Perceptron", {}, "hinge_loss"),
        ("MLPClassifier", {"hidden_layer_sizes": [8], "learning_rate_init": 0.02}, "log_loss"),
        ("GradientBoostingClassifier", {}, "log_loss"),
        ("HistGradientBoostingClassifier", {}, "log_loss"),
        ("RandomForestClassifier", {}, "log_loss"),
        ("XGBClassifier", {}, "log_loss"),
        ("LGBMClassifier", {}, "log_loss"),
    ],
)
def test_classifiers(places: Places, name: str, parameters: dict[str, Any], loss: str) -> None:
    table = table_of("breast_cancer", 240)
    chosen = checked(specified(table, name, parameters), table, places)
    assert set(chosen.best.epochs[0].validation) == {loss, "accuracy"}
    assert chosen.best.score > 0.85


@pytest.mark.parametrize(
    "name", ["SGDRegressor", "MLPRegressor", "GradientBoostingRegressor", "XGBRegressor"]
)
def test_regressors(places: Places, name: str) -> None:
    table = table_of("diabetes", 240)
    chosen = checked(specified(table, name, metric="mae"), table, places)
    assert set(chosen.best.epochs[0].fitted) == {"mse", "r2", "mae"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_trace_is_that_of_partial_fit_by_hand(places: Places) -> None:
    table = table_of("diabetes", 200)
    table = Table(table.X, (table.y - table.y.mean()) / table.y.std())
    spec = specified(table, "SGDRegressor")
    chosen = checked(spec, table, places)
    run = chosen.best
    fitted, validation = (table.take(at) for at in divide(spec, table, run.seed))
    features = chosen.model["features"]
    X = features.transform(fitted.X)
    from_scratch = type(chosen.model["model"])(random_state=run.seed)
    rng = np.random.default_rng(run.seed)
    for epoch in run.epochs:
        order = rng.permutation(len(X))
        for batch in np.split(order, range(64, len(X), 64)):
            from_scratch.partial_fit(X[batch], fitted.y[batch])
        by_hand = mean_squared_error(fitted.y, from_scratch.predict(X))
        assert epoch.fitted["mse"] == pytest.approx(by_hand, rel=1e-12)
        judged = from_scratch.predict(features.transform(validation.X))
        by_hand = mean_squared_error(validation.y, judged)
        assert epoch.validation["mse"] == pytest.approx(by_hand, rel=1e-12)


def test_losses_are_scikit_learns(places: Places) -> None:
    table = table_of("iris")
    for name, loss in (("RandomForestClassifier", "log_loss"), ("SGDClassifier", "hinge_loss")):
        spec = specified(table, name, epochs={"most": 1})
        chosen = best_of(spec, table, places)
        _, at = divide(spec, table, chosen.best.seed)
        rows = table.take(at)
        found = chosen.best.epochs[0].validation
        if loss == "log_loss":
            expected = log_loss(rows.y, chosen.model.predict_proba(rows.X))
        else:
            expected = hinge_loss(rows.y, chosen.model.decision_function(rows.X))
        assert found[loss] == pytest.approx(expected, rel=1e-12)
        assert found["accuracy"] == accuracy_score(rows.y, chosen.model.predict(rows.X))


def test_growing_trees_are_a_forest_of_so_many(places: Places) -> None:
    table = table_of("iris")
    spec = specified(table, "RandomForestClassifier")
    chosen = checked(spec, table, places)
    forest = chosen.model["model"]
    kept = best_epoch(chosen.best.epochs, METRICS["accuracy"])
    assert len(forest.estimators_) == kept
    assert forest.warm_start is False
    fitted = table.take(divide(spec, table, chosen.best.seed)[0])
    plain = RandomForestClassifier(kept, random_state=chosen.best.seed)
    plain.fit(chosen.model["features"].transform(fitted.X), fitted.y)
    X = chosen.model["features"].transform(table.X)
    np.testing.assert_allclose(forest.predict_proba(X), plain.predict_proba(X), atol=1e-12)


def test_patience_ends_it(places: Places) -> None:
    table = table_of("iris")
    rates = {"learning_rate": "constant", "eta0": 1e-12}
    spec = specified(table, "SGDClassifier", rates, epochs={"most": 50, "patience": 3})
    chosen = checked(spec, table, places)
    # With such a rate nothing is learned: no epoch is better than the first.
    assert len(chosen.best.epochs) == 4


def test_epochs_are_told_while_they_happen(places: Places) -> None:
    table = table_of("iris")
    told: list[Event] = []
    spec = specified(table, "SGDClassifier", runs=2)
    chosen = best_of(spec, table, places, told.append)
    epochs = [event for event in told if isinstance(event, EpochEnd)]
    assert [e.epoch for e in epochs if e.run == 1] == list(chosen.runs[1].epochs)


def test_an_estimator_that_learns_in_one_go_is_refused(places: Places) -> None:
    table = table_of("iris")
    with pytest.raises(BadSpecification, match="KNeighborsClassifier learns in one go"):
        best_of(specified(table, "KNeighborsClassifier"), table, places)


def test_the_same_seed_gives_the_same_trace(places: Places) -> None:
    table = table_of("iris")
    spec = specified(table, "MLPClassifier", runs=2, search={"alpha": (1e-4, 1e-2)})
    first = best_of(spec, table, places)
    second = best_of(spec, table, Places(places.data, places.work / "again"))
    assert [run.epochs for run in first.runs] == [run.epochs for run in second.runs]
    assert drawn(spec, 0).seed == first.runs[0].seed
