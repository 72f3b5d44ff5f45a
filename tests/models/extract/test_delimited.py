"""Delimited text, whole and broken: nothing is lost, and nothing is invented."""

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import BadData
from models.extract.delimited import Delimited
from models.spec.sources import CsvSource

Row = tuple[int, Any]


def source(**given: Any) -> CsvSource:
    return CsvSource(kind="csv", path="t.csv", **given)


def read(path: Path, names: tuple[str, ...] = (), **given: Any) -> tuple[list[Row], list[Row]]:
    """Return the rows with their numbers, and the broken ones with their reasons."""
    rows: list[Row] = []
    broken: list[Row] = []
    for chunk in Delimited(path, path.name, source(**given), names).chunks():
        cells = zip(*(column.to_pylist() for column in chunk.columns.values()), strict=True)
        rows += zip(map(int, chunk.numbers), cells, strict=True)
        broken += [(row.number, f"{row.reason}|{row.text}") for row in chunk.broken]
    return rows, broken


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str = "t.csv") -> Path:
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return tmp_path / name

    return write


def test_a_wrong_number_of_cells_breaks_only_its_row(write: Callable[..., Path]) -> None:
    rows, broken = read(write("a,b\n1,2\n\n3\n4,5,6\n7,8\n"))
    assert rows == [(1, ("1", "2")), (4, ("7", "8"))]
    assert broken == [
        (2, "has 1 cells instead of 2|3"),
        (3, "has 3 cells instead of 2|4,5,6"),
    ]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_rows_keep_their_numbers_over_many_blocks(write: Callable[..., Path], name: str) -> None:
    lines = [f"{i},{'x' * 60}" if i % 777 else f"{i}" for i in range(1, 60_001)]
    rows, broken = read(write("\n".join(["a,b", *lines, "60001"]), name))
    assert [number for number, _ in broken] == [*range(777, 60_001, 777), 60_001]
    assert [number for number, _ in rows] == [i for i in range(1, 60_001) if i % 777]
    assert all(cells[0] == str(number) for number, cells in rows)


def test_only_broken_rows(write: Callable[..., Path]) -> None:
    rows, broken = read(write("a,b\n1\n2\n"))
    assert rows == []
    assert [number for number, _ in broken] == [1, 2]


def test_line_ends_inside_quotes(write: Callable[..., Path]) -> None:
    text = 'a,b\n1,"two\nlines, ""quoted"""\n2,x\r\n3,"y\r\nz"\n4\n'
    rows, broken = read(write(text))
    assert rows == [
        (1, ("1", 'two\nlines, "quoted"')),
        (2, ("2", "x")),
        (3, ("3", "y\r\nz")),
    ]
    assert broken == [(4, "has 1 cells instead of 2|4")]


@pytest.mark.parametrize("bad", ['"7,8', '7,"8', '7,8"9,"'])
@pytest.mark.parametrize("after", [0, 1, 40_000])
def test_a_quote_that_nobody_closes_costs_one_row(
    write: Callable[..., Path], bad: str, after: int
) -> None:
    before = [f"{i},{i}" for i in range(50_000)]
    rest = [f"{i},{i}" for i in range(after)]
    rows, broken = read(write("\n".join(["a,b", *before, bad, *rest, 'z,"end"', ""])))
    expected = [tuple(line.split(",")) for line in (*before, *rest)]
    assert [cells for _, cells in rows] == [*expected, ("z", "end")]
    assert [number for number, _ in rows] == [*range(1, 50_001), *range(50_002, 50_003 + after)]
    assert [(number, text.split("|")[1]) for number, text in broken] == [(50_001, bad)]


def test_a_huge_cell_is_one_broken_row(write: Callable[..., Path]) -> None:
    rows, broken = read(write("a,b\n1,2\n3," + "x" * 3_000_000 + "\n5,6\n"))
    assert [cells for _, cells in rows if len(cells[1]) < 9] == [("1", "2"), ("5", "6")]
    assert len(broken) == 1
    assert "has more than 1,048,576 characters|3,xxx" in broken[0][1]
    assert len(broken[0][1]) < 1_100_000


def test_bytes_of_another_encoding_break_only_their_row(write: Callable[..., Path]) -> None:
    rows, broken = read(write(b"a,b\n1,\xc3\xa9\n2,\xe9\n3,x\n"))
    assert rows == [(1, ("1", "é")), (3, ("3", "x"))]
    assert [(number, text.split("|")[0]) for number, text in broken] == [(2, "is not utf-8")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16"])
@pytest.mark.parametrize("tail", ["", '3,"x\ny"\n'])
def test_encodings_and_byte_order_marks(
    write: Callable[..., Path], encoding: str, tail: str
) -> None:
    path = write(f"Größe,b\n1,é\n2,ü\n{tail}".encode(encoding))
    named = "utf-8" if encoding == "utf-8-sig" else encoding
    assert Delimited(path, "t", source(encoding=named), ()).columns() == ["Größe", "b"]
    rows, broken = read(path, encoding=named)
    assert [cells for _, cells in rows][:2] == [("1", "é"), ("2", "ü")]
    assert len(rows) == (3 if tail else 2)
    assert broken == []


def test_without_a_header_names_come_from_the_specification(write: Callable[..., Path]) -> None:
    rows, broken = read(write("1;2\n3\n"), ("x", "y"), header=False, delimiter=";")
    assert rows == [(1, ("1", "2"))]
    assert broken == [(2, "has 1 cells instead of 2|3")]


def test_columns_may_share_a_name_that_nobody_asks_for(write: Callable[..., Path]) -> None:
    path = write("a,x,x\n1,2,3\n")
    (chunk,) = Delimited(path, "t", source(), ()).chunks()
    assert chunk.originals(np.array([0])) == [{"a": "1", "x": "2", "x (3)": "3"}]


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_file_is_said(write: Callable[..., Path], content: str) -> None:
    with pytest.raises(BadData, match=r"t\.csv has no first line of column names: it is empty"):
        read(write(content))


def test_plain_tables_are_as_pandas_reads_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(5000, 4)), columns=list("abcd")).astype(str)
    frame.to_csv(tmp_path / "t.csv", index=False, sep="\t", quoting=csv.QUOTE_ALL)
    rows, broken = read(tmp_path / "t.csv", delimiter="\t")
    assert [cells for _, cells in rows] == list(frame.itertuples(index=False, name=None))
    assert broken == []


CELLS = st.text(
    st.one_of(st.sampled_from('";,\n x0'), st.characters(codec="utf-8", exclude_characters="\r\0")),
    max_size=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8), st.sampled_from(",;\t"))
def test_what_a_writer_wrote_is_read(
    tmp_path: Path, table: list[tuple[str, str, str]], delimiter: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *table])
    (tmp_path / "t.csv").write_bytes(text.getvalue().encode())
    rows, broken = read(tmp_path / "t.csv", delimiter=delimiter)
    assert broken == []
    assert rows == list(enumerate(table, start=1))
