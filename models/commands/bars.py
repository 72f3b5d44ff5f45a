"""A progress bar for long readings: bytes of files, rows of queries, rows of a later pass."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from models.console import console
from models.extract.progress import Reading
from models.medium.progress import Moment, silent
from models.medium.progress import Progress as Told

_MEGABYTE = 1_000_000


@contextmanager
def reading_bar(title: str, *, quiet: bool = False) -> Iterator[Told]:
    """Show how far a reading is, on stderr; a log gets nothing."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield silent
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(title, total=None, words="")

        def told(reading: Reading | Moment) -> None:
            bar.update(task, completed=reading.done, total=reading.total, words=words_of(reading))

        yield told


def words_of(reading: Reading | Moment) -> str:
    """Return how far a reading is, in words."""
    if isinstance(reading, Moment):
        return f"{reading.done:,} of {reading.total:,} {reading.rows} rows"
    rows = f"{reading.rows:,} rows"
    if reading.unit == "rows":
        return rows
    total = "" if reading.total is None else f" of {reading.total / _MEGABYTE:,.1f}"
    return f"{reading.done / _MEGABYTE:,.1f}{total} MB, {rows}"
