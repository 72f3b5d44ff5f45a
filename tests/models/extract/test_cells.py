"""Cells of any origin as the declared types; Python's own readings are the oracle."""

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.extract.cells import typed
from models.spec.columns import ColumnType

TEXTS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(repr),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:.3f}"),
    st.text("0123456789.+-eExXinfa_ ", max_size=8),
    st.dates().map(str),
    st.datetimes().map(dt.datetime.isoformat),
    st.text(max_size=5),
)
KINDS: tuple[ColumnType, ...] = ("integer", "number", "boolean", "date", "text")


def read(cells: pa.Array, wanted: ColumnType, *missing: str, **written: str) -> list[Any]:
    """Return the values, "-" for a missing one and "!" for an unfit one."""
    found = typed(cells, wanted, missing, **written)
    return [
        "-" if absent else "!" if unfit else value
        for value, absent, unfit in zip(
            found.values.to_pylist(), found.missing, found.unfit, strict=True
        )
    ]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("integer", [12, 12, "!", "-", "-", "!", "!", "!", -5, 7]),
        ("number", [12.0, 12.0, "!", "-", "-", "!", 2.0**63, "!", -5.0, 7.0]),
        ("text", [" 12", "12.0", "x", "-", "-", "0x1F", str(2**63), "1_0", "-5", "+7"]),
    ],
)
def test_texts_are_read_as_declared(wanted: ColumnType, expected: list[Any]) -> None:
    texts = [" 12", "12.0", "x", "NA", None, "0x1F", str(2**63), "1_0", "-5", "+7"]
    assert read(pa.array(texts), wanted, "", "NA") == expected


@pytest.mark.parametrize("text", ["0x1F", "-0X1", "١٢", "1_0", "1,5", "--1", "1e3"])
def test_what_is_no_whole_number_even_alone(text: str) -> None:
    assert read(pa.array([text]), "integer") == ["!"]


def test_truth_in_words_and_numbers() -> None:
    words = ["true", "False", "YES", "n", "1", "0", "t", "2", "", "on"]
    expected = [True, False, True, False, True, False, True, "!", "-", "!"]
    assert read(pa.array(words), "boolean", "") == expected
    assert read(pa.array([1, 0, 2, None]), "boolean") == [True, False, "!", "-"]
    assert read(pa.array([True, None]), "boolean") == [True, "-"]


def test_days_and_times_of_the_calendar() -> None:
    good = ["2024-02-29", "2024-02-29T10:00", "9999-12-31", "0001-01-01 23:59:59.5+02:00"]
    bad = ["2023-02-29", "2024-1-1", "20240101", "2024-01-01T25:00", "today", "2024"]
    assert read(pa.array(good + bad), "date") == good + ["!"] * len(bad)


def test_a_fine_fraction_harms_no_other_century() -> None:
    texts = ["9999-12-31", "2020-01-01T10:00:00.123456789", "0001-01-01"]
    assert read(pa.array(texts), "date") == texts


def test_types_of_databases_and_parquet() -> None:
    noon = dt.datetime.fromisoformat("2024-01-01T12:00:00.500000")
    berlin = dt.timezone(dt.timedelta(hours=1))
    assert read(pa.array([noon, None]), "date") == ["2024-01-01T12:00:00.500000", "-"]
    assert read(pa.array([noon.replace(microsecond=0, tzinfo=berlin)]), "date") == [
        "2024-01-01T11:00:00Z"
    ]
    assert read(pa.array([dt.date(2024, 1, 1)]), "date") == ["2024-01-01"]
    assert read(pa.array([dt.date(2024, 1, 1)]), "text") == ["2024-01-01"]
    assert read(pa.array([dt.date(2024, 1, 1)]), "number") == ["!"]
    assert read(pa.array([Decimal("1.5"), Decimal(2)]), "number") == [1.5, 2.0]
    assert read(pa.array([Decimal("1.5"), Decimal(2)]), "integer") == ["!", 2]
    assert read(pa.array([1.0, 2.5, math.nan, math.inf, 1e300]), "integer") == [
        1, "!", "-", "!", "!",
    ]  # fmt: skip
    assert read(pa.array([1.0, math.nan, -math.inf]), "number") == [1.0, "-", "!"]
    assert read(pa.array([2**63, 5], pa.uint64()), "integer") == ["!", 5]
    assert read(pa.array([True, False]), "integer") == ["!", "!"]
    assert read(pa.array([b"a", b"\xff", None]), "text") == ["a", "!", "-"]
    assert read(pa.array(["a", "b", "a"]).dictionary_encode(), "text") == ["a", "b", "a"]
    assert read(pa.array([7, 8]), "text") == ["7", "8"]
    assert read(pa.array([[1], None]), "text") == ["!", "-"]
    assert read(pa.array([{"a": 1}]), "number") == ["!"]
    assert read(pa.array([None, None]), "boolean") == ["-", "-"]


