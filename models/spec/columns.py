"""The contract of the raw columns: what a row must be to be taken."""

from typing import Literal

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
