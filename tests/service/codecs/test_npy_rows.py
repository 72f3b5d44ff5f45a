import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.schema import Column, TabularSchema
from service.codecs.npy_rows import MAX_HEADER_BYTES, NpyRows
from service.codecs.table_rows import TableRows
from service.errors import ServiceError, TooLarge, Unfit, Unreadable
from tests.service.conftest import FLOATS

X = np.array([[1.5, -0.0, 5e-324], [0.1, 1e38, 3.0], [1 / 3, 2.0, -7.25], [9.0, 8.0, 7.0]])
TYPED = TabularSchema(
    container="frame",
    columns=(
        Column(name="count", dtype="int64", frame_dtype="int64"),
        Column(name="on", dtype="bool", frame_dtype="bool"),
        Column(name="level", dtype="float64", frame_dtype="float64", nullable=True),
    ),
)
KINDS = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]


def saved(array: Any, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), version=version)
    return file.getvalue()


def written(header: str, data: bytes = b"", version: int = 1) -> bytes:
    text = header.encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def read(body: bytes, schema: TabularSchema = FLOATS, max_rows: int = 10) -> list[Any]:
    return list(TableRows(schema, max_rows).from_npy(body))


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("ends", ["<", ">"])
def test_floats_come_bit_for_bit(version: tuple[int, int], order: Any, ends: str) -> None:
    array = np.asarray(X, dtype=f"{ends}f8", order=order)
    got = np.array(read(saved(array, version)), dtype="f8")
    assert got.shape == X.shape
    assert got.tobytes() == X.tobytes()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("ends", ["<", ">"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_number(kind: str, ends: str, order: Any) -> None:
    array = np.array([[1, 2, 3], [4, 5, 100]], dtype=f"{ends}{kind}", order=order)
    assert read(saved(array)) == [(1.0, 2.0, 3.0), (4.0, 5.0, 100.0)]


def test_float32_is_widened_and_not_rounded() -> None:
    array = np.array([[0.1, 1 / 3, 3e38]], dtype="f4")
    assert read(saved(array)) == [tuple(array.astype("f8")[0].tolist())]


def test_the_largest_integers_are_exact() -> None:
    schema = TabularSchema(
        container="array", columns=(Column(name="x", dtype="int64", frame_dtype="int64"),)
    )
    numbers = [2**63 - 1, -(2**63), 2**53 + 1]
    assert read(saved(np.array(numbers).reshape(-1, 1)), schema) == [(n,) for n in numbers]


def test_one_dimension_is_one_row() -> None:
    assert read(saved(X[1])) == [tuple(X[1])]


def test_booleans_are_numbers_where_the_column_has_numbers() -> None:
    assert read(saved(np.array([[True, False, True]]))) == [(1, 0, 1)]


def test_values_take_the_columns_types() -> None:
    array = np.array([[3.0, 1.0, np.nan], [4.0, 0.0, 2.5]])
    (first, second) = read(saved(array), TYPED)
    assert first == (3, True, None)
    assert second == (4, False, 2.5)
    assert [type(cell) for cell in second] == [int, bool, float]


@pytest.mark.parametrize(
    ("row", "column"),
    [([3.5, 1, 0], "count"), ([3, 2, 0], "on"), ([3, np.nan, 0], "on"), ([3, 1, np.inf], "level")],
)
def test_values_that_do_not_fit(row: list[float], column: str) -> None:
    with pytest.raises(Unfit) as caught:
        read(saved(np.array([[1.0, 1.0, 1.0], row])), TYPED)
    assert caught.value.details[0]["loc"] == ["rows", 1, column]


def test_nan_where_nothing_may_be_missing() -> None:
    with pytest.raises(Unfit):
        read(saved(np.array([[1.0, np.nan, 2.0]])))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 4)), np.zeros((2, 2)), np.zeros(4), np.zeros((1, 1, 3)), np.array(1.0),
        np.zeros((0, 3)), np.zeros((2, 3), dtype=complex), np.array([["a", "b", "c"]]),
        np.zeros((1, 3), dtype="M8[s]"), np.zeros(3, dtype=[("a", "f8")]),
        np.zeros((1, 3), dtype="longdouble"),
    ],
    ids=str,
)  # fmt: skip
def test_arrays_that_do_not_fit(array: Any) -> None:
    with pytest.raises(Unfit):
        read(saved(array))


