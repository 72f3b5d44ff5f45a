"""Estimators by name."""

import sys
from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMRegressor
from sklearn.linear_model import Ridge
from sklearn.utils.discovery import all_estimators

from models.errors import BadSpecification
from models.fit.boosters import more_parameters
from models.fit.build import build_estimator
from models.fit.classes import Task, parameters_of
from models.fit.encoded import EncodedLabels
from models.release import Candidate, release
from models.spec.fitting import EstimatorChoice
from models.stages import Stages
from models.store import Store
from tests.models.fit.conftest import table_of


def build(task: Task = "classification", seed: int = 7, **choice: Any) -> Any:
    return build_estimator(EstimatorChoice.model_validate(choice), task, seed)


def states(model: Any) -> dict[str, Any]:
    """Return every random_state inside."""
    return {
        name: value
        for name, value in model.get_params(deep=True).items()
        if name.rpartition("__")[2] == "random_state"
    }


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_every_estimator_of_scikit_learn_can_be_named(task: Task) -> None:
    kind = "classifier" if task == "classification" else "regressor"
    inner = "LogisticRegression" if task == "classification" else "Ridge"
    for name, expected in all_estimators(kind):
        takes = {"estimators", "estimator"} & set(parameters_of(expected))
        needs = takes and name not in {"AdaBoostClassifier", "AdaBoostRegressor"}
        members = [{"name": inner}] if needs else []
        assert type(build(task, name=name, members=members)) is expected


def test_parameters_are_set_and_a_seed_goes_everywhere() -> None:
    model = build(
        name="StackingClassifier",
        parameters={"cv": 3},
        members=[
            {"name": "RandomForestClassifier", "parameters": {"n_estimators": 9}},
            {"name": "RandomForestClassifier", "parameters": {"random_state": 41}},
            {
                "name": "BaggingClassifier",
                "members": [{"name": "SGDClassifier", "parameters": {"alpha": 0.5}}],
            },
        ],
        final={"name": "LogisticRegression", "parameters": {"C": 0.1}},
    )
    assert [name for name, _ in model.estimators] == [
        "randomforestclassifier", "randomforestclassifier2", "baggingclassifier",
    ]  # fmt: skip
    assert (model.cv, model.final_estimator.C) == (3, 0.1)
    assert model.estimators[0][1].n_estimators == 9
    assert model.estimators[2][1].estimator.alpha == 0.5
    found = states(model)
    assert len(found) == 5
    assert None not in found.values()
    assert found["randomforestclassifier2__random_state"] == 41
    assert found["randomforestclassifier__random_state"] != found["final_estimator__random_state"]
    assert found == states(build_estimator(choice_of(model_like=model), "classification", 7))


def choice_of(model_like: Any) -> EstimatorChoice:
    """Return the choice from which the model above is made again."""
    return EstimatorChoice.model_validate(
        {
            "name": type(model_like).__name__,
            "members": [
                {"name": "RandomForestClassifier"},
                {"name": "RandomForestClassifier", "parameters": {"random_state": 41}},
                {"name": "BaggingClassifier", "members": [{"name": "SGDClassifier"}]},
            ],
            "final": {"name": "LogisticRegression"},
        }
    )


def test_voting_predicts_what_its_members_would() -> None:
    table = table_of("diabetes")
    members = [{"name": "Ridge"}, {"name": "DecisionTreeRegressor"}]
    model = build("regression", name="VotingRegressor", members=members).fit(table.X, table.y)
    alone = [build("regression", name="Ridge").fit(table.X, table.y)]
    tree = model.named_estimators_["decisiontreeregressor"]
    mean = (alone[0].predict(table.X) + tree.predict(table.X)) / 2
    np.testing.assert_allclose(model.predict(table.X), mean, rtol=1e-12)


