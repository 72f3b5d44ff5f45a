"""How far a run has come: a bar on a terminal, a line now and then in a log."""

import sys
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_EVERY_S = 10.0


class ScoringProgress:
    """Shows rows, rows a second and the time that is left, on standard error.

    Args:
        total_rows: all rows, if that is known.
        label: what is done.
    """

    def __init__(self, total_rows: int | None, label: str) -> None:
        self._total = total_rows
        self._rows = 0
        self._resumed = 0
        self._started = monotonic()
        self._told_at = self._started
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._is_log = not console.is_terminal
        self._task = self._bar.add_task(label, total=total_rows, told="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def advance(self, rows: int, share: float | None, *, resumed: bool = False) -> None:
        """Take notice of rows that are finished.

        Args:
            rows: how many more.
            share: how much of the input was read, between 0 and 1, if that is known.
            resumed: an earlier run has computed them.
        """
        self._rows += rows
        self._resumed += rows if resumed else 0
        total = self._total
        if total is None and share:
            total = max(round(self._rows / share), self._rows)
        told = f"{self._rows:,} rows, {self.rows_per_s():,.0f} rows/s"
        self._bar.update(self._task, completed=self._rows, total=total, told=told)
        now = monotonic()
        if self._is_log and now - self._told_at >= LINE_EVERY_S:
            self._told_at = now
            print(self._line(total), file=sys.stderr, flush=True)  # noqa: T201

    def rows_per_s(self) -> float:
        """Return how many rows this run has computed a second."""
        return (self._rows - self._resumed) / max(monotonic() - self._started, 1e-9)

    def _line(self, total: int | None) -> str:
        rate = self.rows_per_s()
        line = f"{self._rows:,} rows, {rate:,.0f} rows/s"
        if total is None:
            return line
        left_s = (total - self._rows) / rate if rate else 0.0
        return f"{line}, {self._rows / max(total, 1):.0%}, {left_s:,.0f} s left"
