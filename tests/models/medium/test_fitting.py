"""Features learned batch by batch are those of scikit-learn's own fit of all rows at once."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import PredefinedSplit

from models.medium.batch import Batch, folds_of
from models.medium.fitting import FittedFeatures, fit_features
from models.spec import Specification
from models.transform import features
from models.transform.rules import FOLDS

ROWS = 3000
BATCH_ROWS = 170
TOLERANCE = 1e-12
SEED = 5


def table(rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    age = rng.integers(15, 90, rows)
    income = rng.lognormal(9, 1.5, rows)
    income[rng.random(rows) < 0.1] = np.nan
    town = pd.Series(
        rng.choice(list("abcdefghijklmnop"), rows, p=np.arange(1, 17) / 136), dtype="str"
    )
    town[rng.random(rows) < 0.05] = np.nan
    words = ["cat", "dog", "sun", "sea", "tree", "stone", "river", "cloud"]
    notes = pd.Series([" ".join(rng.choice(words, rng.integers(0, 6))) for _ in range(rows)])
    member = rng.choice(np.array([True, False, None], dtype=object), rows, p=[0.5, 0.4, 0.1])
    days = pd.Series(np.datetime64("2020-01-01") + rng.integers(0, 900, rows).astype("m8[D]"))
    grade = age / 10 + np.nan_to_num(np.log1p(income)) + rng.normal(0, 1, rows)
    return pd.DataFrame(
        {
            "age": age,
            "income": income,
            "height": rng.normal(1e6, 3, rows),
            "town": town,
            "level": pd.Series(rng.choice(["low", "mid", "high"], rows), dtype="str"),
            "notes": notes.astype("str"),
            "member": pd.Series(member, dtype=object),
            "day": days.dt.strftime("%Y-%m-%d").astype("str"),
            "grade": grade,
            "kind": pd.Series(
                np.where(grade > 12, "x", np.where(grade > 9, "y", "z")), dtype="str"
            ),
        }
    )


COLUMNS = {
    "age": {"type": "integer"},
    "income": {"type": "number", "nullable": True},
    "height": {"type": "number"},
    "town": {"type": "text", "nullable": True},
    "level": {"type": "text"},
    "notes": {"type": "text"},
    "member": {"type": "boolean", "nullable": True},
    "day": {"type": "date"},
    "grade": {"type": "number"},
    "kind": {"type": "text"},
}


def specification(rules: list[dict[str, object]], target: str = "grade") -> Specification:
    task = "regression" if target == "grade" else "classification"
    return Specification.model_validate(
        {
            "model": {"name": "some", "task": task, "engine": "batches", "seed": SEED},
            "source": {"kind": "parquet", "path": "rows.parquet"},
            "columns": COLUMNS,
            "target": {"column": target},
            "features": rules,
            "fit": {"estimator": {"name": "Ridge"}},
        }
    )


def streamed(spec: Specification, frame: pd.DataFrame) -> FittedFeatures:
    target = spec.target.column

    def read(columns: list[str]) -> Iterator[Batch]:
        for begin in range(0, len(frame), BATCH_ROWS):
            part = frame.iloc[begin : begin + BATCH_ROWS]
            numbers = np.arange(begin, begin + len(part), dtype=np.uint64)
            yield Batch(part[columns], part[target].to_numpy(), numbers)

    classes = np.unique(frame[target]) if spec.model.task == "classification" else None
    return fit_features(features(spec), read, lambda one: folds_of(one, FOLDS, SEED), classes)


def in_memory(spec: Specification, frame: pd.DataFrame) -> ColumnTransformer:
    fitted = features(spec)
    fitted.fit(frame[spec.feature_columns()], frame[spec.target.column].to_numpy())
    return fitted


def dense(matrix: object) -> np.ndarray:
    return matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)


RULES: dict[str, dict[str, object]] = {
    "median": {"kind": "numeric", "columns": ["age", "income", "height"]},
    "mean": {"kind": "numeric", "columns": ["age", "income"], "impute": "mean", "log": True},
    "minmax": {"kind": "numeric", "columns": ["income", "height"], "scale": "minmax"},
    "robust": {"kind": "numeric", "columns": ["income", "age", "height"], "scale": "robust"},
    "zero": {"kind": "numeric", "columns": ["income"], "impute": "zero", "indicator": True},
    "frequent": {"kind": "numeric", "columns": ["age"], "impute": "most_frequent"},
    "untouched": {"kind": "numeric", "columns": ["age"], "impute": "none", "scale": "none"},
    "onehot": {"kind": "onehot", "columns": ["town", "level", "member"]},
    "rare": {"kind": "onehot", "columns": ["town", "level"], "min_frequency": 120},
    "rare share": {"kind": "onehot", "columns": ["town", "age"], "min_frequency": 0.03},
    "ordinal": {"kind": "ordinal", "columns": ["town", "age"]},
    "ordered": {"kind": "ordinal", "columns": ["level"], "order": [["low", "mid", "high"]]},
    "response": {"kind": "response", "columns": ["town", "age"]},
    "smoothed": {"kind": "response", "columns": ["town"], "smooth": 7.5},
    "boolean": {"kind": "boolean", "columns": ["member"]},
    "date": {"kind": "date", "columns": ["day"], "parts": ["year", "month", "days"]},
    "words": {"kind": "text", "columns": ["notes"], "max_features": 9, "ngrams": [1, 2]},
    "hashed": {"kind": "text", "columns": ["notes"], "max_features": 64, "hashed": True},
}


@pytest.mark.parametrize("name", RULES)
def test_each_rule_learns_what_fit_learns(name: str) -> None:
    frame, spec = table(), specification([RULES[name]])
    ours, theirs = streamed(spec, frame).transformer, in_memory(spec, frame)
    X = frame[spec.feature_columns()]
    assert np.abs(dense(theirs.transform(X))).sum() > 0
    np.testing.assert_allclose(
        dense(ours.transform(X)), dense(theirs.transform(X)), rtol=TOLERANCE, atol=TOLERANCE
    )
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())


def test_all_rules_together_answer_alike_and_look_alike() -> None:
    names = ["mean", "rare", "words", "boolean", "date"]
    rules = [RULES[name] for name in names]
    rules[0] = {**rules[0], "indicator": True}
    frame, spec = table(), specification(rules)
    ours, theirs = streamed(spec, frame).transformer, in_memory(spec, frame)
    X = frame[spec.feature_columns()]
    np.testing.assert_allclose(
        dense(ours.transform(X)), dense(theirs.transform(X)), rtol=TOLERANCE, atol=TOLERANCE
    )
    assert ours.sparse_output_ == theirs.sparse_output_
    assert ours.output_indices_ == theirs.output_indices_
    assert [name for name, _, _ in ours.transformers_] == [
        name for name, _, _ in theirs.transformers_
    ]
    for (_, mine, _), (_, other, _) in zip(ours.transformers_, theirs.transformers_, strict=True):
        assert type(mine) is type(other)
        assert set(vars(mine)) == set(vars(other))


def test_learned_attributes_equal_those_of_fit() -> None:
    frame = table()
    spec = specification([RULES["robust"], RULES["rare"] | {"columns": ["town"]}, RULES["words"]])
    ours, theirs = streamed(spec, frame).transformer, in_memory(spec, frame)
    mine, other = ours.named_transformers_, theirs.named_transformers_
    for step, attribute in (
        ("impute", "statistics_"),
        ("scale", "center_"),
        ("scale", "scale_"),
    ):
        np.testing.assert_array_equal(
            getattr(mine["numeric"][step], attribute), getattr(other["numeric"][step], attribute)
        )
    assert [list(map(str, one)) for one in mine["onehot"].infrequent_categories_] == [
        list(map(str, one)) for one in other["onehot"].infrequent_categories_
    ]
    assert mine["text"].vocabulary_ == other["text"].vocabulary_
    np.testing.assert_allclose(mine["text"].idf_, other["text"].idf_, rtol=TOLERANCE)


@pytest.mark.parametrize("target", ["grade", "kind", "two"])
def test_response_coding_is_crossfitted_on_the_fitted_rows(target: str) -> None:
    frame = table()
    if target == "two":
        target = "kind"
        frame = frame[frame["kind"] != "z"].reset_index(drop=True)
    spec = specification([RULES["response"], RULES["zero"]], target)
    ours = streamed(spec, frame)
    whole = Batch(frame, frame[target].to_numpy(), np.arange(len(frame), dtype=np.uint64))
    folds = folds_of(whole, FOLDS, SEED)
    theirs = features(spec)
    theirs.set_params(response__cv=PredefinedSplit(folds))
    X, y = frame[spec.feature_columns()], frame[target].to_numpy()
    expected = theirs.fit_transform(X, y)
    order = np.argsort(folds, kind="stable")
    found, targets = ours.of_fitted(whole, folds)
    np.testing.assert_allclose(found, expected[order], rtol=TOLERANCE, atol=TOLERANCE)
    assert (targets == y[order]).all()
    np.testing.assert_allclose(ours.of_new(X), theirs.transform(X), rtol=TOLERANCE, atol=TOLERANCE)
    assert np.abs(ours.of_new(X)[order] - found).max() > 1e-6
