"""The contract of the raw columns: what a row must be to be taken."""

import re
from typing import Literal, Self

from pydantic import model_validator

from models.spec.base import Part, Value

ColumnType = Literal["integer", "number", "text", "boolean", "date", "picture"]


class ColumnContract(Part):
    """What the values of one column must be; a row with another one is rejected and kept aside."""

    type: ColumnType
    """date: a day or a time in ISO 8601, kept as text; picture: a file's name under the data
    root."""
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
        if self.values is not None:
            self._check_values(self.values)
        return self

    def _check_values(self, values: tuple[Value, ...]) -> None:
        if not values:
            raise ValueError("values is empty: no row could be taken")
        kinds = {"integer": (int,), "number": (int, float), "boolean": (bool,)}
        for value in values:
            fits = isinstance(value, kinds.get(self.type, (str,)))
            if not fits or (isinstance(value, bool) and self.type != "boolean"):
                raise ValueError(f"values has {value!r}, and the type is {self.type}")
