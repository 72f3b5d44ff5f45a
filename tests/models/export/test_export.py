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
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from models.errors import RefusedModel
from models.export import export
from models.release import Candidate, Facts, examine
from models.rows import Rows
from tests.models.export import reader

TOLERANCE = 1e-12


def table(task: str) -> tuple[pd.DataFrame, Any]:
    """Return shuffled rows of a real table, as a frame, and the targets."""
    load = {"two": load_iris, "three": load_wine, "regression": load_diabetes}[task]
    bunch = load(as_frame=True)
    X, y = bunch.data.sample(frac=1, random_state=0), bunch.target
    y = y.loc[X.index].to_numpy()
    if task == "two":
        y = np.array(["other", "virginica"])[(y == 2).astype(int)]
    return X.reset_index(drop=True), y


def exported(model: Any, kind: str, X: Rows, folder: Path) -> dict[str, Any]:
    """Export a fitted model and return what stands in its JSON file."""
    export(model, [kind], facts(model, X), folder)
    told: dict[str, Any] = json.loads((folder / "export" / f"{kind}.json").read_text())
    return told


def facts(model: Any, X: Rows) -> Facts:
    return examine(Candidate(model, X, X))


def features_of(model: Any, X: Rows) -> list[list[float]]:
    features = model[:-1].transform(X) if isinstance(model, Pipeline) else np.asarray(X)
    return np.asarray(features, dtype=float).tolist()  # type: ignore[no-any-return]


def agree(model: Any, X: Rows, answers: list[tuple[Any, Any]]) -> None:
    """Compare labels exactly, values and probabilities within the tolerance."""
    predicted = model.predict(X)
    if predicted.dtype.kind == "f":
        assert [answer for answer, _ in answers] == pytest.approx(
            predicted.tolist(), rel=TOLERANCE, abs=TOLERANCE
        )
        return
    assert [answer for answer, _ in answers] == predicted.tolist()
    if answers[0][1] is not None:
        said = np.array([probabilities for _, probabilities in answers])
        np.testing.assert_allclose(said, model.predict_proba(X), rtol=0, atol=TOLERANCE)


LINEAR = {
    "ridge": (linear_model.Ridge(), "regression"),
    "lasso": (linear_model.Lasso(0.1), "regression"),
    "poisson": (linear_model.PoissonRegressor(), "regression"),
    "tweedie": (linear_model.TweedieRegressor(power=0), "regression"),
    "no intercept": (linear_model.LinearRegression(fit_intercept=False), "regression"),
    "support vectors": (
        svm.LinearSVR(random_state=0, dual=False, loss="squared_epsilon_insensitive"),
        "regression",
    ),
    "logistic, two": (linear_model.LogisticRegression(), "two"),
    "logistic, three": (linear_model.LogisticRegression(), "three"),
    "gradient descent, two": (linear_model.SGDClassifier(loss="log_loss", random_state=0), "two"),
    "gradient descent": (linear_model.SGDClassifier(loss="log_loss", random_state=0), "three"),
    "hinge": (linear_model.SGDClassifier(random_state=0), "three"),
    "ridge classifier": (linear_model.RidgeClassifier(), "three"),
    "machine": (svm.LinearSVC(random_state=0), "two"),
}


@pytest.mark.parametrize(("estimator", "task"), LINEAR.values(), ids=LINEAR)
def test_weights(estimator: Any, task: str, tmp_path: Path) -> None:
    X, y = table(task)
    model = make_pipeline(StandardScaler(), estimator).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert told["features"] == list(X.columns)
    assert told["largest_difference"] <= TOLERANCE
    agree(model, X, [reader.weights(told, row) for row in features_of(model, X)])
    # Folded into raw columns: the preparation is gone.
    assert told["raw"]["columns"] == list(X.columns)
    agree(model, X, [reader.raw_weights(told, row) for row in X.to_numpy().tolist()])


def test_weights_behind_columns_that_are_filled_and_scaled(tmp_path: Path) -> None:
    X, y = table("regression")
    X = X.mask(np.random.default_rng(0).random(X.shape) < 0.1)
    filled = make_pipeline(SimpleImputer(strategy="median"), RobustScaler())
    columns = ColumnTransformer(
        [
            ("b", filled, ["bmi", "age"]),
            ("a", make_pipeline(SimpleImputer(), MinMaxScaler()), ["bp"]),
            ("c", make_pipeline(SimpleImputer(), MaxAbsScaler()), [6, 7]),
            ("left out", "drop", ["s1"]),
        ]
    )
    model = make_pipeline(columns, linear_model.Ridge()).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert told["features"] == ["b__bmi", "b__age", "a__bp", "c__s3", "c__s4"]
    agree(model, X, [reader.weights(told, row) for row in features_of(model, X)])
    rows = X.fillna({"s1": 0, "sex": 0, "s2": 0, "s5": 0, "s6": 0}).to_numpy().tolist()
    agree(model, X, [reader.raw_weights(told, row) for row in rows])


