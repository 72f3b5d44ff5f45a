"""Any chunking of a body gives the same records; what is cut is what the csv module reads."""

import csv
import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.codecs.csv_parts import CsvCutter
from service.errors import TooLarge

NAMES = frozenset({"a", "b"})
CELL = st.text(st.sampled_from('x,"\n\r é'), max_size=6)
ROWS = st.lists(st.tuples(CELL.filter(bool), CELL), min_size=1, max_size=30)
END = st.sampled_from(["\n", "\r\n"])


def written(rows: Sequence[tuple[str, ...]], end: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows(rows)
    return text.getvalue().encode()


def records(body: bytes) -> list[list[str]]:
    text = io.StringIO(body.decode("utf-8-sig"), newline="")
    return list(filter(None, csv.reader(text, strict=True)))


def cut(body: bytes, chunk: int, size: int) -> tuple[bytes, list[bytes]]:
    """Return header and parts of a body that comes in chunks."""
    cutter = CsvCutter(NAMES, 1 << 20)
    parts = []
    for start in range(0, len(body), chunk):
        cutter.feed(body[start : start + chunk])
        while len(cutter) > size and (part := cutter.take(size)):
            parts.append(part)
    cutter.end()
    while part := cutter.take(size):
        parts.append(part)
    assert len(cutter) == 0
    return cutter.header, parts


@given(ROWS, END, st.integers(1, 40), st.integers(1, 60), st.booleans())
def test_parts_are_whole_records(
    rows: list[tuple[str, str]], end: str, chunk: int, size: int, has_header: bool
) -> None:
    head: list[tuple[str, str]] = [("b", "a")] if has_header else []
    whole = written([*head, *rows], end)
    header, parts = cut(whole, chunk, size)
    is_header = has_header or sorted(records(whole)[0]) == ["a", "b"]
    assert bool(header) is is_header
    got = [record for part in parts for record in records(part)]
    assert got == records(whole)[is_header:]
    assert header + b"".join(parts) == whole.lstrip(b"\r\n")


@given(ROWS, st.integers(1, 40), st.integers(1, 60))
def test_the_chunks_do_not_matter_once_all_has_come(
    rows: list[tuple[str, str]], chunk: int, size: int
) -> None:
    body = written(rows, "\n")

    def all_at_once(chunk: int) -> list[bytes]:
        cutter = CsvCutter(NAMES, 1 << 20)
        for start in range(0, len(body), chunk):
            cutter.feed(body[start : start + chunk])
        cutter.end()
        parts = []
        while part := cutter.take(size):
            parts.append(part)
        return parts

    assert all_at_once(chunk) == all_at_once(len(body))


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_a_body_without_a_last_line_end(chunk: int) -> None:
    assert cut(b"a,b\n1,2\n3,4", chunk, 4) == (b"a,b\n", [b"1,2\n", b"3,4"])


@pytest.mark.parametrize("first", ["a,b", '"a","b"', "b,a", "\ufeffa,b", "\n\r\na,b"])
def test_what_is_a_header(first: str) -> None:
    header, parts = cut(f"{first}\n1,2\n".encode(), 3, 100)
    assert records(header)[0] in (["a", "b"], ["b", "a"])
    assert parts == [b"1,2\n"]


@pytest.mark.parametrize("first", ["a,c", "a", "a,b,b", "1,2", "A,B", '"a,b"'])
def test_what_is_no_header(first: str) -> None:
    header, parts = cut(f"{first}\n1,2\n".encode(), 100, 4)
    assert header == b""
    assert b"".join(parts) == f"{first}\n1,2\n".encode()


def test_a_header_that_ends_the_body() -> None:
    assert cut(b"a,b", 1, 10) == (b"a,b\n", [])


def test_a_quote_that_is_left_open_is_found_out() -> None:
    cutter = CsvCutter(NAMES, 1000)
    cutter.feed(b'1,"2\n')
    for _ in range(20):
        assert cutter.take(64) == b""
        cutter.feed(b"3,4\n" * 8)
    cutter.feed(b"3,4\n" * 200)
    with pytest.raises(TooLarge, match="quote left open"):
        cutter.take(64)


def test_a_stray_quote_gives_no_part_that_reads_otherwise() -> None:
    """Where the quotes are not RFC 4180's, a part may be unreadable, but it is never misread."""
    body = b'5" x,1\n"a\nb",2\n' + b"c,3\n" * 50
    _, parts = cut(body, 1000, 16)
    with pytest.raises(csv.Error):
        list(map(records, parts))
