"""The quick way reads what the exact way reads, to the bit, and leaves it everything else."""

import io
import json
import random
import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.manifest import GoldenRows
from models.schema import Column, TabularSchema
from service.codecs.cells import CellPacker, Row
from service.codecs.json_rows import JsonRows
from service.codecs.table_rows import TableRows
from service.errors import ServiceError
from service.inference.plain_tables import PlainTables, is_plain
from tests.service.conftest import FLOATS, MIXED, make

MAX_ROWS = 5
WIDTHS = (1, 2, 3)
SCHEMAS = {
    width: TabularSchema(
        container="array",
        columns=tuple(
            Column(name=f"x{i}", dtype="float64", frame_dtype="float64") for i in range(width)
        ),
    )
    for width in WIDTHS
}
GOLDEN = {width: GoldenRows(instances=([1.0] * width,), predictions=(0,)) for width in WIDTHS}
EXACT = {
    width: JsonRows(make(schema, golden=GOLDEN[width]), MAX_ROWS)
    for width, schema in SCHEMAS.items()
}
QUICK = {width: PlainTables(width, MAX_ROWS) for width in WIDTHS}
MUTATIONS = b'[]{},:"\\ -+.eE019tfn\n\xff\x00'

number = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**40), 10**40))
odd = st.one_of(number, st.booleans(), st.none(), st.text(max_size=3), st.lists(number, max_size=3))
table = st.lists(st.lists(odd, max_size=4), max_size=7)
nested = st.lists(st.recursive(st.integers(0, 9), lambda one: st.lists(one, max_size=4)))
good = st.lists(st.lists(number, min_size=3, max_size=3), min_size=1, max_size=MAX_ROWS)
KINDS = ("f2", "f4", "f8", "i1", "i8", "u8", "b1")
FORMATS = ("%r", "%.17e", "%.40f", "%.3g", "%E", "%.25g")


def exactly(body: bytes, width: int = 3) -> bytes | None:
    """Return what the exact way reads, or None if it refuses."""
    try:
        return CellPacker(SCHEMAS[width]).pack(EXACT[width].parse(body).rows).numbers
    except ServiceError:
        return None


def quickly(body: bytes, width: int = 3) -> bytes | None:
    numbers = QUICK[width].read(body)
    return None if numbers is None else numbers.tobytes()


def check(body: bytes, width: int = 3) -> None:
    quick = quickly(body, width)
    assert quick is None or quick == exactly(body, width)


@given(st.one_of(good, table))
@example([[1, 2, 3]])
@example([[1e39, 2, 3]])
@example([[True, 2, 3]])
@example([["1", 2, 3]])
@example([[1, 2]])
@example([])
@example([[1.0, 2.0, 3.0]] * 6)
def test_the_two_ways_agree(rows: object) -> None:
    check(json.dumps({"instances": rows}).encode())


@given(nested, st.sampled_from(WIDTHS))
@example([[1], [[2]], 3], 1)
@example([5, [6], [[7, 8], 9, 10]], 2)
@example([[1, 2, 3], [4], [5, 6, 7, 8, 9]], 3)
@example([[1, 2], [], [3, 4, 5, 6]], 2)
@example([[], [1, 2]], 1)
def test_lists_are_never_taken_for_others(rows: object, width: int) -> None:
    check(json.dumps({"instances": rows}).encode(), width)


def test_every_bracket_that_can_stand_in_a_small_table() -> None:
    """All sequences of so many brackets, commas and numbers that are JSON at all."""
    drawn = random.Random(7)
    taken = 0
    for _ in range(5_000):
        rows = drawn.randint(1, 4)
        width = drawn.choice(WIDTHS)
        symbols = "[" * rows + "]" * rows + "1" * (rows * width) + "," * (rows * width - 1)
        text = "".join(drawn.sample(symbols, len(symbols)))
        text = f"[{text}]" if drawn.random() < 0.1 else _valid(drawn, rows, width)
        body = b'{"instances":%b}' % text.encode()
        check(body, width)
        taken += quickly(body, width) is not None
    assert taken > 100


