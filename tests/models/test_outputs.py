"""What models answer: labels of every type, numbers, several outputs, and what is refused."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import ClassifierChain
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from models.errors import RefusedModel
from models.outputs import ask, output_schema, task_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
TWO = X[:, 0] + X[:, 1] > 0


class Said(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Answers what it was told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, X: Any) -> Any:
        return self.answer if len(X) == 60 else self.answer[: len(X)]


class Subclassed(LogisticRegression):  # type: ignore[misc]
    """May do whatever it likes in predict."""


class Liar(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts what is not among its classes."""

    classes_ = np.array([0, 1])

    def predict(self, X: Any) -> Any:
        return np.full(len(X), 2)


@pytest.mark.parametrize(
    ("labels", "classes", "dtype"),
    [
        (np.where(TWO, "yes", "no"), ("no", "yes"), "string"),
        (np.where(TWO, "yes", "no").astype(object), ("no", "yes"), "string"),
        (TWO, (False, True), "bool"),
        (TWO.astype(int), (0, 1), "int64"),
        (TWO.astype("int8"), (0, 1), "int8"),
        (TWO * 1.0, (0.0, 1.0), "float64"),
    ],
)
def test_labels_keep_their_type(labels: Any, classes: tuple[Any, ...], dtype: str) -> None:
    model = LogisticRegression().fit(X, labels)
    schema = output_schema(model, X)
    assert (schema.kind, schema.classes, schema.dtype) == ("classes", classes, dtype)
    assert schema.classes is not None
    assert [type(label) for label in schema.classes] == [type(label) for label in classes]
    predictions, _ = ask(model, X[:5], probabilities=True).as_json()
    assert predictions == list(labels[:5]) or set(predictions) <= set(classes)
    assert {type(label) for label in predictions} == {type(classes[0])}


@pytest.mark.parametrize(
    ("model", "probabilities", "from_probabilities"),
    [
        (LogisticRegression(), True, True),
        (make_pipeline(StandardScaler(), LogisticRegression()), True, True),
        (RandomForestClassifier(5, random_state=0), True, True),
        (ExtraTreesClassifier(5, random_state=0), True, True),
        (HistGradientBoostingClassifier(max_iter=3), True, True),
        (GradientBoostingClassifier(n_estimators=3), True, True),
        (DecisionTreeClassifier(random_state=0), True, True),
        (GaussianNB(), True, True),
        (Subclassed(), True, False),
        (KNeighborsClassifier(), True, False),
        (LinearSVC(), False, False),
        (SVC(), False, False),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("target", [TWO.astype(int), np.digitize(X[:, 0], [-0.5, 0.5])])
def test_when_labels_follow_from_probabilities(
    model: Any, probabilities: bool, from_probabilities: bool, target: Any
) -> None:
    schema = output_schema(model.fit(X, target), X)
    assert schema.probabilities is probabilities
    assert schema.labels_from_probabilities is from_probabilities


def test_labels_that_contradict_the_probabilities_are_found() -> None:
    model = LogisticRegression().fit(X, TWO.astype(int))
    model.predict = lambda X: 1 - LogisticRegression.predict(model, X)
    schema = output_schema(model, X)
    assert schema.probabilities
    assert not schema.labels_from_probabilities


def test_float32_probabilities_are_too_coarse_to_take_labels_from() -> None:
    model = LogisticRegression().fit(X.astype("float32"), TWO.astype(int))
    assert model.predict_proba(X.astype("float32")).dtype == np.float32
    assert not output_schema(model, X.astype("float32")).labels_from_probabilities


@pytest.mark.parametrize(("outputs", "width"), [(1, 1), (3, 3)])
def test_several_outputs_have_a_width(outputs: int, width: int) -> None:
    model = LinearRegression().fit(X, RNG.normal(size=(60, outputs)))
    schema = output_schema(model, X)
    assert (schema.kind, schema.dtype, schema.width) == ("values", "float64", width)
    predictions, _ = ask(model, X[:2], probabilities=False).as_json()
    assert predictions == model.predict(X[:2]).tolist()


def test_one_output_has_none() -> None:
    schema = output_schema(LinearRegression().fit(X, X[:, 0]), X)
    assert (schema.kind, schema.dtype, schema.width) == ("values", "float64", None)


def test_float32_answers_are_widened() -> None:
    schema = output_schema(Said(np.full(60, 0.1, dtype="float32")), X)
    assert schema.dtype == "float64"


@pytest.mark.parametrize(
    ("model", "dtype"),
    [(KMeans(2, n_init=1, random_state=0), "int32"), (IsolationForest(n_estimators=5), "int64")],
)
def test_clusters_and_outliers_are_numbers(model: Any, dtype: str) -> None:
    model.fit(X)
    assert task_of(model) == "other"
    schema = output_schema(model, X)
    assert (schema.kind, schema.dtype, schema.classes) == ("values", dtype, None)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (np.full(60, np.nan), "NaN or infinity"),
        (np.full(60, np.inf), "NaN or infinity"),
        (np.full(59, 1.0), "one answer a row"),
        (np.full((60, 2, 2), 1.0), "one answer a row"),
        (scipy.sparse.csr_array(np.ones((60, 1))), "sparse"),
        (np.full(60, None), "object values; numbers are needed"),
        (np.full(60, 1j), "complex128 values; numbers are needed"),
    ],
)
def test_answers_that_json_cannot_carry_are_refused(answer: Any, sentence: str) -> None:
    with pytest.raises(RefusedModel, match=sentence):
        output_schema(Said(answer), X)