def mixed(task: str) -> tuple[pd.DataFrame, Any]:
    """Return a table with texts, whole numbers, truth values and gaps, and the targets."""
    X, y = table(task)
    numbers = X.iloc[:, :3].set_axis(["a", "b", "c"], axis=1)
    rng = np.random.default_rng(3)
    found = numbers.mask(rng.random(numbers.shape) < 0.1)
    found["shape"] = pd.Series(rng.choice(["long", "short", "round"], len(X)), dtype="str")
    found["town"] = pd.Series(rng.choice(["x", "y", 'z, "q"'], len(X)), dtype="str")
    found.loc[rng.random(len(X)) < 0.2, "town"] = np.nan
    found["size"] = pd.Series(rng.choice(["s", "m", "l"], len(X)), dtype="str")
    found["floor"] = rng.integers(1, 5, len(X))
    found["lit"] = rng.random(len(X)) < 0.5
    found["note"] = pd.Series(rng.choice(["p", "q"], len(X)), dtype="str")
    return found, y / 7 if task == "regression" else y  # whole numbers look like classes


CODED = {
    "unknown ones are zeros": OneHotEncoder(handle_unknown="ignore"),
    "none for the first": OneHotEncoder(handle_unknown="ignore", drop="first"),
    "rare ones together": OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=2),
    "dense": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "in an order": OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    ),
    "means of the target": TargetEncoder(),
}


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize("encoder", CODED.values(), ids=CODED)
@pytest.mark.parametrize("task", ["regression", "two", "three"])
def test_weights_of_raw_columns_behind_codes(encoder: Any, task: str, tmp_path: Path) -> None:
    """A reader in another language needs nothing but the columns of a request."""
    X, y = mixed(task)
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    columns = ColumnTransformer(
        [
            ("numbers", numbers, ["b", "a"]),
            ("gaps", MissingIndicator(error_on_new=False), ["c"]),
            ("filled", SimpleImputer(), ["c"]),
            ("coded", encoder, ["shape", "town", "floor"]),
            ("filled words", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(
                handle_unknown="ignore")), ["size"]),
            ("truth", "passthrough", ["lit"]),
        ]
    )  # fmt: skip
    last = {
        "regression": linear_model.Ridge(),
        "two": linear_model.LogisticRegression(max_iter=10_000),
        "three": linear_model.LogisticRegression(max_iter=10_000),
    }[task]
    model = make_pipeline(columns, StandardScaler(with_mean=False), last).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert told["raw_missing_because"] == ""
    assert set(told["raw"]["categories"]) == {"shape", "town", "floor", "size", "note"}
    hostile = X.copy()
    hostile.loc[::3, "shape"] = "nobody's"
    hostile.loc[1::3, "town"] = "elsewhere"
    hostile.loc[2::3, "size"] = "xxl"
    hostile.loc[::2, "floor"] = 77
    for rows in (X, hostile):
        cells = rows.astype(object).where(rows.notna(), None).to_numpy().tolist()
        agree(model, rows, [reader.raw_weights(told, row) for row in cells])


def test_a_category_weighs_what_its_feature_weighs(tmp_path: Path) -> None:
    X, y = mixed("regression")
    encode = ColumnTransformer([("words", OneHotEncoder(handle_unknown="ignore"), ["shape"])])
    model = make_pipeline(encode, linear_model.Ridge()).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert told["raw"]["categories"]["shape"] == {
        "values": ["long", "round", "short"],
        "weights": told["weights"],
        "missing": None,
        "unknown": [0.0],
    }
    assert told["raw"]["bias"] == told["bias"]


def test_a_column_of_many_categories_is_asked_in_parts(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"place": pd.Series(rng.integers(0, 900, 4000).astype(str), dtype="str")})
    y = rng.normal(size=4000)
    encode = ColumnTransformer([("o", OneHotEncoder(handle_unknown="ignore"), ["place"])])
    model = make_pipeline(encode, linear_model.Ridge()).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert len(told["raw"]["categories"]["place"]["values"]) > 800
    agree(model, X, [reader.raw_weights(told, row) for row in X.to_numpy().tolist()])


REFUSED = {
    "does more than fill, shift, scale and code columns": PolynomialFeatures(2),
    "does more to column 'a' than fill, shift and scale it": make_pipeline(
        SimpleImputer(), MinMaxScaler(clip=True)
    ),
}


@pytest.mark.parametrize(("words", "step"), REFUSED.items(), ids=REFUSED)
def test_weights_say_why_they_are_not_those_of_raw_columns(
    words: str, step: Any, tmp_path: Path
) -> None:
    X, y = table("two")
    X.columns = pd.Index(["a", "b", "c", "d"])
    encode = ColumnTransformer([("step", step, ["a", "b"])], remainder="passthrough")
    model = make_pipeline(encode, linear_model.LogisticRegression()).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert told["raw"] is None
    assert words in told["raw_missing_because"]
    agree(model, X, [reader.weights(told, row) for row in features_of(model, X)])


def test_a_column_taken_twice_is_told(tmp_path: Path) -> None:
    X, y = mixed("regression")
    both = [("n", StandardScaler(), ["floor"]), ("o", OneHotEncoder(), ["floor"])]
    model = make_pipeline(ColumnTransformer(both), linear_model.Ridge()).fit(X, y)
    told = exported(model, "weights", X, tmp_path)
    assert told["raw_missing_because"] == "column 'floor' is taken as a number and as a category"


def test_weights_of_a_bare_array(tmp_path: Path) -> None:
    X, y = table("three")
    model = linear_model.LogisticRegression(max_iter=10_000).fit(X.to_numpy(), y)
    told = exported(model, "weights", X.to_numpy(), tmp_path)
    agree(model, X.to_numpy(), [reader.weights(told, row) for row in X.to_numpy().tolist()])


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