def _valid(drawn: random.Random, rows: int, width: int) -> str:
    """Return a list of so many numbers with so many lists somewhere in it."""
    values: list[object] = list(range(rows * width))
    for _ in range(rows):
        start = drawn.randrange(len(values))
        stop = start + drawn.choice((1, width))
        values[start:stop] = [values[start:stop]]
    return json.dumps(values)


@given(st.lists(number, min_size=3, max_size=3), st.sampled_from(FORMATS))
@example([-0.0, 5e-324, 2.2250738585072014e-308], "%r")
@example([0.1 + 0.2, 9007199254740993, 2**63 + 1025], "%r")
@example([1.7976931348623157e308, 3.4028234663852886e38, 3.4028234663852890e38], "%r")
def test_numbers_are_those_that_python_reads(row: list[float], form: str) -> None:
    texts = [form % (value if form == "%r" else float(value)) for value in row]
    body = b'{"instances":[[%b]]}' % ", ".join(texts).encode()
    quick = quickly(body)
    if quick is not None:
        # To the bit: but for the sign of an integer -0, which no way keeps.
        assert quick == struct.pack(
            "=3d", *(float(text) if text != "-0" else 0.0 for text in texts)
        )
        assert quick == exactly(body)


@given(good)
def test_ordinary_numbers_take_the_quick_way(rows: list[list[float]]) -> None:
    within = [[float(min(max(value, -1e38), 1e38)) for value in row] for row in rows]
    body = json.dumps({"instances": within}).encode()
    assert quickly(body) is not None
    assert quickly(body.replace(b", ", b"\n\t, ")) == quickly(body)


def test_broken_bodies_are_read_alike() -> None:
    drawn = random.Random(11)
    sound = b'{"instances": [[1.5, -2e3, 0], [3, 4, 5.25], [-0.0, 7, 8]]}'
    for _ in range(5_000):
        body = bytearray(sound)
        for _ in range(drawn.randint(1, 3)):
            place = drawn.randrange(len(body))
            end = place + drawn.choice((0, 1, 1, 2, 9))
            body[place:end] = bytes(drawn.choices(MUTATIONS, k=drawn.choice((0, 1, 1, 2))))
        check(bytes(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"instances": [[1, 2, 1e999]]}',
        b'{"instances": [[1, 2, NaN]]}',
        b'{"instances": [[1, 2, Infinity]]}',
        b'{"instances": [[1, 2, 1e39]]}',
        b'{"instances": [[1, 2, true]]}',
        b'{"instances": [[1, 2, "3"]]}',
        b'{"instances": [[1, 2, null]]}',
        b'{"instances": [[1, 2]]}',
        b'{"instances": ["abc"]}',
        b'{"instances": [7]}',
        b'{"instances": {}}',
        b'{"instances": []}',
        b'{"instances": [{}]}',
        b'{"instances": [[1, 2, 3], {}]}',
        b'{"instances": [[1, 2, 3]], "instances": [[1, 2, 3]]}',
        b'{"instances": [{"x0": 1, "x1": 2, "x2": 3}]}',
        b'{"inputs": [[1, 2, 3]]}',
        b'{"instances": [[1, 2, 3]]} x',
        b'{"instances": [[1, 2, 3]]}{}',
        b'{"instances": [[1, 2, 3],]}',
        b'{"instances": [[01, 2, 3]]}',
        b'\xef\xbb\xbf{"instances": [[1, 2, 3]]}',
        b'{"instances": [[1, 2, 3]]}\xff',
        b'{"instances": [[1, 2, ' + b"9" * 400 + b"]]}",
        b'{"instances": ' + b"[" * 2000 + b"]" * 2000 + b"}",
        b'{"instances": [' + b"[1, 2, 3]," * 5 + b"[1, 2, 3]]}",
    ],
)
def test_doubtful_bodies_are_left_to_the_exact_way(body: bytes) -> None:
    assert quickly(body) is None
    assert quickly(b'{"instances":[[1,2,3]]}') is not None  # and the next one is read


def test_only_plain_schemas_have_it() -> None:
    assert is_plain(FLOATS)
    assert not is_plain(MIXED)


