"""Tensors to cells without a process: the quick way of reading gives what the exact way gives."""

import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import prod
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.manifest import GoldenRows, Manifest
from models.schema import Column, OutputSchema, TabularSchema
from service.catalogue import ServedVersion
from service.codecs.cells import Cells
from service.errors import ServiceError, TooLarge, Unfit, Unreadable
from service.metrics import ModelMetrics
from service.protocols.v2.about import inputs_of
from service.protocols.v2.infer import InferV2
from service.protocols.v2.requests import HEADER_LENGTH, read_request
from service.protocols.v2.rows import payload_of
from service.protocols.v2.tensors import InputTensor, Tensor, read_tensor, to_bytes

MAX_ROWS = 5
NUMBERS = st.one_of(
    st.floats(),
    st.integers(-(1 << 1100), 1 << 1100),
    st.sampled_from([None, 3.4028234663852886e38, 3.5e38, -0.0, 5e-324]),
)


def served(*columns: Column, container: Any = "array") -> ServedVersion:
    manifest = Manifest.model_validate(
        {
            "name": "m",
            "version": 1,
            "task": "regression",
            "created_at": "2026-01-01T00:00:00Z",
            "files": {},
            "versions": {},
            "input": TabularSchema(container=container, columns=columns),
            "output": OutputSchema(kind="values", dtype="float64"),
            "golden": GoldenRows(instances=(), predictions=()),
        },
        strict=False,
    )
    return ServedVersion(manifest, ModelMetrics("m", 1), MAX_ROWS)


def column(name: str, dtype: Any = "float64", **more: Any) -> Column:
    return Column(name=name, dtype=dtype, frame_dtype=dtype, **more)


PLAIN = served(column("a"), column("b", "float32", min=-1.0, max=1.0))


def exact(version: ServedVersion, rows: list[list[Any]]) -> Cells:
    assert version.rows is not None
    assert version.pack is not None
    return version.pack(version.rows.check(rows))


def outcome(read: Callable[[], Cells | None]) -> Any:
    """Return the cells, or what the refusal is."""
    try:
        return read()
    except ServiceError as error:
        return type(error), error.message


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=MAX_ROWS + 1))
@example([(1, 2.5), (0.1, 1 << 53)])
@example([(1.0, float("nan"))])
def test_the_quick_way_is_the_exact_way(rows: list[tuple[Any, Any]]) -> None:
    shape = (len(rows), 2)
    whole = [Tensor("x", "FP64", shape, [cell for row in rows for cell in row])]
    a = Tensor("a", "FP64", shape[:1], [row[0] for row in rows])
    b = Tensor("b", "FP64", shape[:1], [row[1] for row in rows])
    wanted = outcome(lambda: exact(PLAIN, [list(row) for row in rows]))
    for tensors in (whole, [a, b], [b, a]):
        assert outcome(partial(_cells, tensors)) == wanted


@pytest.mark.parametrize("shape", [(1,), (2,), (1, 1), (2, 1), (1, 2), (2, 2), (4,), (1, 2, 1), ()])
@pytest.mark.parametrize("datatype", ["BOOL", "INT8", "FP32"])
@pytest.mark.parametrize("names", [["a"], ["x"], ["a", "b"], ["b", "c"], ["a", "b", "c"]])
def test_shapes(shape: tuple[int, ...], datatype: str, names: list[str]) -> None:
    """Whatever is taken the quick way has the form that the exact way takes."""
    tensors = [Tensor(name, datatype, shape, [1] * prod(shape)) for name in names]
    columns_fit = sorted(names) == ["a", "b"] and shape in {(1,), (2,), (4,), (1, 1), (2, 1)}
    table_fits = len(names) == 1 and shape in {(1, 2), (2, 2)}
    if datatype != "BOOL" and (columns_fit or table_fits):
        assert payload_of(PLAIN, tensors).cells == exact(PLAIN, [[1.0, 1.0]] * shape[0])
    elif datatype != "BOOL":
        with pytest.raises(Unfit):
            payload_of(PLAIN, tensors)


