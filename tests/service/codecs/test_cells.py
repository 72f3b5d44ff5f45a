import math
import struct

from hypothesis import given
from hypothesis import strategies as st

from models.schema import Column, TabularSchema
from service.codecs.cells import CellPacker, cut_cells
from tests.service.conftest import FLOATS, MIXED

finite = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = TabularSchema(
    container="frame",
    columns=(
        Column(name="n", dtype="float64", frame_dtype="float64"),
        Column(name="s", dtype="string", frame_dtype="object", nullable=True, missing="none"),
        Column(name="t", dtype="string", frame_dtype="object"),
    ),
)


@given(st.lists(st.tuples(finite, finite, finite), min_size=1, max_size=20))
def test_floats_travel_bit_for_bit(rows: list[tuple[float, float, float]]) -> None:
    cells = CellPacker(FLOATS).pack(rows)
    assert cells.rows == len(rows)
    got = struct.unpack(f"={3 * len(rows)}d", cells.numbers)
    assert struct.pack(f"={len(got)}d", *got) == struct.pack(
        f"={len(got)}d", *(value for row in rows for value in row)
    )
    assert cells.lengths == cells.text == b""


def test_one_row_and_many_are_packed_alike() -> None:
    packer = CellPacker(FLOATS)
    rows = [(1.0, -0.0, 5e-324), (2.5, 1e300, 3.0)]
    single = b"".join(packer.pack([row]).numbers for row in rows)
    assert packer.pack(rows).numbers == single


def test_mixed_rows_have_numbers_and_texts_apart() -> None:
    rows = [(17, 2.5, "GP", True, "née"), (18, None, "MS", False, None)]
    cells = CellPacker(MIXED).pack(rows)
    numbers = struct.unpack("=qdqqdq", cells.numbers)
    assert numbers[:3] == (17, 2.5, 1)
    assert numbers[3] == 18
    assert math.isnan(numbers[4])
    assert numbers[5] == 0
    assert struct.unpack("=4i", cells.lengths) == (2, 4, 2, -1)
    assert cells.text == "GPnéeMS".encode()


def test_integers_keep_all_their_bits() -> None:
    large = 2**63 - 1
    cells = CellPacker(MIXED).pack([(large, 0.0, "GP", False, "")])
    assert struct.unpack_from("=q", cells.numbers) == (large,)


@given(
    st.lists(st.tuples(finite, st.none() | st.text(max_size=5), st.text(max_size=5)), min_size=1),
    st.integers(1, 9),
)
def test_cut_cells_are_the_rows_one_after_the_other(
    rows: list[tuple[float, str | None, str]], parts: int
) -> None:
    packer = CellPacker(TEXTS)
    found = cut_cells(packer.pack(rows), parts)
    assert len(found) == min(parts, len(rows))
    assert max(one.rows for one in found) - min(one.rows for one in found) <= 1
    start = 0
    for one in found:
        assert one == packer.pack(rows[start : start + one.rows])
        start += one.rows
    assert start == len(rows)
