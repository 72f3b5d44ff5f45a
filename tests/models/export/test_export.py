"""Exports answer as the model does, read by plain Python, by node and by onnxruntime."""

import json
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from onnxruntime import InferenceSession
from sklearn import ensemble, linear_model, svm, tree
from sklearn.compose import ColumnTransformer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
)

from models.errors import RefusedModel
from models.export import export
from tests.models.export import reader
from tests.models.export.exporting import TOLERANCE, agree, exported, facts, features_of, table

TREES = {
    "tree": (tree.DecisionTreeClassifier(random_state=0), "three"),
    "regression tree": (tree.DecisionTreeRegressor(max_depth=6), "regression"),
    "random tree": (tree.ExtraTreeClassifier(random_state=0), "two"),
    "forest": (ensemble.RandomForestClassifier(7, max_depth=4, random_state=0), "three"),
    "regression forest": (ensemble.RandomForestRegressor(5, random_state=0), "regression"),
    "extra trees": (ensemble.ExtraTreesRegressor(3, max_depth=5, random_state=0), "regression"),
    "boosting, two": (ensemble.GradientBoostingClassifier(n_estimators=10), "two"),
    "boosting": (ensemble.GradientBoostingClassifier(n_estimators=6), "three"),
    "exponential": (
        ensemble.GradientBoostingClassifier(n_estimators=9, loss="exponential"),
        "two",
    ),
    "regression boosting": (ensemble.GradientBoostingRegressor(n_estimators=12), "regression"),
    "from zero": (ensemble.GradientBoostingRegressor(n_estimators=9, init="zero"), "regression"),
    "histogram, two": (ensemble.HistGradientBoostingClassifier(max_iter=9), "two"),
    "histogram": (ensemble.HistGradientBoostingClassifier(max_iter=5), "three"),
    "regression histogram": (ensemble.HistGradientBoostingRegressor(max_iter=9), "regression"),
    "poisson histogram": (
        ensemble.HistGradientBoostingRegressor(max_iter=9, loss="poisson"),
        "regression",
    ),
}


@pytest.mark.parametrize(("estimator", "task"), TREES.values(), ids=TREES)
def test_trees(estimator: Any, task: str, tmp_path: Path) -> None:
    X, y = table(task)
    may_miss = type(estimator).__name__.startswith(("Decision", "RandomForest", "Hist"))
    if may_miss:
        X = X.mask(np.random.default_rng(1).random(X.shape) < 0.1)
    model = make_pipeline(FunctionTransformer(feature_names_out="one-to-one"), estimator).fit(X, y)
    told = exported(model, "trees", X, tmp_path)
    rows = features_of(model, X)
    answers = [reader.trees(told, row) for row in rows]
    agree(model, X, answers)
    if may_miss:
        assert any(np.isnan(row).any() for row in rows)
    agree(model, X, _by_node(tmp_path / "export" / "trees.js", rows))