def test_booleans_are_no_numbers() -> None:
    with pytest.raises(Unfit, match="Row 0, column a"):
        payload_of(PLAIN, [Tensor("x", "BOOL", (1, 2), [True, False])])


def _cells(tensors: list[Tensor]) -> Cells | None:
    return payload_of(PLAIN, tensors).cells


def test_a_policy_for_the_range_is_kept() -> None:
    policy = {"missing": "reject", "out_of_range": "reject"}
    strict = served(column("a", min=0.0, max=1.0, policy=policy))
    assert payload_of(strict, [Tensor("a", "FP64", (1,), [0.5])]).rows == 1
    with pytest.raises(Unfit, match="Row 1, column a"):
        payload_of(strict, [Tensor("a", "FP64", (2,), [0.5, 1.5])])


def test_a_flagged_value_is_told_of() -> None:
    policy = {"missing": "reject", "out_of_range": "flag"}
    flagging = served(column("a", min=0.0, max=1.0, policy=policy))
    cells = payload_of(flagging, [Tensor("a", "FP64", (2,), [0.5, 1.5])]).cells
    assert cells is not None
    assert cells.warnings is not None
    assert [one.row for one in cells.warnings.first] == [1]


def test_too_many_rows() -> None:
    with pytest.raises(TooLarge, match="5 rows"):
        payload_of(PLAIN, [Tensor("x", "FP64", (6, 2), [1.0] * 12)])


def test_columns_of_different_lengths() -> None:
    tensors = [Tensor("a", "FP64", (1,), [1.0]), Tensor("b", "FP64", (2,), [1.0, 2.0])]
    with pytest.raises(Unfit, match="different lengths: 1 to 2"):
        payload_of(PLAIN, tensors)


def test_numbers_say_true_in_a_tensor_that_has_no_other_way() -> None:
    version = served(column("flag", "bool"), column("x"))
    assert inputs_of(version.manifest) == [{"name": "input", "datatype": "FP64", "shape": [-1, 2]}]
    wanted = exact(version, [[True, 1.5], [False, 0.0]])
    tensor = Tensor("input", "FP64", (2, 2), [1.0, 1.5, 0.0, 0.0])
    assert payload_of(version, [tensor]).cells == wanted
    with pytest.raises(Unfit, match="Row 0, column flag"):
        payload_of(version, [Tensor("input", "FP64", (1, 2), [2.0, 1.5])])


@pytest.mark.parametrize(
    ("dtype", "datatype"),
    [("bool", "BOOL"), ("uint8", "UINT8"), ("int64", "INT64"), ("float32", "FP32")],
)
def test_a_bare_array_has_its_own_datatype(dtype: str, datatype: str) -> None:
    version = served(column("a", dtype), column("b", dtype))
    assert inputs_of(version.manifest) == [
        {"name": "input", "datatype": datatype, "shape": [-1, 2]}
    ]
    values = [True, False] if dtype == "bool" else [1, 0]
    raw = to_bytes(Tensor("input", datatype, (1, 2), values))
    asked = read_request(version.manifest, {HEADER_LENGTH: b"0"}, raw)
    assert asked.raw
    assert payload_of(version, asked.tensors).cells == exact(version, [values])


def test_a_text_as_bytes_alone() -> None:
    version = served(column("text", "string"), container="frame")
    asked = read_request(version.manifest, {HEADER_LENGTH: b"0"}, "später".encode())
    assert payload_of(version, asked.tensors).cells == exact(version, [["später"]])


def test_bytes_alone_of_several_inputs() -> None:
    version = served(column("a"), column("b"), container="frame")
    with pytest.raises(Unfit, match="several inputs"):
        read_request(version.manifest, {HEADER_LENGTH: b"0"}, bytes(16))


