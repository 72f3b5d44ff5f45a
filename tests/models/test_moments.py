"""Which texts are days and times; the standard library and pandas are the oracles."""

from datetime import date, datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.moments import NANOSECONDS, is_moment, years_of

ZONES = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)
ALPHABET = "0123456789-:TZ+. W"


@given(st.dates())
def test_every_day_of_the_calendar_is_one(day: date) -> None:
    assert is_moment(day.isoformat())
    assert not is_moment(day.strftime("%d.%m.%Y"))


@given(st.datetimes(timezones=st.none() | ZONES))
def test_so_is_every_time(moment: datetime) -> None:
    assert is_moment(moment.isoformat())
    assert is_moment(moment.isoformat(" ", "seconds"))


@given(st.text(ALPHABET, max_size=26) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.{0,3}"))
def test_what_is_one_pandas_reads(text: str) -> None:
    if is_moment(text):
        assert not pd.isna(pd.to_datetime(text, format="ISO8601", utc=True))


@pytest.mark.parametrize(
    "text",
    [
        "", "2026", "2026-11", "20261129", "2026-11-29 ", "2026-11-29\n", " 2026-11-29",
        "2026-02-29", "2026-13-01", "0000-01-01", "2026-W48-7", "2026-333", "2026-11-29T",
        "2026-11-29T24:00", "2026-11-29T12:00:60", "2026-11-29T12", "2026-11-29Z",
        "2026-11-29T12:00+24:00", "\uff12026-11-29", "29.11.2026", "now",
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    assert not is_moment(text)


def test_nanoseconds_reach_some_centuries_only() -> None:
    assert years_of("datetime64[ns, UTC]") == NANOSECONDS
    assert not is_moment("2262-01-01", NANOSECONDS)
    assert is_moment("9999-12-31", years_of("datetime64[us]"))
    for year in NANOSECONDS:
        pd.Series([f"{year}-06-30"]).astype("datetime64[ns]")