def _by_node(script: Path, rows: list[list[float]]) -> list[tuple[Any, Any]]:
    program = (
        "const m = require(process.argv[1]);"
        "const rows = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "const all = rows.map(r => m.predict(r.map(v => v === null ? NaN : v)));"
        "console.log(JSON.stringify(all));"
    )
    given = json.dumps([[None if np.isnan(v) else v for v in row] for row in rows])
    done = subprocess.run(
        ["node", "-e", program, str(script)],
        input=given, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    return [
        (one["label"], one["probabilities"]) if isinstance(one, dict) else (one, None)
        for one in found
    ]


def test_large_forests_are_not_written_as_text(tmp_path: Path) -> None:
    X, y = table("regression")
    model = ensemble.RandomForestRegressor(20, random_state=0).fit(X, y)
    told = exported(model, "trees", X, tmp_path)
    assert len(told["trees"]) == 20
    assert not (tmp_path / "export" / "trees.js").exists()


def test_names_of_columns_are_comments_and_nothing_else(tmp_path: Path) -> None:
    X, y = table("two")
    X.columns = pd.Index(["a\n};throw 1;//", "*/ b", "\u2028throw 2", 'd"'])
    model = tree.DecisionTreeClassifier(random_state=0).fit(X, y)
    exported(model, "trees", X, tmp_path)
    agree(model, X, _by_node(tmp_path / "export" / "trees.js", X.to_numpy().tolist()))


MACHINES = {
    "rbf": (svm.SVC(), "three"),
    "poly": (svm.SVC(kernel="poly", coef0=1.0), "three"),
    "linear, two": (svm.SVC(kernel="linear"), "two"),
    "sigmoid": (svm.SVC(kernel="sigmoid", gamma=0.01), "two"),
    "nu": (svm.NuSVC(nu=0.2, decision_function_shape="ovo"), "three"),
    "regression": (svm.SVR(C=10.0), "regression"),
    "nu regression": (svm.NuSVR(gamma=0.1), "regression"),
    "one class": (svm.OneClassSVM(nu=0.2), "regression"),
}


@pytest.mark.parametrize(("estimator", "task"), MACHINES.values(), ids=MACHINES)
def test_support_vectors(estimator: Any, task: str, tmp_path: Path) -> None:
    X, y = table(task)
    model = make_pipeline(StandardScaler(), estimator).fit(X, y)
    told = exported(model, "support_vectors", X, tmp_path)
    assert told["largest_difference"] <= TOLERANCE
    answers = [(reader.support_vectors(told, row), None) for row in features_of(model, X)]
    agree(model, X, answers)


def test_onnx_in_double_answers_as_the_model(tmp_path: Path) -> None:
    X, y = table("regression")
    model = make_pipeline(StandardScaler(), linear_model.Ridge()).fit(X, y)
    done = export(model, ["onnx"], facts(model, X), tmp_path)
    told = json.loads((tmp_path / "export" / "onnx.json").read_text())
    assert told["precision"] == "double"
    session = InferenceSession(tmp_path / "export" / "model.onnx")
    feed = {name: X[one["columns"]].to_numpy(np.float64) for name, one in told["inputs"].items()}
    said = session.run(None, feed)[0].ravel()
    np.testing.assert_allclose(said, model.predict(X), rtol=TOLERANCE)
    assert "double" in done[0].words


def test_onnx_of_mixed_columns_says_how_far_it_is(tmp_path: Path) -> None:
    X, y = table("two")
    X["shape"] = pd.Series(np.where(X.iloc[:, 0] > 5.5, "long", "short"), dtype="str")
    parts = [("words", OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["shape"]),
             ("numbers", StandardScaler(), list(X.columns[:4]))]  # fmt: skip
    forest = ensemble.RandomForestClassifier(10, max_depth=3, random_state=0)
    model = make_pipeline(ColumnTransformer(parts), forest).fit(X, y)
    export(model, ["onnx"], facts(model, X), tmp_path)
    told = json.loads((tmp_path / "export" / "onnx.json").read_text())
    session = InferenceSession(tmp_path / "export" / "model.onnx")
    number = {"DoubleTensorType": np.float64, "FloatTensorType": np.float32}
    feed = {
        name: X[one["columns"]].to_numpy(number.get(one["type"], object))
        for name, one in told["inputs"].items()
    }
    labels, probabilities = session.run(None, feed)
    assert (labels == model.predict(X)).mean() == 1.0
    difference = np.abs(probabilities - model.predict_proba(X))
    # Here and there a tree of ten votes otherwise: its threshold lies within a rounding.
    assert difference.max() < 0.11
    assert (difference < 1e-6).mean() > 0.9
    written = {one.key: one.value for one in _metadata(tmp_path / "export" / "model.onnx")}
    assert float(written["percore.largest_difference"]) == told["largest_difference"]


def _metadata(path: Path) -> Any:
    import onnx  # noqa: PLC0415  # its import warns

    return onnx.load(path).metadata_props


def test_onnx_without_a_converter_is_refused(tmp_path: Path) -> None:
    X, y = table("two")
    model = make_pipeline(FunctionTransformer(np.exp), linear_model.LogisticRegression()).fit(X, y)
    with pytest.raises(RefusedModel, match="export onnx: a step has no converter"):
        export(model, ["onnx"], facts(model, X), tmp_path)
    assert not (tmp_path / "export" / "model.onnx").exists()


def test_skops_is_read_back(tmp_path: Path) -> None:
    X, y = table("three")
    model = make_pipeline(StandardScaler(), linear_model.LogisticRegression()).fit(X, y)
    export(model, ["skops"], facts(model, X), tmp_path)
    again = skops.io.load(tmp_path / "export" / "model.skops", trusted=[])
    assert again.predict(X).tolist() == model.predict(X).tolist()


REFUSED = {
    "weights": (KNeighborsClassifier(), "no linear model"),
    "trees": (linear_model.LogisticRegression(), "no trees"),
    "support_vectors": (linear_model.LogisticRegression(), "no support vectors"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_another_kind_of_model_is_refused(kind: str, tmp_path: Path) -> None:
    estimator, reason = REFUSED[kind]
    X, y = table("two")
    model = make_pipeline(StandardScaler(), estimator).fit(X, y)
    with pytest.raises(RefusedModel, match=f"export {kind}: .*{reason}"):
        export(model, [kind], facts(model, X), tmp_path)


def test_what_cannot_be_told_is_refused(tmp_path: Path) -> None:
    X, y = table("three")
    cases: list[tuple[str, Any, str]] = [
        ("support_vectors", svm.SVC(break_ties=True), "break_ties"),
        ("trees", ensemble.HistGradientBoostingClassifier(categorical_features=[0]), "categories"),
        ("trees", ensemble.GradientBoostingClassifier(
            n_estimators=2, init=linear_model.LogisticRegression(max_iter=10_000)), "init"),
    ]  # fmt: skip
    X.iloc[:, 0] = X.iloc[:, 0].round()
    for kind, estimator, reason in cases:
        model = make_pipeline(PolynomialFeatures(1, include_bias=False), estimator).fit(X, y)
        with pytest.raises(RefusedModel, match=reason):
            export(model, [kind], facts(model, X), tmp_path)


def test_nothing_is_made_of_no_kinds(tmp_path: Path) -> None:
    X, y = table("two")
    model = linear_model.LogisticRegression(max_iter=1000).fit(X, y)
    assert export(model, [], facts(model, X), tmp_path) == ()
    assert list(tmp_path.iterdir()) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(export(model, ["weights", "skops", "weights"], facts(model, X), tmp_path)) == 2