def test_several_labels_a_row_each_have_their_classes() -> None:
    both = np.column_stack([TWO.astype(int) + 1, np.digitize(X[:, 0], [-0.5, 0.5])])
    model = RandomForestClassifier(3, random_state=0).fit(X, both)
    schema = output_schema(model, X)
    assert (schema.kind, schema.dtype, schema.width) == ("classes", "int64", 2)
    assert schema.classes == (0, 1, 2)
    assert schema.classes_by_output == ((1, 2), (0, 1, 2))
    assert not schema.probabilities
    assert ask(model, X[:3], probabilities=False).as_json()[0] == model.predict(X[:3]).tolist()


@pytest.mark.parametrize("outputs", [1, 2])
def test_labels_beyond_64_bits_with_a_sign_are_refused(outputs: int) -> None:
    y = np.where(TWO, 2**63, 5).astype(np.uint64)
    model = DecisionTreeClassifier().fit(X, y if outputs == 1 else np.column_stack([y, y]))
    with pytest.raises(RefusedModel, match="the label 9223372036854775808 is above"):
        output_schema(model, X)


def test_the_classes_of_a_chain_are_those_of_each_output_whatever_it_asks_first() -> None:
    """It asks for three labels in an order in which no output stands where it is asked."""
    three = np.digitize(X[:, 0], [-0.5, 0.5])
    targets = np.column_stack([three, TWO.astype(int), three + 5])
    model = ClassifierChain(DecisionTreeClassifier(random_state=0), order=[1, 2, 0])
    schema = output_schema(make_pipeline(StandardScaler(), model).fit(X, targets), X)
    assert schema.classes_by_output == ((0.0, 1.0, 2.0), (0.0, 1.0), (5.0, 6.0, 7.0))


def test_labels_have_the_type_in_which_predict_says_them() -> None:
    model = ClassifierChain(LogisticRegression()).fit(X, np.column_stack([TWO, ~TWO]).astype(int))
    schema = output_schema(model, X)
    assert (schema.dtype, schema.classes) == ("float64", (0.0, 1.0))
    assert schema.classes is not None
    assert {type(one) for one in schema.classes} == {float}


def test_transformers_answer_the_transformed_row() -> None:
    model = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    schema = output_schema(model, X)
    assert (task_of(model), schema.method) == ("other", "transform")
    assert (schema.kind, schema.dtype, schema.width) == ("values", "float64", 2)
    assert ask(model, X[:2], probabilities=False).as_json()[0] == model.transform(X[:2]).tolist()


def test_labels_of_mixed_types_are_refused() -> None:
    model = LogisticRegression().fit(X, TWO.astype(int))
    model.classes_ = np.array(["no", 1], dtype=object)
    with pytest.raises(RefusedModel, match="mixes int, str"):
        output_schema(model, X)


def test_answers_outside_the_classes_are_refused() -> None:
    with pytest.raises(RefusedModel, match="2, which is not in classes_"):
        output_schema(Liar(), X)


def test_a_predict_that_fails_is_refused_with_its_reason() -> None:
    model = LinearRegression().fit(X, X[:, 0])
    with pytest.raises(RefusedModel, match="expecting 3 features"):
        output_schema(model, X[:, :2])
