"""Policies: what a served model does with values that training did not know.

Their defaults follow from the fitted pipeline. Whoever registers a model may ask for others, by
rules; what the pipeline cannot do is refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from models.errors import RefusedModel
from models.moments import is_moment, years_of
from models.schema import Cell, Choice, Column, TabularSchema

Kind = Literal["unknown", "missing", "out_of_range"]

ANY: Final = "*"
"""In a rule: every column that knows such values; a rule that names a column goes before it."""
_NO_SUCH_VALUE: Final[dict[Kind, str]] = {
    "unknown": "no encoder has learned its categories, or it has no others",
    "missing": "",
    "out_of_range": "it is no number with a range",
}


@dataclass(frozen=True)
class Rule:
    """A policy that was asked for.

    Args:
        column: a column's name, or `ANY`.
        kind: which values.
        choice: what happens to them.
    """

    column: str
    kind: Kind
    choice: Choice

    def __str__(self) -> str:
        return f"{self.column}:{self.kind}={self.choice}"


def read_rule(text: str) -> Rule:
    """Read `COLUMN:KIND=VALUE`.

    Raises:
        ValueError: it is no rule, and what one looks like.
    """
    column, colon, rest = text.rpartition(":")
    kind, _, choice = rest.partition("=")
    if not (column and colon and kind in get_args(Kind) and choice in get_args(Choice)):
        raise ValueError(
            f"{text!r} is no policy; write COLUMN:KIND=VALUE, with * for every column, KIND one of"
            f" {', '.join(get_args(Kind))} and VALUE one of {', '.join(get_args(Choice))}"
        )
    return Rule(column, cast("Kind", kind), cast("Choice", choice))


class Rules:
    """The policies that were asked for.

    Args:
        rules: in the order they were given; the last for a column counts.
        columns: names of the model's columns.

    Raises:
        RefusedModel: a rule is for a column that the model does not have.
    """

    def __init__(self, rules: Sequence[Rule], columns: Sequence[str]) -> None:
        self._rules = {(rule.column, rule.kind): rule for rule in rules}
        for rule in rules:
            if rule.column != ANY and rule.column not in columns:
                raise RefusedModel(
                    f"--policy {rule}: the model has no such column; it has {', '.join(columns)}"
                )

    def settle(
        self,
        column: str,
        kind: Kind,
        default: Choice | None,
        obstacle: Callable[[], str | None],
    ) -> Choice | None:
        """Return the policy of a column for one kind of values.

        Args:
            column: its name.
            kind: which values.
            default: what is done if nobody asked; None if there can be no such value.
            obstacle: says why the pipeline cannot take such a value; None if it can.

        Raises:
            RefusedModel: what was asked for is not possible.
        """
        named = self._rules.get((column, kind))
        rule = named or self._rules.get((ANY, kind))
        if rule is None:
            return default
        if default is None:
            if named is None:
                return None
            raise RefusedModel(f"--policy {rule}: {_NO_SUCH_VALUE[kind]}")
        reason = None if rule.choice == "reject" else obstacle()
        if reason is not None:
            raise RefusedModel(
                f"--policy {rule}: the fitted pipeline cannot do this for column {column!r}:"
                f" {reason}"
            )
        return rule.choice


def keeps_to(schema: TabularSchema, row: Sequence[Cell]) -> bool:
    """Say whether a request may carry a row."""
    return all(map(_is_taken, schema.columns, row))


def _is_taken(column: Column, value: Cell) -> bool:
    policy = column.policy
    if value is None:
        return policy.missing != "reject"
    if column.dates:
        return isinstance(value, str) and is_moment(value, years_of(column.frame_dtype))
    if policy.unknown == "reject":
        return value in (column.categories or ())
    if policy.out_of_range == "reject" and not isinstance(value, str):
        return (column.min is None or value >= column.min) and (
            column.max is None or value <= column.max
        )
    return True