@given(st.lists(TEXTS, max_size=6), st.sampled_from(KINDS))
def test_a_value_reads_the_same_whatever_stands_beside_it(
    texts: list[str], wanted: ColumnType
) -> None:
    alone = [read(pa.array([text], pa.string()), wanted)[0] for text in texts]
    together = read(pa.array([*texts, "no such value"], pa.string()), wanted)
    assert repr(together[:-1]) == repr(alone)


@given(TEXTS)
def test_numbers_are_those_of_python(text: str) -> None:
    try:
        expected = float(text.strip()) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        expected = math.nan
    (found,) = read(pa.array([text]), "number")
    if math.isfinite(expected):
        assert found == expected
    else:
        assert found == "!"


@given(st.one_of(st.integers(-(2**64), 2**64), st.integers()))
def test_whole_numbers_are_exact_or_refused(value: int) -> None:
    expected = value if -(2**63) <= value < 2**63 else "!"
    assert read(pa.array([str(value)]), "integer") == [expected]
    assert read(pa.array([f"{value}.0"]), "integer") == [expected]


@given(st.one_of(st.dates(), st.datetimes()))
def test_every_day_of_python_is_one(day: dt.date) -> None:
    assert read(pa.array([day.isoformat()]), "date") == [day.isoformat()]


def test_masks_are_arrays_of_truth() -> None:
    found = typed(pa.array(["1", "", "x"]), "integer", ("",))
    assert found.missing.dtype == found.unfit.dtype == np.dtype(bool)
    assert not (found.missing & found.unfit).any()


FORMS = st.sampled_from(
    ["%d.%m.%Y", "%m/%d/%Y", "%Y%m%d", "on %d-%m-%Y at %H:%M", "%H:%M:%S %Y|%m|%d", "%Y (%d+%m)"]
)


@given(st.lists(st.datetimes().filter(lambda day: day.year > 999), min_size=1), FORMS)
def test_dates_of_another_form_become_iso(days: list[dt.datetime], form: str) -> None:
    texts = [day.strftime(form) for day in days]
    with_time = "T%H:%M:%S" if "%S" in form else "T%H:%M" if "%H" in form else ""
    expected = [day.strftime(f"%Y-%m-%d{with_time}") for day in days]
    assert read(pa.array(texts), "date", form=form) == expected


def test_dates_that_have_not_the_form() -> None:
    cells = pa.array(["1.2.2003", "31.02.2004", "2004-01-01", "01.02.03", "x1.2.2003", "NA", None])
    expected = ["2003-02-01", "!", "!", "!", "!", "-", "-"]
    assert read(cells, "date", "NA", form="%d.%m.%Y") == expected


def test_decimal_commas() -> None:
    cells = pa.array(["1,5", "2", "-3,25e2", "1.5", "1.234,5", "1,2,3", "NA"])
    expected = [1.5, 2.0, -325.0, "!", "!", "!", "-"]
    assert read(cells, "number", "NA", decimal=",") == expected
    assert read(pa.array(["7,0", "8", "8.0"]), "integer", decimal=",") == [7, 8, "!"]


def test_what_is_no_text_needs_no_form() -> None:
    days = pa.array([dt.date(2026, 2, 3)])
    assert read(days, "date", form="%d.%m.%Y") == ["2026-02-03"]
    assert read(pa.array([1.5]), "number", decimal=",") == [1.5]
