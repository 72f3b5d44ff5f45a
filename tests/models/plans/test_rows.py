"""The rows that plans are verified on: legal, the same each time, and on every threshold."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from models.plans.edges import largest_left
from models.plans.rows import LEAST, hard_rows
from models.policies import keeps_to
from models.release import Candidate, examine
from models.schema import Column, TabularSchema
from models.tables import as_taken

RNG = np.random.default_rng(3)
X = RNG.normal(size=(300, 4)) * [1.0, 1e-4, 1e5, 3.0]
Y = (X[:, 0] + X[:, 3] + RNG.normal(size=300) > 0).astype(int)


def schema_of(model: object, rows: object) -> TabularSchema:
    schema = examine(Candidate(model=model, known=rows, held_out=rows[:10])).input  # type: ignore[index,arg-type]
    assert isinstance(schema, TabularSchema)
    return schema


def test_there_are_enough_and_they_are_the_same_each_time() -> None:
    model = RandomForestClassifier(20, random_state=0).fit(X, Y)
    schema = schema_of(model, X)
    first, second = (hard_rows(model, schema, ([1.0, 2.0, 3.0, 4.0],)) for _ in range(2))
    assert len(first.rows) >= LEAST >= 20_000
    values = as_taken(first.rows, "matrix")
    assert values.tobytes() == as_taken(second.rows, "matrix").tobytes()
    assert values[0].tolist() == [1.0, 2.0, 3.0, 4.0]  # golden rows are among them
    assert np.signbit(values[values == 0]).any()  # zeros of both signs
    assert (np.abs(values[values != 0]) < 2.3e-308).any()  # subnormal numbers
    assert np.abs(values).max() == np.float64(np.finfo(np.float32).max)


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [StandardScaler()],
        [MinMaxScaler((-3, 7)), RobustScaler()],
        [SimpleImputer(), StandardScaler()],
    ],
    ids=str,
)
@pytest.mark.parametrize("last", [RandomForestClassifier, HistGradientBoostingClassifier])
def test_rows_stand_on_both_sides_of_every_threshold(steps: list[object], last: type) -> None:
    model = make_pipeline(*steps, last(random_state=0)).fit(X, Y)
    hard = hard_rows(model, schema_of(model, X), ())
    assert hard.thresholds > 200
    assert hard.met == hard.thresholds


def test_of_a_single_tree_every_split_is_reached_on_both_sides() -> None:
    tree = DecisionTreeRegressor(random_state=0).fit(X, X[:, 0] * X[:, 3])
    values = as_taken(hard_rows(tree, schema_of(tree, X), ()).rows, "matrix")
    with np.errstate(all="ignore"):  # its check of infinity adds up the ends
        path = tree.decision_path(values).tocsc()
    narrow = values.astype(np.float32)
    for node in np.flatnonzero(tree.tree_.children_left >= 0):
        here = path.indices[path.indptr[node] : path.indptr[node + 1]]
        seen = narrow[here, tree.tree_.feature[node]]
        least = np.nextafter(np.float32(tree.tree_.threshold[node]), np.float32(np.inf))
        below = seen[seen <= tree.tree_.threshold[node]]
        above = seen[seen > tree.tree_.threshold[node]]
        assert above.min() <= least
        assert np.nextafter(below.max(), np.float32(np.inf)) > tree.tree_.threshold[node]


def test_the_largest_number_that_goes_left() -> None:
    with np.errstate(over="ignore"):
        splits = np.concatenate([RNG.normal(size=2000), RNG.normal(size=2000) * 1e30, [0.0]])
    splits[:500] = splits[:500].astype(np.float32)  # those that are float32 themselves, too
    below = largest_left(splits)
    assert (below.astype(np.float32) <= splits).all()
    assert (np.nextafter(below, np.inf).astype(np.float32) > splits).all()


@pytest.mark.parametrize("steps", [[], [SimpleImputer(strategy="constant")]], ids=str)
def test_numbers_beyond_float32_where_training_had_some(steps: list[object]) -> None:
    """The range of the last column is too wide for a float64, and its neighbours stay narrow."""
    huge = X.copy()
    huge[:, 2] = X[:, 2] * 1e195
    huge[:, 3] = np.where(X[:, 3] > 0, 1.7e308, -1.1e308) * RNG.uniform(0.1, 1.0, len(X))
    with np.errstate(all="ignore"):  # checks of infinity add up the ends
        model = make_pipeline(*steps, HistGradientBoostingClassifier(random_state=0)).fit(huge, Y)
        hard = hard_rows(model, schema_of(model, huge), ())
    assert hard.met == hard.thresholds > 200
    values = as_taken(hard.rows, "matrix")
    most = [np.finfo(kind).max for kind in ("float32", "float32", "float64", "float64")]
    assert np.nanmax(np.abs(values), axis=0).tolist() == most
    inside = np.abs(values[:, 2]) < np.abs(huge[:, 2]).max()
    assert len(np.unique(values[inside, 2])) > len(values) / 3


def test_no_row_breaks_a_policy() -> None:
    columns = (
        Column.model_validate(
            {
                "name": "a", "dtype": "float64", "frame_dtype": "float64", "min": -1.5, "max": 2.0,
                "policy": {"missing": "reject", "out_of_range": "reject"},
            }
        ),
        Column.model_validate(
            {
                "name": "b", "dtype": "int8", "frame_dtype": "int8", "nullable": True,
                "min": 0.0, "max": 9.0, "policy": {"missing": "accept", "out_of_range": "accept"},
            }
        ),
        Column.model_validate(
            {
                "name": "c", "dtype": "string", "frame_dtype": "object",
                "categories": ("x", "y"), "policy": {"unknown": "reject", "missing": "reject"},
            }
        ),
        Column.model_validate(
            {
                "name": "d", "dtype": "string", "frame_dtype": "object", "nullable": True,
                "categories": ("x", "y"), "policy": {"unknown": "flag", "missing": "accept"},
            }
        ),
        Column.model_validate(
            {
                "name": "e", "dtype": "int64", "frame_dtype": "int64", "categories": (1, 5),
                "policy": {"unknown": "reject", "missing": "reject"},
            }
        ),
    )  # fmt: skip
    schema = TabularSchema(container="frame", columns=columns)
    frame: pd.DataFrame = as_taken(hard_rows(None, schema, ()).rows, "X")
    rows = [
        [None if pd.isna(cell) else cell for cell in row]
        for row in frame.itertuples(index=False, name=None)
    ]
    assert len(rows) >= LEAST
    assert all(keeps_to(schema, row) for row in rows)
    assert {row[2] for row in rows} == {"x", "y"}
    assert {"x", None} < {row[3] for row in rows}
    assert len({row[3] for row in rows}) > 4  # what no encoder has learned
    assert {row[4] for row in rows} == {1, 5}
    assert {row[1] for row in rows} >= {-128, 127, 0, 9, None}