def test_a_class_of_ones_own() -> None:
    assert type(build("regression", name="sklearn.linear_model:Ridge")) is Ridge


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"name": "RandomForrest"}, "near it: RandomForestClassifier"),
        ({"name": "Ridge"}, "it is for regression, and the task is classification"),
        ({"name": "XGBRegressor"}, "it is for regression"),
        ({"name": "__main__:Mine"}, "__main__ lives in one script"),
        ({"name": "tests.no_such:Mine"}, "the module cannot be imported"),
        ({"name": "math:cos"}, "math has no class 'cos'"),
        (
            {"name": "SVC", "parameters": {"gama": 1}},
            "SVC has no parameter 'gama'; did you mean 'gamma'",
        ),
        ({"name": "LGBMClassifier", "parameters": {"leafs": 1}}, "has no parameter 'leafs'"),
        ({"name": "VotingClassifier"}, "name them under"),
        ({"name": "SVC", "members": [{"name": "SVC"}]}, "SVC has no members"),
        (
            {"name": "BaggingClassifier", "members": [{"name": "SVC"}, {"name": "SVC"}]},
            "has one member, and 2 are given",
        ),
        ({"name": "SVC", "final": {"name": "SVC"}}, "SVC has no final estimator"),
        ({"name": "OneVsRestClassifier"}, "cannot be made"),
    ],
)
def test_what_cannot_be_made_is_told_with_what_to_do(choice: dict[str, Any], words: str) -> None:
    with pytest.raises(BadSpecification, match=words):
        build(**choice)


@pytest.mark.parametrize(
    ("name", "library"), [("XGBClassifier", "xgboost"), ("LGBMClassifier", "lightgbm")]
)
def test_a_missing_library_is_told_with_its_extra(
    name: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(BadSpecification, match=rf"{name} needs {library}.*percore\[boost\]"):
        build(name=name)


@pytest.mark.parametrize("name", ["XGBClassifier", "LGBMClassifier"])
def test_boosters_take_any_labels_and_are_served(name: str, store: Store) -> None:
    table = table_of("iris")
    model = build(name=name, parameters={"n_estimators": 5}).fit(table.X[:120], table.y[:120])
    assert list(model.classes_) == ["setosa", "versicolor", "virginica"]
    assert (model.predict(table.X[120:]) == table.y[120:]).mean() > 0.8
    candidate = Candidate(model, known=table.X[:120], held_out=table.X[120:])
    done = release(store, "m", candidate, Stages())
    assert done.manifest.output.classes == ("setosa", "versicolor", "virginica")
    assert done.manifest.output.probabilities


@pytest.mark.parametrize(
    "parameters", [{"verbose": -1}, {"max_bin": 4}, {"feature_fraction": 0.4, "lambda_l1": 1.0}]
)
def test_lightgbm_takes_what_its_constructor_does_not_name(parameters: dict[str, Any]) -> None:
    table = table_of("iris")
    numbered = np.unique(table.y, return_inverse=True)[1].astype(float)
    ours = build("regression", name="LGBMRegressor", parameters=parameters)
    given: dict[str, Any] = {"verbose": -1, "n_jobs": 1, "random_state": 7, **parameters}
    theirs = LGBMRegressor(**given)
    for model in (ours.set_params(random_state=7), theirs):
        model.fit(table.X, numbered)
    assert np.array_equal(ours.predict(table.X), theirs.predict(table.X))


def test_lightgbm_knows_every_one_of_them(capfd: pytest.CaptureFixture[str]) -> None:
    def said(**given: Any) -> str:
        X = np.arange(40.0).reshape(-1, 1)
        LGBMRegressor(n_estimators=1, verbose=1, **given).fit(X, X[:, 0])
        return "".join(capfd.readouterr())

    assert "Unknown parameter: leafs" in said(leafs="")
    for name in more_parameters("LGBMRegressor") - {"verbose"}:
        assert "Unknown parameter" not in said(**{name: ""}), name


def test_numbered_classes_change_nothing_but_the_labels() -> None:
    table = table_of("iris")
    names, numbered = np.unique(table.y, return_inverse=True)
    wrapped = build(name="XGBClassifier", parameters={"n_estimators": 5})
    assert isinstance(wrapped, EncodedLabels)
    bare = build(name="XGBClassifier", parameters={"n_estimators": 5}).estimator
    wrapped.fit(table.X, table.y)
    bare.fit(table.X, numbered)
    assert np.array_equal(wrapped.predict_proba(table.X), bare.predict_proba(table.X))
    assert np.array_equal(wrapped.predict(table.X), names[bare.predict(table.X)])
