"""How far a pass over the cached rows is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from models.console import console
from models.extract.progress import Reading


@dataclass(frozen=True)
class Moment:
    """A moment of a pass.

    Args:
        rows: which rows: fitted, validation or held_out.
        done: of them, in this pass.
        total: of them.
    """

    rows: str
    done: int
    total: int


Progress: TypeAlias = Callable[[Moment | Reading], None]


def silent(_: Moment | Reading) -> None:
    """Tell nobody."""


@contextmanager
def pass_bar(title: str, *, quiet: bool = False) -> Iterator[Progress]:
    """Show the pass under way on stderr: bytes of the source, then rows of the cache.

    A log gets nothing.
    """
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield silent
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(title, total=None)
        passes = 0

        def told(moment: Moment | Reading) -> None:
            nonlocal passes
            if isinstance(moment, Reading):
                words = f"{title}: {moment.unit} of the source"
            else:
                passes += moment.done == moment.total
                words = f"{title}: {moment.rows} rows, {passes} passes done"
            bar.update(task, description=words, completed=moment.done, total=moment.total)

        yield told
