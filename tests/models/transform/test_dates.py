"""Parts of dates, by the standard library's calendar."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.transform import features
from models.transform.dates import DateFeatures
from tests.models.transform.conftest import specification

ALL = ("year", "month", "day", "weekday", "yearday", "hour", "minute", "days")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parts(text: str) -> list[float]:
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return [
        moment.year, moment.month, moment.day, moment.weekday(), moment.timetuple().tm_yday,
        moment.hour, moment.minute, (moment - EPOCH).total_seconds() / 86400,
    ]  # fmt: skip


def frame(*texts: str | None) -> pd.DataFrame:
    return pd.DataFrame({"since": pd.Series(texts, dtype="str")})


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29",
        "1999-12-31T23:59",
        "2024-07-01T00:30:00+02:00",
        "1931-05-04T06:07:08.5",
        "1582-10-15",
    ],
)
def test_parts_are_those_of_the_calendar(text: str) -> None:
    step = DateFeatures(ALL)
    found = step.fit_transform(frame(text))
    np.testing.assert_allclose(found[0], parts(text), rtol=1e-12)
    assert list(step.get_feature_names_out()) == [f"since_{part}" for part in ALL]


def test_a_column_may_mix_days_and_times() -> None:
    texts = ["2024-02-29", "2024-07-01T00:30:00+02:00", "2020-01-01 10:00"]
    found = DateFeatures(ALL).fit_transform(frame(*texts))
    np.testing.assert_allclose(found, [parts(text) for text in texts], rtol=1e-12)


def test_a_date_reads_the_same_whatever_stands_beside_it() -> None:
    """Pandas counts in the finest unit that it finds; nanoseconds end in 2262."""
    fine = "2020-01-01T10:00:00.123456789"
    found = DateFeatures(("year", "hour")).fit_transform(frame("9999-12-31", fine, "0001-01-01"))
    assert found.tolist() == [[9999.0, 0.0], [2020.0, 10.0], [1.0, 0.0]]


def test_what_is_missing_or_no_date_is_nan_and_then_filled() -> None:
    found = DateFeatures(("day",)).fit_transform(frame("2024-02-03", None, "yesterday"))
    assert np.isnan(found[1:]).all()
    rule: dict[str, Any] = {"kind": "date", "columns": ["since"], "parts": ["day"], "scale": "none"}
    step = features(specification(rule)).fit(frame("2024-02-03", "2024-02-05", "2024-02-09", None))
    assert step.transform(frame(None, "yesterday", "2024-01-01")).ravel().tolist() == [5, 5, 1]
    assert list(step.get_feature_names_out()) == ["since_day"]


def test_a_row_alone_is_read_as_among_others() -> None:
    days = [date(2024, month, 1).isoformat() for month in range(1, 13)]
    step = DateFeatures(ALL).fit(frame(*days))
    together = step.transform(frame(*days))
    assert all(
        np.array_equal(step.transform(frame(day))[0], row)
        for day, row in zip(days, together, strict=True)
    )


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(ValueError, match="no part 'century'; take of year"):
        DateFeatures(("century",)).fit(frame("2024-01-01"))
