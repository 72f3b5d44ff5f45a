"""How far a reading or a fit is, in the running stage's row."""

from collections.abc import Callable, Sequence
from typing import Final

from models.commands.bars import words_of
from models.extract.progress import Reading
from models.fit.progress import CurveStep, EpochEnd, Event, RunEnd, RunsBegin
from models.fit.run import Epoch, Run
from models.medium.progress import Moment
from models.stages import plain

BARS: Final = "▁▂▃▄▅▆▇█"
SHOWN: Final = 40

Moved = Callable[[str, str], None]


def sparkline(values: Sequence[float]) -> str:
    """Return the last values as bars, the lowest and the highest at the ends of the scale."""
    shown = [value for value in values if value == value][-SHOWN:]  # noqa: PLR0124  # NaN is not
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    step = (high - low) or 1.0
    return "".join(BARS[round((value - low) / step * (len(BARS) - 1))] for value in shown)


class Moving:
    """Tells of readings and fits by the stage that they are in.

    Args:
        moved: takes what is said, and what is shown beside it.
    """

    def __init__(self, moved: Moved) -> None:
        self._moved = moved
        self._begun: RunsBegin | None = None
        self._runs: list[Run] = []
        self._epochs: list[Epoch] = []

    def reading(self, reading: Reading | Moment) -> None:
        """Hear of a chunk of the source, or of a pass over rows that were read before."""
        if isinstance(reading, Moment):
            far = f"{reading.rows} rows: {reading.done:,} of {reading.total:,}"
            self._moved(far, "")
            return
        self._moved(words_of(reading), "")

    def fits(self, event: Event) -> None:
        """Hear of runs, epochs and the learning curve."""
        if isinstance(event, RunsBegin):
            self._begun, self._runs = event, list(event.known)
        elif isinstance(event, RunEnd):
            self._runs.append(event.run)
            self._epochs = []
        elif isinstance(event, EpochEnd):
            self._epochs.append(event.epoch)
            self._moved(*self._epoch_words(event))
            return
        elif isinstance(event, CurveStep):
            far = f"learning curve: fit {event.done} of {event.total}, {event.rows:,} rows"
            self._moved(far, "")
            return
        self._moved(*self._run_words())

    def _run_words(self) -> tuple[str, str]:
        if self._begun is None:
            return "", ""
        scores = [run.score for run in self._runs if not run.error]
        far = f"run {len(self._runs)} of {self._begun.total}"
        if scores:
            best = (max if self._begun.greater_is_better else min)(scores)
            far += f": best {self._begun.metric} {plain(best)}"
        failed = len(self._runs) - len(scores)
        return far + (f", {failed} failed" if failed else ""), sparkline(scores)

    def _epoch_words(self, event: EpochEnd) -> tuple[str, str]:
        metric = self._begun.metric if self._begun else ""
        values = [one.validation.get(metric, float("nan")) for one in self._epochs]
        told = ", ".join(f"{name} {plain(at)}" for name, at in event.epoch.validation.items())
        return f"run {event.run}, epoch {event.epoch.number}: {told}", sparkline(values)
