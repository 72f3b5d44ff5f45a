"""Fits as they happen, for a person: how many, the best so far, how far they spread."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from models.fit.progress import CurveStep, EpochEnd, Event, Progress, RunEnd, RunsBegin
from models.fit.run import Epoch, Run

_BARS: Final = "▁▂▃▄▅▆▇█"
_SHOWN: Final = 60
"""Values of a sparkline."""
_BAR_WIDTH: Final = 40
_LOG_SHARE: Final = 0.1
"""Of all runs: how often a log that cannot be redrawn gets a line."""


class Picture:
    """What is known of the fits, drawn anew at each event."""

    def __init__(self) -> None:
        self._begun = RunsBegin(0, (), "", True)
        self._runs: list[Run] = []
        self._epochs: list[Epoch] = []
        self._curve: CurveStep | None = None

    def take(self, event: Event) -> None:
        """Take in what happened."""
        match event:
            case RunsBegin():
                self._begun, self._runs = event, list(event.known)
            case RunEnd():
                self._runs.append(event.run)
                self._epochs = []
            case EpochEnd():
                self._epochs.append(event.epoch)
            case CurveStep():
                self._curve = event

    def draw(self) -> RenderableType:
        """Return all of it."""
        parts: list[RenderableType] = [self._bar(len(self._runs), self._begun.total)]
        parts.append(self._table())
        if self._epochs:
            parts.append(Text(self._trace()))
        if self._curve is not None:
            parts.append(Text(f"learning curve, {self._curve.rows:,} rows"))
            parts.append(self._bar(self._curve.done, self._curve.total))
        return Group(*parts)

    def line(self) -> str:
        """Return the state in one line, for a log."""
        if self._curve is not None:
            return f"learning curve: {self._curve.done} of {self._curve.total} fits"
        best = "none yet" if self._best() is None else f"{self._best():.4f}"
        return f"{len(self._runs)} of {self._begun.total} runs, best {self._begun.metric} {best}"

    def is_worth_a_line(self, event: Event) -> bool:
        """Say whether a log should have a line of the event."""
        if isinstance(event, CurveStep):
            return event.done == event.total
        each = max(1, round(self._begun.total * _LOG_SHARE))
        return isinstance(event, RunEnd) and len(self._runs) % each == 0

    def _bar(self, done: int, total: int) -> Table:
        row = Table.grid(padding=(0, 1))
        row.add_row(ProgressBar(max(total, 1), done, _BAR_WIDTH), f"{done:,} of {total:,}")
        return row

    def _table(self) -> Table:
        scores = self._scores()
        failed = sum(1 for run in self._runs if run.error)
        table = Table("runs", "failed", f"best {self._begun.metric}", "median", "worst", "scores")
        if not scores:
            table.add_row(str(len(self._runs)), str(failed), "…", "", "", "")
            return table
        ordered = sorted(scores, reverse=self._begun.greater_is_better)
        numbers = (ordered[0], float(np.median(scores)), ordered[-1])
        words = (f"{number:.4f}" for number in numbers)
        table.add_row(str(len(self._runs)), str(failed), *words, sparkline(scores))
        return table

    def _trace(self) -> str:
        last = self._epochs[-1]
        lines = [f"epoch {last.number}"]
        for name in last.validation:
            values = [epoch.validation[name] for epoch in self._epochs]
            lines.append(
                f"{name:>16}  fitted {last.fitted[name]:.4f}  validation"
                f" {last.validation[name]:.4f}  {sparkline(values)}"
            )
        return "\n".join(lines)

    def _scores(self) -> list[float]:
        return [run.score for run in self._runs if not run.error]

    def _best(self) -> float | None:
        scores = self._scores()
        if not scores:
            return None
        return max(scores) if self._begun.greater_is_better else min(scores)


@contextmanager
def watching(screen: Console) -> Iterator[Progress]:
    """Show fits while they happen: one picture on a terminal, now and then a line in a log."""
    picture = Picture()
    if not screen.is_terminal:

        def log(event: Event) -> None:
            picture.take(event)
            if picture.is_worth_a_line(event):
                screen.print(picture.line())

        yield log
        return
    with Live(picture.draw(), console=screen, auto_refresh=False) as live:

        def redraw(event: Event) -> None:
            picture.take(event)
            live.update(picture.draw(), refresh=True)

        yield redraw


def sparkline(values: Sequence[float]) -> str:
    """Return the last values as a line of bars, the highest one full."""
    shown = np.asarray(values[-_SHOWN:], dtype=np.float64)
    shown = shown[np.isfinite(shown)]
    if not len(shown):
        return ""
    span = float(np.ptp(shown)) or 1.0
    heights = ((shown - shown.min()) / span * (len(_BARS) - 1)).round().astype(int)
    return "".join(_BARS[height] for height in heights)
