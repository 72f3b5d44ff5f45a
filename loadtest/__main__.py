"""`python -m loadtest`: measure a fleet, and say what it is worth.

Exit codes: 0 passed; 1 answers were wrong or lost; 2 the run could not be made; 3 invalid, for
the generator was the bottleneck.
"""

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from loadtest.errors import LoadTestError
from loadtest.peers.command import peers
from loadtest.report import LiveView, rebuild, show, write_all
from loadtest.run import run_scenario
from loadtest.scenario import Scenario, read_scenario
from loadtest.simulator.command import simulate
from loadtest.summary import Verdict

CANNOT_RUN = 2
EXIT_CODES = {Verdict.PASSED: 0, Verdict.FAILED: 1, Verdict.INVALID: 3}

app = typer.Typer(
    help="Load test: real replicas behind a balancer, every answer checked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Load test: real replicas behind a balancer, every answer checked."""


@app.command()
def run(
    scenario: Annotated[Path, typer.Argument(help="The scenario, a TOML file.")],
    store: Annotated[
        Path | None, typer.Option(help="Use this store, whatever the scenario says.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Keep the report, the records and all logs in this folder."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Start a fleet, put a load on it, check every answer and print the figures.

    Example: python -m loadtest run loadtest/scenarios/closed-iris.toml --out runs/first

    Exit code: 0 passed, 1 answers were wrong or lost, 2 the run could not be made, 3 the generator
    was the bottleneck and the figures are void.
    """
    signal.signal(signal.SIGTERM, _end)
    # A script's background jobs start with this ignored; a run must be endable all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    notes = Console(stderr=True)
    try:
        planned = _with_store(read_scenario(scenario), store)
        command = f"python -m loadtest {shlex.join(sys.argv[1:])}"
        with _folder(out) as folder:
            with LiveView(notes, folder) as tell:
                report = run_scenario(planned, folder, command, tell)
                tell("drawing the report")
                page = write_all(report, folder)
            if out is not None:
                notes.print(f"Report: {page}", markup=False, highlight=False, soft_wrap=True)
    except LoadTestError as error:
        notes.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(CANNOT_RUN) from error
    if json:
        sys.stdout.write(report.to_json())
    else:
        show(report, Console())
    raise typer.Exit(EXIT_CODES[report.summary.verdict])


@app.command("report")
def report_again(
    folder: Annotated[Path, typer.Argument(help="The folder of a run: what --out named.")],
) -> None:
    """Draw a run's page, JUnit file and histograms again from what its folder holds.

    Example: python -m loadtest report runs/first

    Exit code: 0 done, 2 the folder holds no report that this version can read.
    """
    try:
        sys.stdout.write(f"{rebuild(folder)}\n")
    except LoadTestError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(CANNOT_RUN) from error


app.command()(peers)
app.command()(simulate)


def _with_store(scenario: Scenario, store: Path | None) -> Scenario:
    if store is None:
        return scenario
    fleet = scenario.fleet.model_copy(update={"store": store})
    return scenario.model_copy(update={"fleet": fleet})


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    """Give the folder of a run; without --out it goes when the run is over."""
    if out is None:
        with TemporaryDirectory(prefix="percore-loadtest-") as name:
            yield Path(name)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LoadTestError(f"{out} cannot be made a folder: {error.strerror}.") from error
    yield out


def _end(number: int, frame: FrameType | None) -> None:
    """End by an exception, so that replicas, balancer and generator are ended too."""
    del frame
    raise SystemExit(128 + number)


if __name__ == "__main__":
    app()
