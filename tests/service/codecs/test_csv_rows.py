import csv
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.schema import Column, TabularSchema
from service.codecs.csv_rows import MAX_DETAILS, CsvRows
from service.codecs.table_rows import TableRows
from service.errors import TooLarge, Unfit, Unreadable
from tests.service.conftest import FLOATS, MIXED

HEADER = "age,study hours,school,internet,note"
LINE = "17,2.5,GP,true,a"
ROW = (17, 2.5, "GP", True, "a")

finite = st.floats(allow_nan=False, allow_infinity=False)


def read(text: str | bytes, schema: TabularSchema = MIXED, max_rows: int = 5) -> list[object]:
    body = text.encode() if isinstance(text, str) else text
    return list(TableRows(schema, max_rows).from_csv(body))


def refusal(text: str | bytes, schema: TabularSchema = MIXED) -> Unfit:
    with pytest.raises(Unfit) as caught:
        read(text, schema)
    return caught.value


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_lines_end_in_any_way(end: str, last: bool) -> None:
    text = end.join([HEADER, LINE, "18,0.5,MS,false,b"]) + (end if last else "")
    assert read(text) == [ROW, (18, 0.5, "MS", False, "b")]


def test_no_header_means_the_fitted_order() -> None:
    assert read(LINE) == [ROW]


def test_a_header_in_any_order() -> None:
    text = "note,internet,school,study hours,age\na,true,GP,2.5,17\n"
    assert read(text) == [ROW]


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert read(b"\xef\xbb\xbf" + f"{HEADER}\n{LINE}".encode()) == [ROW]


def test_quotes() -> None:
    text = f'"age",{HEADER[4:]}\n"17","2.5","GP","true","a, ""b""\r\nc"\n'
    assert read(text) == [(17, 2.5, "GP", True, 'a, "b"\r\nc')]


def test_empty_cells_are_missing_where_the_column_takes_that() -> None:
    assert read("17,,GP,true,\n") == [(17, None, "GP", True, None)]


@pytest.mark.parametrize(
    ("line", "column"),
    [(",2.5,GP,true,a", "age"), ("17,2.5,,true,a", "school"), ("17,2.5,GP,,a", "internet")],
)
def test_empty_cells_are_refused_elsewhere(line: str, column: str) -> None:
    assert refusal(f"{LINE}\n{line}").details[0]["loc"] == ["rows", 1, column]


def test_an_empty_cell_of_a_text_that_cannot_be_missing_is_an_empty_text() -> None:
    schema = TabularSchema(
        container="frame",
        columns=(
            Column(name="a", dtype="string", frame_dtype="str"),
            Column(name="b", dtype="string", frame_dtype="str"),
        ),
    )
    assert read("a,b\n,x\n", schema) == [("", "x")]


def test_lines_of_nothing_are_left_out() -> None:
    assert read(f"\n{HEADER}\n\n{LINE}\n\n") == [ROW]


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "1"])
def test_words_for_true(text: str) -> None:
    assert read(LINE.replace("true", text)) == [ROW]


@pytest.mark.parametrize("text", ["false", "False", "FALSE", "0"])
def test_words_for_false(text: str) -> None:
    assert read(LINE.replace("true", text)) == [(17, 2.5, "GP", False, "a")]


@pytest.mark.parametrize("text", ["17", "17.0", " 17 ", "+17", "1.7e1", "017"])
def test_ways_to_write_a_whole_number(text: str) -> None:
    (row,) = read(LINE.replace("17", text))
    assert row == ROW
    assert isinstance(row, tuple)
    assert type(row[0]) is int


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 2**53 + 1])
def test_whole_numbers_are_exact(number: int) -> None:
    schema = TabularSchema(
        container="array", columns=(Column(name="x", dtype="int64", frame_dtype="int64"),)
    )
    assert read(str(number), schema) == [(number,)]


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (0, "17.5"), (0, "+-17"), (0, "1_7"), (0, "a"), (0, "9" * 5000), (0, "nan"), (0, "0x11"),
        (0, "\u0661\u0667"), (1, "1,5"), (1, "2_5"), (1, "inf"), (1, "1e999"), (1, "two"), (1, "²"),
        (2, "XX"), (2, "gp"), (2, " GP"), (3, "yes"), (3, "2"), (3, "1.0"),
    ],
)  # fmt: skip
def test_cells_that_do_not_fit(place: int, text: str) -> None:
    cells = LINE.split(",")
    cells[place] = f'"{text}"'
    error = refusal("\n".join([HEADER, LINE, ",".join(cells)]))
    name = HEADER.split(",")[place]
    assert error.details[0]["loc"] == ["rows", 1, name]
    assert f"Row 1, column {name}: " in error.message
    assert len(error.message) < 200


def test_all_bad_cells_are_told_up_to_a_limit() -> None:
    lines = ["x,2.5,GP,maybe,a"] * 50
    error = CsvRows(MIXED, 100)
    with pytest.raises(Unfit) as caught:
        error.read("\n".join(lines).encode())
    places = [detail["loc"] for detail in caught.value.details]
    assert places[:3] == [["rows", 0, "age"], ["rows", 0, "internet"], ["rows", 1, "age"]]
    assert len(places) == MAX_DETAILS


@pytest.mark.parametrize("line", ["17,2.5,GP,true", "17,2.5,GP,true,a,b", "17"])
def test_a_row_of_another_length(line: str) -> None:
    assert refusal(f"{LINE}\n{line}\n").message.startswith("Row 1 has ")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (HEADER.replace("age,", ""), "missing: 'age'"),
        (f"{HEADER},id", "unknown: 'id'"),
        (HEADER.replace("age", "Age"), "missing: 'age'; unknown: 'Age'"),
        (HEADER.replace("note", "age"), "missing: 'note'"),
        (f"{HEADER},age", "a name stands twice"),
    ],
)
def test_a_header_that_is_not_the_models(header: str, words: str) -> None:
    error = refusal(f"{header}\n{LINE}\n")
    assert error.message == f"The header does not have the model's columns; {words}."


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", HEADER, f"{HEADER}\n\n"])
def test_no_rows(text: str) -> None:
    assert "no rows" in refusal(text).message


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe1,2", b'"17', b'"17"x,2.5,GP,true,a', f"{LINE[:-1]}{'a' * 140_000}".encode()],
    ids=["utf-16", "open quote", "text behind a quote", "a huge cell"],
)
def test_what_is_no_csv(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


def test_more_rows_than_are_taken() -> None:
    assert len(read("\n".join([HEADER, *[LINE] * 5]))) == 5
    with pytest.raises(TooLarge):
        read("\n".join([HEADER, *[LINE] * 6]))


def test_rows_are_counted_before_they_are_all_read() -> None:
    with pytest.raises(TooLarge):
        CsvRows(MIXED, 5).read("\n".join([*[LINE] * 6, "no row"]).encode())


@given(st.lists(st.tuples(finite, finite, finite), min_size=1, max_size=5))
def test_floats_come_bit_for_bit(rows: list[tuple[float, float, float]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    got = CsvRows(FLOATS, 5).read(text.getvalue().encode())
    flat = [value for row in got for value in row]
    assert struct.pack(f"{len(flat)}d", *flat) == struct.pack(
        f"{len(flat)}d", *(value for row in rows for value in row)
    )


@given(st.binary(max_size=200))
def test_any_bytes_give_rows_or_a_refusal(body: bytes) -> None:
    try:
        rows = read(body)
    except (Unfit, Unreadable, TooLarge):
        return
    assert rows
