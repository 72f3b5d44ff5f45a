"""How files are cut: the same rows a part, however they come."""

import pyarrow as pa
import pytest

from service.inference.messages import Media
from service.scoring.parts import Rows, numbered, recut


def table(count: int, start: int = 0, width: int = 1) -> pa.Table:
    rows = range(start, start + count)
    return pa.table({"x": list(rows), "text": [f"{i % 10}" * width for i in rows]})


def arriving(count: int, each: int) -> list[pa.Table]:
    return [table(min(each, count - at), at) for at in range(0, count, each)]


@pytest.mark.parametrize("each", [1, 7, 10, 25, 103])
def test_parts_do_not_depend_on_how_rows_come(each: int) -> None:
    found = list(recut(arriving(103, each), 10, 1 << 20))
    assert [one.num_rows for one in found] == [10] * 10 + [3]
    assert pa.concat_tables(found).column("x").to_pylist() == list(range(103))


def test_nothing_is_no_part() -> None:
    assert list(recut([], 10, 100)) == []
    assert list(recut([table(0), table(0)], 10, 100)) == []


def test_parts_of_wide_rows_have_fewer() -> None:
    found = list(recut([table(40, width=1000)], 30, 8000))
    assert pa.concat_tables(found).column("x").to_pylist() == list(range(40))
    assert {one.num_rows for one in found[:-1]} == {7}
    assert all(one.nbytes <= 8000 for one in found)


def test_a_row_that_is_too_large_is_a_part_of_its_own() -> None:
    found = list(recut([table(3, width=5000)], 30, 1000))
    assert [one.num_rows for one in found] == [1, 1, 1]


def test_numbers_and_places() -> None:
    rows = [Rows(one, one, Media.ARROW) for one in arriving(25, 10)]
    assert [(part.number, part.start) for part in numbered(rows)] == [(0, 0), (1, 10), (2, 20)]
    cut = rows[1].cut(3, 5)
    assert (len(cut), cut.kept.column("x").to_pylist()) == (2, [13, 14])
