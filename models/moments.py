"""Days and times as texts in ISO 8601: what a request carries for a column of dates.

Imports nothing heavy: the API process checks requests with it. How they become numbers is in
`models.moment_columns`.
"""

import re
from datetime import date
from typing import Final

ISO_8601: Final = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
    r"(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?)?$"
)
"""A day, or a time with or without seconds, their parts, and an offset; for JSON schemas, too."""
NANOSECONDS: Final = (1678, 2261)
"""The first and the last whole year that 64 bits of nanoseconds reach."""
_FORM: Final = re.compile(ISO_8601)
_ALL_YEARS: Final = (1, 9999)


def is_moment(text: str, years: tuple[int, int] = _ALL_YEARS) -> bool:
    """Return whether a text is a day or time of the calendar in ISO 8601.

    Args:
        text: what a request carries.
        years: the first and the last that are taken.
    """
    if not _FORM.fullmatch(text):
        return False
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    if not years[0] <= year <= years[1]:
        return False
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def years_of(frame_dtype: str) -> tuple[int, int]:
    """Return the first and the last year that a column of a DataFrame can hold."""
    return NANOSECONDS if frame_dtype.startswith("datetime64[ns") else _ALL_YEARS