def test_large_bodies_are_left_to_a_thread() -> None:
    wire = InferV2(inline_body_bytes=100)
    body = b'{"inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"data":[1.5,2.5]%s}]}'
    small = wire.read(PLAIN, b"", {}, body % b"")
    large = wire.read(PLAIN, b"", {}, body % (b" " * 100))
    assert small.reader is None
    assert large.reader is not None
    assert large.reader() == small.payload


def test_metadata_tells_what_a_column_takes() -> None:
    version = served(column("a", min=0.0, max=2.0, example=1.0), container="frame")
    (said,) = inputs_of(version.manifest)
    assert said["parameters"]["min"] == 0.0
    assert said["parameters"]["example"] == 1.0
    assert said["parameters"]["policy"]["out_of_range"] == "accept"


DATATYPES = {
    "BOOL": "?", "INT8": "b", "UINT8": "B", "INT16": "h", "UINT16": "H", "INT32": "i",
    "UINT32": "I", "INT64": "q", "UINT64": "Q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip


@given(st.sampled_from(sorted(DATATYPES)), st.binary(min_size=0, max_size=64))
def test_binary_data_there_and_back(datatype: str, raw: bytes) -> None:
    size = struct.calcsize(DATATYPES[datatype])
    count = len(raw) // size
    raw = raw[: count * size]
    if datatype == "BOOL":
        raw = bytes(byte & 1 for byte in raw)
    said = InputTensor(name="x", shape=[count], datatype=datatype)  # type: ignore[arg-type]
    tensor = read_tensor(said, raw)
    assert list(map(repr, tensor.values)) == list(
        map(repr, struct.unpack(f"<{count}{DATATYPES[datatype]}", raw))
    )
    if "nan" not in map(repr, tensor.values):
        assert to_bytes(tensor) == raw


@given(st.lists(st.binary(max_size=9)))
def test_elements_of_bytes_there_and_back(elements: list[bytes]) -> None:
    raw = to_bytes(Tensor("x", "BYTES", (len(elements),), elements))
    said = InputTensor(name="x", shape=[len(elements)], datatype="BYTES")
    assert read_tensor(said, raw).values == elements
    if raw:
        with pytest.raises(Unreadable):
            read_tensor(said, raw[:-1])


@given(st.binary(max_size=40), st.integers(0, 5))
def test_any_bytes_are_read_or_refused(raw: bytes, count: int) -> None:
    said = InputTensor(name="x", shape=[count], datatype="BYTES")
    with suppress(Unreadable):
        assert len(read_tensor(said, raw).values) == count


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner, max_size=3), max_leaves=8))  # fmt: skip
def test_any_data_is_read_or_refused(data: Any) -> None:
    shape = [len(data)] if isinstance(data, list) else [1]
    said = InputTensor(
        name="x", shape=shape, datatype="FP64", data=data if isinstance(data, list) else [data]
    )
    try:
        values = read_tensor(said, None).values
    except Unreadable:
        return
    assert all(value is None or type(value) in {int, float} for value in values)


@pytest.mark.parametrize(
    ("datatype", "low", "high"),
    [
        ("INT8", -128, 127), ("UINT8", 0, 255), ("INT16", -(2**15), 2**15 - 1),
        ("UINT16", 0, 2**16 - 1), ("INT32", -(2**31), 2**31 - 1), ("UINT32", 0, 2**32 - 1),
        ("INT64", -(2**63), 2**63 - 1), ("UINT64", 0, 2**64 - 1),
    ],
)  # fmt: skip
def test_whole_numbers_beyond_their_datatype_are_refused(
    datatype: Any, low: int, high: int
) -> None:
    """As JSON, where nothing cuts them: in binary there are none."""

    def said(*data: int | None) -> InputTensor:
        return InputTensor(name="x", shape=[len(data)], datatype=datatype, data=list(data))

    assert read_tensor(said(low, None, high), None).values == [low, None, high]
    for beyond in (low - 1, high + 1):
        with pytest.raises(Unreadable, match=f"is {datatype}, and its data holds {beyond}"):
            read_tensor(said(low, None, beyond), None)