def table_exactly(read: Callable[[TableRows], list[Row]]) -> bytes | None:
    """Return what the exact way reads of CSV or npy, or None if it refuses."""
    try:
        return CellPacker(FLOATS).pack(read(TableRows(FLOATS, MAX_ROWS))).numbers
    except ServiceError:
        return None


def csv_quickly(body: bytes) -> bytes | None:
    records = TableRows(FLOATS, MAX_ROWS).behind_header(body)
    numbers = None if records is None else QUICK[3].read_csv(records)
    return None if numbers is None else numbers.tobytes()


def check_csv(body: bytes) -> None:
    quick = csv_quickly(body)
    if quick is not None:
        assert quick == table_exactly(lambda rows: rows.from_csv(body))


@given(good, st.sampled_from(FORMATS), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_csv_is_read_alike(rows: list[list[float]], form: str, end: str, header: bool) -> None:
    lines = ["x0,x1,x2"] * header
    lines += [",".join(form % (one if form == "%r" else float(one)) for one in row) for row in rows]
    for text in (end.join(lines), end.join(lines) + end):
        check_csv(text.encode())


def test_broken_csv_is_read_alike() -> None:
    drawn = random.Random(13)
    sound = b"x0,x1,x2\n1.5,-2e3,0\n3, 4,5.25\n-0.0,7,8\n"
    assert csv_quickly(sound) is not None
    for _ in range(5_000):
        body = bytearray(sound)
        for _ in range(drawn.randint(1, 3)):
            place = drawn.randrange(len(body))
            body[place : place + drawn.choice((0, 1, 1, 9))] = bytes(
                drawn.choices(MUTATIONS + b"\r_x;'", k=drawn.choice((0, 1, 1, 2)))
            )
        check_csv(bytes(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x0,x1,x2\n",
        b"1,2\n",
        b"1,2,3\n\n4,5,6\n",
        b"1,,3\n",
        b"1,2,nan\n",
        b"1,2,1e39\n",
        b"1,2,-0\n",
        b"-0,2,3\n",
        b"1,2],[3\n",
        b'1,2,"3"\n',
        b"1,2,0x10\n",
        b"1,2,3\r4,5,6\n",
        b"x1,x0,x2\n1,2,3\n",
        b"\xef\xbb\xbfx0,x1,x2\n1,2,3\n",
        b"1,2,3\n" * 6,
    ],
)
def test_doubtful_csv_is_left_to_the_exact_way(body: bytes) -> None:
    assert csv_quickly(body) is None
    check_csv(b"1,2,3\n")


def test_a_row_of_names_is_a_header() -> None:
    schema = TabularSchema(
        container="array",
        columns=tuple(Column(name=n, dtype="float64", frame_dtype="float64") for n in "123"),
    )
    rows = TableRows(schema, MAX_ROWS)
    assert rows.behind_header(b"1,2,3\n4,5,6\n") == b"4,5,6\n"
    assert rows.behind_header(b"3,2,1\n4,5,6\n") is None
    assert rows.behind_header(b"1,2,4\n4,5,6\n") == b"1,2,4\n4,5,6\n"


@given(
    good, st.sampled_from(["f2", "f4", "f8", "i1", "i8", "u8", "b1"]), st.booleans(), st.booleans()
)
def test_npy_is_read_alike(rows: list[list[float]], kind: str, swap: bool, turned: bool) -> None:
    with np.errstate(all="ignore"):
        array = np.array(rows, np.float64).astype(f"{'>' if swap else '<'}{kind}")
    file = io.BytesIO()
    np.save(file, np.asfortranarray(array) if turned else array)
    body = file.getvalue()
    numbers = QUICK[3].read_npy(body)
    exact = table_exactly(lambda one: one.from_npy(body))
    if numbers is not None:
        assert numbers.tobytes() == exact
    else:
        assert kind == "b1" or exact is None
    for broken in (body[:-1], body + b"\x00", body[:20], body.replace(b"3)", b"4)")):
        assert QUICK[3].read_npy(broken) is None
