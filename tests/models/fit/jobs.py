"""Jobs that other processes can import, and a session that can be killed."""

import os
import signal
import sys
from pathlib import Path

import numpy as np

from models.errors import BadSpecification
from models.fit.best import best_of
from models.fit.progress import Event, Progress, RunEnd
from models.fit.run import Chosen
from models.fit.table import Table
from models.places import Places
from tests.models.fit.conftest import students, with_fit


def sums(table: Table, number: int) -> float:
    """Return a sum over everything, which is nowhere if rows were lost on the way."""
    if number < 0:
        raise ValueError(f"no such row: {number}")
    assert table.groups is not None
    words = int((table.X["word"] == "a").sum())
    x = float(np.asarray(table.X["x"]).sum())
    return x + words + float(table.groups.sum()) + float(table.y.sum()) + number


def refuse(_: Table, number: int) -> None:
    """Find the specification wrong."""
    raise BadSpecification(f"wrong: {number}")


def die_if_negative(_: Table, number: int) -> int:
    """Die as a process does for which there is no memory."""
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def thirty(work: Path, processes: int, tell: Progress) -> Chosen:
    """Fit a best of thirty."""
    spec, known = students(3000)
    return best_of(with_fit(spec, runs=30, jobs=processes), known, Places(work, work), tell)


def say(event: Event) -> None:
    """Print the number of a run that has ended."""
    if isinstance(event, RunEnd):
        print(event.run.number, flush=True)


if __name__ == "__main__":
    thirty(Path(sys.argv[1]), int(sys.argv[2]), say)