def test_pickled_objects_are_refused_and_not_loaded(tmp_path: Any) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (open, (str(tmp_path / "sprung"), "w"))

    file = io.BytesIO()
    np.save(file, np.array([[Trap(), 1, 2]], dtype=object), allow_pickle=True)
    with pytest.raises(Unfit):
        read(file.getvalue())
    assert list(tmp_path.iterdir()) == []


GOOD = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3)}"
DATA = struct.pack("<3d", 1.0, 2.0, 3.0)


def test_the_header_that_the_bad_ones_are_made_of() -> None:
    assert read(written(GOOD, DATA)) == [(1.0, 2.0, 3.0)]
    assert read(written(GOOD, DATA, version=2)) == [(1.0, 2.0, 3.0)]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\x93NUMPY", b"\x93NUMPY\x01", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x01\x00\x76",
        b"\x93NUMPY\x04\x00" + written(GOOD, DATA)[8:], b"x" + written(GOOD, DATA)[1:],
        written(GOOD, DATA)[:40], written(GOOD, DATA[:-1]), written(GOOD, DATA + b"\0"),
        written(GOOD), written("[1]", DATA), written("", DATA), written("{" * 2000, DATA),
        written("-" * 2000 + "1", DATA), written("__import__('os').getcwd()", DATA),
        written(GOOD.replace("(1, 3)", "(-1, -3)"), DATA),
        written(GOOD.replace("(1, 3)", "[1, 3]"), DATA),
        written(GOOD.replace("(1, 3)", "(True, 3)"), DATA),
        written(GOOD.replace("(1, 3)", "(1.0, 3)"), DATA),
        written(GOOD.replace("False", "0"), DATA), written(GOOD.replace("shape", "form"), DATA),
        written(GOOD[:-1] + ", 'more': 1}", DATA), written(GOOD, DATA)[:-24] + b"\xff" * 23,
        written(GOOD + " " * MAX_HEADER_BYTES, DATA),
        written(GOOD, DATA).replace(b"'<f8'", b"'\xff8'"),
    ],
)  # fmt: skip
def test_what_is_no_npy(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


@pytest.mark.parametrize(
    "descr", ["'|O'", "'<f16'", "'?f8'", "'f8'", "''", "7", "('<f8', 3)", "None"]
)
def test_elements_that_are_no_numbers(descr: str) -> None:
    with pytest.raises(Unfit):
        read(written(GOOD.replace("'<f8'", descr), DATA))


def test_more_rows_than_are_taken() -> None:
    assert len(read(saved(np.ones((10, 3))))) == 10
    with pytest.raises(TooLarge):
        read(saved(np.ones((11, 3))))


def test_a_shape_is_no_promise_of_memory() -> None:
    with pytest.raises((TooLarge, Unreadable)):
        NpyRows(FLOATS, 2**62).read(written(GOOD.replace("(1, 3)", f"({2**60}, 3)"), DATA))


@given(st.binary(max_size=200), st.booleans(), st.integers(0, 100))
def test_any_bytes_give_rows_or_a_refusal(noise: bytes, begins: bool, keep: int) -> None:
    body = written(GOOD, DATA)[:keep] + noise if begins else noise
    try:
        rows = read(body)
    except ServiceError as error:
        assert isinstance(error, Unfit | Unreadable | TooLarge)  # noqa: PT017  # or else it answers
    else:
        assert len(rows) == 1
