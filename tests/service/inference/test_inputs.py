"""Cells become the X that scikit-learn saw in training: container, order, dtypes, markers."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.schema import Cell, Column, TabularSchema
from models.tables import Matrix, Takes, as_taken, take_rows
from service.codecs.cells import CellPacker
from service.inference.inputs import InputBuilder
from service.inference.messages import PredictBatch
from tests.service.conftest import FLOATS, MIXED


def build(schema: TabularSchema, rows: Sequence[Sequence[Cell]], takes: Takes = "X") -> Any:
    cells = CellPacker(schema).pack(rows)
    parts = [memoryview(part) for part in cells[1:4]]
    batch = PredictBatch(0, 0, cells.rows, parts[0], parts[1], parts[2], [])
    return as_taken(InputBuilder(schema).build(batch), takes)


def table(container: str, *columns: Column) -> TabularSchema:
    return TabularSchema.model_validate({"container": container, "columns": columns})


def test_a_bare_array_stays_one() -> None:
    X = build(FLOATS, [(1.0, 2.0, 3.0), (4.0, 5.0, 6.0)])
    assert isinstance(X, np.ndarray)
    assert X.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_named_columns_become_a_frame_in_the_fitted_order() -> None:
    schema = FLOATS.model_copy(update={"container": "frame"})
    X = build(schema, [(1.0, 2.0, 3.0)])
    pd.testing.assert_frame_equal(
        pd.DataFrame({"x0": [1.0], "x1": [2.0], "x2": [3.0]}), pd.DataFrame(X)
    )


def test_mixed_columns_have_their_training_dtypes() -> None:
    X = build(MIXED, [(17, None, "GP", True, None), (18, 2.5, "MS", False, "é")])
    expected = pd.DataFrame(
        {
            "age": pd.Series([17, 18], dtype="int64"),
            "study hours": [np.nan, 2.5],
            "school": pd.Series(["GP", "MS"], dtype="str"),
            "internet": [True, False],
            "note": pd.Series([None, "é"], dtype=object),
        }
    )
    pd.testing.assert_frame_equal(pd.DataFrame(X), expected)


@pytest.mark.parametrize(("missing", "marker"), [("none", None), ("nan", np.nan)])
def test_null_is_the_marker_that_training_had(missing: str, marker: object) -> None:
    column = Column.model_validate(
        {
            "name": "a",
            "dtype": "string",
            "frame_dtype": "object",
            "nullable": True,
            "missing": missing,
        }
    )
    X = pd.DataFrame(build(table("frame", column), [(None,), ("x",)]))
    assert X["a"].dtype == object
    assert X["a"].iloc[0] is None if marker is None else np.isnan(X["a"].iloc[0])


def test_an_integer_column_with_a_missing_value_is_a_float_column() -> None:
    column = Column(name="a", dtype="int64", frame_dtype="int64", nullable=True)
    whole = pd.DataFrame(build(table("frame", column), [(1,), (2,)]))
    assert whole["a"].dtype == np.int64
    holed = pd.DataFrame(build(table("frame", column), [(1,), (None,)]))
    assert holed["a"].dtype == np.float64
    assert np.isnan(holed["a"].iloc[1])


def test_a_category_column_has_the_training_categories() -> None:
    column = Column(
        name="a",
        dtype="string",
        frame_dtype="category",
        categories=("low", "mid", "high"),
        ordered=True,
    )
    X = pd.DataFrame(build(table("frame", column), [("high",), ("low",)]))
    expected = pd.Categorical(["high", "low"], ["low", "mid", "high"], ordered=True)
    assert X["a"].dtype == expected.dtype
    assert X["a"].tolist() == ["high", "low"]


def test_nullable_booleans() -> None:
    column = Column(name="a", dtype="bool", frame_dtype="object", nullable=True, missing="none")
    X = pd.DataFrame(build(table("frame", column), [(True,), (None,), (False,)]))
    assert X["a"].tolist() == [True, None, False]


def test_a_float32_column_is_one() -> None:
    column = Column(name="a", dtype="float32", frame_dtype="float32")
    X = pd.DataFrame(build(table("frame", column), [(0.1,)]))
    assert X["a"].dtype == np.float32


def test_an_array_of_mixed_columns_holds_objects() -> None:
    number = Column(name="x0", dtype="float64", frame_dtype="object")
    text = Column(name="x1", dtype="string", frame_dtype="object")
    X = build(table("array", number, text), [(1.5, "a"), (2.5, "b")])
    assert isinstance(X, np.ndarray)
    assert X.tolist() == [[1.5, "a"], [2.5, "b"]]


def test_no_warning_of_feature_names() -> None:
    from sklearn.linear_model import LinearRegression  # noqa: PLC0415

    frame = pd.DataFrame({"x0": [1.0, 2.0, 4.0], "x1": [1.0, 0.0, 1.0], "x2": [0.0, 1.0, 1.0]})
    named = LinearRegression().fit(frame, [1, 2, 3])
    bare = LinearRegression().fit(frame.to_numpy(), [1, 2, 3])
    rows = [(1.0, 2.0, 3.0)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        as_frame = named.predict(build(FLOATS.model_copy(update={"container": "frame"}), rows))
        as_array = bare.predict(build(FLOATS, rows))
    assert as_frame.tolist() == as_array.tolist()


@pytest.mark.parametrize(
    "X", [np.arange(6).reshape(3, 2), pd.DataFrame({"a": [0, 2, 4]}), [0, 2, 4]]
)
def test_take_rows_keeps_the_container(X: Matrix) -> None:
    for rows in (slice(1, 3), np.array([1, 2])):
        taken = take_rows(X, rows)
        assert type(taken) is type(X)
        assert np.asarray(taken).ravel()[0] == 2
        assert len(taken) == 2


@pytest.mark.parametrize("frame_dtype", ["Int64", "UInt8", "Float64"])
def test_pandas_own_dtypes(frame_dtype: str) -> None:
    column = Column.model_validate(
        {"name": "a", "dtype": frame_dtype.lower(), "frame_dtype": frame_dtype}
    )
    X = build(table("frame", column), [(3,), (4,)])
    expected = pd.DataFrame({"a": pd.array([3, 4], dtype="Int64")}).astype({"a": frame_dtype})
    pd.testing.assert_frame_equal(pd.DataFrame(X), expected)


@pytest.mark.parametrize("policy", ["accept", "flag"])
def test_a_category_that_nobody_knows_is_one_of_its_own(policy: str) -> None:
    column = Column.model_validate(
        {
            "name": "a",
            "dtype": "string",
            "frame_dtype": "category",
            "nullable": True,
            "categories": ("x", "y"),
            "policy": {"unknown": policy, "missing": "accept"},
        }
    )
    X = build(table("frame", column), [("y",), ("new",), (None,), ("new",)])
    expected = pd.Categorical(["y", "new", None, "new"], ["x", "y", "new"])
    pd.testing.assert_frame_equal(pd.DataFrame(X), pd.DataFrame({"a": expected}))


def test_a_matrix_has_the_numbers_of_the_frame() -> None:
    schema = table(
        "frame",
        Column(name="a", dtype="int64", frame_dtype="int64"),
        Column(name="b", dtype="bool", frame_dtype="object", nullable=True, missing="none"),
        Column(name="c", dtype="float32", frame_dtype="float32", nullable=True),
    )
    matrix = build(schema, [(1, True, 0.1), (2, None, None)], "matrix")
    expected = [[1, 1, float(np.float32(0.1))], [2, np.nan, np.nan]]
    assert matrix.dtype == np.float64
    assert matrix.flags.c_contiguous
    np.testing.assert_array_equal(matrix, expected)


def test_a_plain_table_is_its_own_matrix() -> None:
    matrix = build(FLOATS, [(1.0, 2.0, 3.0), (4.0, 5.0, 6.0)], "matrix")
    assert matrix.tolist() == [[1, 2, 3], [4, 5, 6]]
    columns = build(FLOATS, [(1.0, 2.0, 3.0), (4.0, 5.0, 6.0)], "columns")
    assert [one.tolist() for one in columns] == [[1, 4], [2, 5], [3, 6]]


def test_columns_have_the_markers_of_training() -> None:
    age, hours, school, internet, note = build(
        MIXED, [(17, None, "GP", True, None), (18, 2.5, "MS", False, "é")], "columns"
    )
    assert (age.dtype, age.tolist()) == (np.int64, [17, 18])
    np.testing.assert_array_equal(hours, [np.nan, 2.5])
    assert (school.dtype, school.tolist()) == (object, ["GP", "MS"])
    assert (internet.dtype, internet.tolist()) == (np.float64, [1, 0])
    assert note.tolist() == [None, "é"]


@pytest.mark.parametrize("takes", ["X", "matrix"])
def test_some_rows_of_a_table(takes: Takes) -> None:
    rows = InputBuilder(FLOATS).from_columns(3, [np.arange(3.0)] * 3)
    for which in (slice(1, 3), np.array([1, 2])):
        taken = take_rows(rows, which)
        assert len(taken) == 2
        assert as_taken(taken, takes).tolist() == [[1, 1, 1], [2, 2, 2]]


def test_some_rows_of_a_mixed_table() -> None:
    column = Column(name="a", dtype="string", frame_dtype="object", nullable=True, missing="nan")
    rows = InputBuilder(table("frame", column)).from_columns(3, [["x", "y", None]])
    for which in (slice(1, 3), np.array([1, 2])):
        (taken,) = as_taken(take_rows(rows, which), "columns")
        assert taken[0] == "y"
        assert np.isnan(taken[1])
