"""The contract of the raw columns: what a row must be to be taken."""

import re
from typing import Final, Literal, Self

from pydantic import model_validator

from models.spec.base import Part, Value

ColumnType = Literal["integer", "number", "text", "boolean", "date", "picture"]

DAY: Final = ("%Y", "%m", "%d")
TIME: Final = ("%H", "%M", "%S")
"""What a `format` may name, largest first; minutes need hours, and seconds minutes."""

_DIRECTIVE: Final = re.compile("%.?")


class ColumnContract(Part):
    """What the values of one column must be; a row with another one is rejected and kept aside."""

    type: ColumnType
    """date: a day or a time in ISO 8601, kept as text; picture: a file's name under the data
    root."""
    format: str = ""
    """How a text writes a date, if not in ISO 8601: "%d.%m.%Y" or "%m/%d/%Y %H:%M". It becomes ISO
    8601, which is what the model is fitted on and asked with."""
    decimal: Literal[".", ","] = "."
    """What stands before a text's decimals: with "," a text such as "12,5" is a number, and "1.234"
    is none."""
    source: str = ""
    """The column's name in the source, if it is another one."""
    nullable: bool = False
    min: float | None = None
    max: float | None = None
    values: tuple[Value, ...] | None = None
    """The only values that are taken."""
    pattern: str | None = None
    """A regular expression that a text must match as a whole."""
    unit: str = ""
    """What its numbers count, such as "years" or "EUR": for the axes of plots."""
    unique: bool = False
    """Of rows with the same value only the first is taken."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        numeric = self.type in ("integer", "number")
        if not numeric and (self.min is not None or self.max is not None):
            raise ValueError(f"min and max are for numbers, and the type is {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min = {self.min:g} is above max = {self.max:g}")
        if self.pattern is not None:
            if self.type not in ("text", "date", "picture"):
                raise ValueError(f"a pattern is for texts, and the type is {self.type}")
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"pattern is no regular expression: {error}") from error
        if self.format:
            self._check_format(self.format)
        if self.decimal != "." and not numeric:
            raise ValueError(f"decimal is for numbers, and the type is {self.type}")
        if self.values is not None:
            self._check_values(self.values)
        return self

    def _check_format(self, form: str) -> None:
        if self.type != "date":
            raise ValueError(f"format is for dates, and the type is {self.type}")
        named = _DIRECTIVE.findall(form)
        times = [one for one in TIME if one in named]
        known = sorted(named) == sorted((*DAY, *times)) and times == list(TIME[: len(times)])
        if not known or len(times) == 1:
            raise ValueError(
                f"format {form!r} needs %Y, %m and %d once each, and may have %H:%M or %H:%M:%S"
            )

    def _check_values(self, values: tuple[Value, ...]) -> None:
        if not values:
            raise ValueError("values is empty: no row could be taken")
        kinds = {"integer": (int,), "number": (int, float), "boolean": (bool,)}
        for value in values:
            fits = isinstance(value, kinds.get(self.type, (str,)))
            if not fits or (isinstance(value, bool) and self.type != "boolean"):
                raise ValueError(f"values has {value!r}, and the type is {self.type}")
