"""What ends a run of scoring, in a sentence for the person who started it."""

from typing import NamedTuple


class ScoringError(Exception):
    """The run cannot go on; the text says what was wrong, where, and what to do."""


class RowFailure(NamedTuple):
    """Why a row has no prediction."""

    row: int
    """Counted from the input's first row, which is 0."""
    column: str
    """Empty if the model failed on the row as a whole."""
    reason: str

    def told(self) -> str:
        """Return the failure as the column `error` has it."""
        return f"column {self.column}: {self.reason}" if self.column else self.reason


class RowFailed(ScoringError):
    """A row does not fit the model, or the model failed on it, and the run shall stop at that.

    Args:
        failure: which, and why.
    """

    def __init__(self, failure: RowFailure) -> None:
        where = f", column {failure.column}" if failure.column else ""
        reason = failure.reason.rstrip(".")
        super().__init__(
            f"Row {failure.row}{where}: {reason}. (The first row is 0.) Correct the input, or let "
            "such rows have no prediction with --on-error null."
        )
        self.failure = failure
