"""What every command that runs fleets shares: it can be ended, and has a folder."""

import errno
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from types import FrameType

import typer
from rich.console import Console

from loadtest.errors import LoadTestError
from loadtest.scenario import Scenario
from loadtest.summary import Verdict

CANNOT_RUN = 2
INTERRUPTED = 128 + signal.SIGINT
EXIT_CODES = {Verdict.PASSED: 0, Verdict.FAILED: 1, Verdict.INVALID: 3}


def obey_signals() -> None:
    """Let SIGTERM and SIGINT end the command by an exception, so that all its processes end too."""
    signal.signal(signal.SIGTERM, _end)
    # A script's background jobs start with this ignored; a run must be endable all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def command_line() -> str:
    """Return how the command was started, for the report."""
    return f"python -m loadtest {shlex.join(sys.argv[1:])}"


def with_store(scenario: Scenario, store: Path | None) -> Scenario:
    """Return the scenario with another store, if one is given."""
    if store is None:
        return scenario
    fleet = scenario.fleet.model_copy(update={"store": store})
    return scenario.model_copy(update={"fleet": fleet})


@contextmanager
def told(notes: Console, *errors: type[Exception]) -> Iterator[None]:
    """Say in a sentence why there is no result, and end the command with the code for that.

    Args:
        notes: where people read.
        errors: what else than a `LoadTestError` is for them.

    Raises:
        typer.Exit: there is none.
    """
    expected: tuple[type[Exception], ...] = (LoadTestError, *errors)
    try:
        yield
    except expected as error:
        notes.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(CANNOT_RUN) from error
    except KeyboardInterrupt as error:
        notes.print("Interrupted before the result was whole; no process that was started is left.")
        raise typer.Exit(INTERRUPTED) from error


@contextmanager
def run_folder(out: Path | None) -> Iterator[Path]:
    """Give the folder of a run; without --out it goes when the run is over.

    Raises:
        LoadTestError: nothing can be written into it, or no more.
    """
    if out is None:
        with TemporaryDirectory(prefix="percore-loadtest-") as name, _told_when_full(Path(name)):
            yield Path(name)
        return
    make_folder(out)
    with _told_when_full(out):
        yield out


def make_folder(out: Path) -> None:
    """Make a folder for results, and see that they can be put there before there are any.

    Raises:
        LoadTestError: they cannot.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LoadTestError(f"{out} cannot be made a folder: {error.strerror}.") from error
    try:
        with TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise LoadTestError(f"{out} cannot be written into: {error.strerror}.") from error


@contextmanager
def _told_when_full(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise LoadTestError(f"{folder} cannot hold the results: {error.strerror}.") from error


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    raise SystemExit(128 + number)
