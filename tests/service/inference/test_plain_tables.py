"""The quick way reads what the exact way reads, to the bit, and leaves it everything else."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.codecs.cells import CellPacker
from service.codecs.json_rows import JsonRows
from service.errors import ServiceError
from service.inference.plain_tables import is_plain, read_plain_table
from tests.service.conftest import FLOATS, MIXED, make

MAX_ROWS = 5
number = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**40), 10**40))
odd = st.one_of(number, st.booleans(), st.none(), st.text(max_size=3), st.lists(number, max_size=3))
table = st.lists(st.lists(odd, max_size=4), max_size=7)
good = st.lists(st.lists(number, min_size=3, max_size=3), min_size=1, max_size=MAX_ROWS)


EXACT = JsonRows(make(), MAX_ROWS)


def outcome_of(body: bytes) -> bytes | None:
    """Return what the exact way reads, or None if it refuses."""
    try:
        return CellPacker(FLOATS).pack(EXACT.parse(body).rows).numbers
    except ServiceError:
        return None


@given(st.one_of(good, table))
@example([[1, 2, 3]])
@example([[1e39, 2, 3]])
@example([[True, 2, 3]])
@example([["1", 2, 3]])
@example([[1, 2]])
@example([])
@example([[1.0, 2.0, 3.0]] * 6)
def test_the_two_ways_agree(rows: object) -> None:
    body = json.dumps({"instances": rows}).encode()
    quick = read_plain_table(body, CellPacker(FLOATS).pack, MAX_ROWS)
    if quick is not None:
        assert quick.numbers == outcome_of(body)


@given(good)
def test_ordinary_numbers_take_the_quick_way(rows: list[list[float]]) -> None:
    within = [[min(max(value, -1e38), 1e38) for value in row] for row in rows]
    body = json.dumps({"instances": within}).encode()
    assert read_plain_table(body, CellPacker(FLOATS).pack, MAX_ROWS) is not None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"instances": [[1, 2, 1e999]]}',
        b'{"instances": [[1, 2, NaN]]}',
        b'{"instances": [[1, 2, 1e39]]}',
        b'{"instances": [[1, 2, true]]}',
        b'{"instances": [[1, 2, "3"]]}',
        b'{"instances": [[1, 2, null]]}',
        b'{"instances": [[1, 2]]}',
        b'{"instances": ["abc"]}',
        b'{"instances": [7]}',
        b'{"instances": {}}',
        b'{"instances": [[1, 2, 3]], "instances": [[1, 2, 3]]}',
        b'{"instances": [{"x0": 1, "x1": 2, "x2": 3}]}',
        b'{"inputs": [[1, 2, 3]]}',
        b'{"instances": [[1, 2, 3]]} x',
        b'\xef\xbb\xbf{"instances": [[1, 2, 3]]}',
        b'{"instances": [[1, 2, ' + b"9" * 400 + b"]]}",
        b'{"instances": [' + b"[1, 2, 3]," * 5 + b"[1, 2, 3]]}",
    ],
)
def test_doubtful_bodies_are_left_to_the_exact_way(body: bytes) -> None:
    assert read_plain_table(body, CellPacker(FLOATS).pack, MAX_ROWS) is None


def test_only_plain_schemas_have_it() -> None:
    assert is_plain(FLOATS)
    assert not is_plain(MIXED)
