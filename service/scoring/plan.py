"""Which columns of the input go to the model, and which stay beside its answers."""

from collections.abc import Sequence
from typing import NamedTuple

from models.schema import TabularSchema
from service.scoring.refusal import ScoringError

MAX_NAMED = 5


class Split(NamedTuple):
    """The columns of one file."""

    kept: list[str]
    sent: list[str]
    """In the model's order; they get its names, which differ if columns go by their places."""
    called: list[str]
    """The model's names for them."""

    def read(self) -> list[str]:
        """Return every column that has to be read."""
        return list(dict.fromkeys([*self.kept, *self.sent]))


class Plan:
    """Tells what becomes of columns.

    Args:
        schema: what the model takes.
        keep: names of the columns that stay; None is all of them.
        answers: names of the columns that the answers have.
    """

    def __init__(
        self, schema: TabularSchema, keep: Sequence[str] | None, answers: Sequence[str]
    ) -> None:
        self.names = [column.name for column in schema.columns]
        self.keep = keep
        self._dtypes = {column.name: column.dtype for column in schema.columns}
        self._by_position = schema.container != "frame"
        self._answers = frozenset(answers)

    def is_text(self, name: str) -> bool:
        """Return whether the model takes texts in a column."""
        return self._dtypes[name] == "string"

    def split(self, names: Sequence[str], where: str) -> Split:
        """Return what becomes of a file's columns.

        Args:
            names: the file's columns.
            where: the file, for the sentence.

        Raises:
            ScoringError: a column is missing, or stands twice, or has the name of an answer.
        """
        if len(set(names)) < len(names):
            twice = next(name for name in names if list(names).count(name) > 1)
            raise ScoringError(f"{where}: the column {twice!r} stands twice.")
        missing = [name for name in self.names if name not in names]
        sent = self.names
        if missing and self._by_position and len(names) == len(self.names):
            sent = list(names)
        elif missing:
            raise ScoringError(f"{where}: the model's columns are missing: {_listing(missing)}.")
        return Split(self.kept(names, where), sent, self.names)

    def kept(self, names: Sequence[str], where: str) -> list[str]:
        """Return the columns that stay; raises as `split`."""
        unknown = [name for name in self.keep or () if name not in names]
        if unknown:
            raise ScoringError(f"{where}: --keep names columns that are not there: "
                               f"{_listing(unknown)}.")  # fmt: skip
        kept = list(names) if self.keep is None else list(self.keep)
        taken = [name for name in kept if name in self._answers]
        if taken:
            raise ScoringError(
                f"{where}: the answers have a column {taken[0]!r}, too: say by --keep which of the "
                "input's columns shall stay."
            )
        return kept


def _listing(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMED
    shown = ", ".join(repr(name) for name in names[:MAX_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown
