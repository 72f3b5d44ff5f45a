"""Flags: values of a request that training did not know, to be told of in its answer."""

from collections.abc import Callable, Iterator, Sequence
from heapq import nsmallest
from operator import attrgetter
from typing import NamedTuple

from models.schema import Cell, Column, TabularSchema
from service.schema import PASSING, WarningKind, training_range

MAX_WARNINGS = 100
"""So many are told one by one; an answer shall not be longer for its warnings than for its rows."""
Values = Sequence[Cell]
_TOLD = PASSING["accept"]


class RowWarning(NamedTuple):
    """One value of one row. It is not repeated: who sent it has it, and nobody else shall."""

    row: int
    column: str
    kind: WarningKind
    message: str


class Warnings(NamedTuple):
    """What is told of a request: the first rows' warnings, and the number of the others."""

    first: list[RowWarning]
    left_out: int

    def told(self) -> list[dict[str, int | str]]:
        """Return the warnings as JSON has them."""
        return [warning._asdict() for warning in self.first]

    def keys(self) -> dict[str, object]:
        """Return what an answer in JSON has of them."""
        told: dict[str, object] = {"warnings": self.told()}
        return told | {"warnings_left_out": self.left_out} if self.left_out else told


class Check(NamedTuple):
    """What is looked for in a column."""

    place: int
    column: str
    kind: WarningKind
    message: str
    rows: Callable[[Values], list[int]]
    """Returns the rows in which it is found."""


class Flags:
    """Looks for flagged values in the rows of one schema.

    Args:
        schema: columns in the order that the rows have.
    """

    def __init__(self, schema: TabularSchema) -> None:
        self._checks = [
            check for place, column in enumerate(schema.columns) for check in _checks(place, column)
        ]

    def __bool__(self) -> bool:
        """Return whether there is anything to look for."""
        return bool(self._checks)

    def find(self, rows: Sequence[Values]) -> Warnings | None:
        """Return what is to be told of validated rows; None if it is nothing."""
        found = self.find_all(lambda place: [row[place] for row in rows])
        return the_first(found) if found else None

    def find_all(self, values_of: Callable[[int], Values]) -> list[RowWarning]:
        """Return all that is to be told of validated rows, column by column.

        Args:
            values_of: returns the values of the column at a place.
        """
        found: list[RowWarning] = []
        for place, column, kind, message, look in self._checks:
            hits = look(values_of(place))
            if hits:
                found += [RowWarning(row, column, kind, message) for row in hits]
        return found


def the_first(found: Sequence[RowWarning]) -> Warnings:
    """Return as many warnings as are told one by one, and the number of the others."""
    first = nsmallest(MAX_WARNINGS, found, key=attrgetter("row"))
    return Warnings(first, len(found) - len(first))


def in_lines(found: Sequence[RowWarning], rows: int) -> list[str | None]:
    """Return what is told of each row as one text; None if it is nothing."""
    lines: list[str | None] = [None] * rows
    for row, column, _, message in found:
        text = f"{column}: {message}"
        lines[row] = text if (before := lines[row]) is None else f"{before} | {text}"
    return lines


def _checks(place: int, column: Column) -> Iterator[Check]:
    policy, name = column.policy, column.name
    if policy.unknown == "flag":
        known = frozenset(column.categories or ())
        text = f"no category that the model was fitted with; {_TOLD}"
        yield Check(place, name, "unknown_category", text, _outside_of(known))
    if policy.missing == "flag":
        yield Check(place, name, "missing_value", f"missing; {_TOLD}", _missing)
    if policy.out_of_range == "flag":
        text = f"outside the training rows' range, {column.min:g} to {column.max:g}; {_TOLD}"
        yield Check(place, name, "out_of_range", text, _beyond(*training_range(column)))


def _outside_of(known: frozenset[Cell]) -> Callable[[Values], list[int]]:
    known |= {None}

    def look(values: Values) -> list[int]:
        if known.issuperset(values):
            return []
        return [row for row, value in enumerate(values) if value not in known]

    return look


def _missing(values: Values) -> list[int]:
    return [row for row, value in enumerate(values) if value is None]


def _beyond(low: float, high: float) -> Callable[[Values], list[int]]:
    def look(values: Values) -> list[int]:
        return [
            row
            for row, value in enumerate(values)
            if value is not None and not low <= value <= high  # type: ignore[operator]
        ]

    return look
