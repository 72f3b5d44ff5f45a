"""`python -m loadtest`: measure a fleet, and say what it is worth.

Exit codes: 0 passed; 1 answers were wrong or lost, or a threshold is broken; 2 the run could not be
made; 3 invalid, for the generator was the bottleneck; 4 the simulator refused to extrapolate, or
its forecast missed.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from loadtest.bench.command import bench
from loadtest.bench.growth.command import growth
from loadtest.forecast.command import predict
from loadtest.peers.command import peers
from loadtest.report import LiveView, rebuild, show, write_all
from loadtest.run import run_scenario
from loadtest.scenario import read_scenario
from loadtest.scenario.faults import fault_replica
from loadtest.search.command import search
from loadtest.series.command import compare
from loadtest.session import (
    EXIT_CODES,
    INTERRUPTED,
    command_line,
    obey_signals,
    run_folder,
    told,
    with_store,
)
from loadtest.simulator.command import simulate

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

    A scenario whose runs.count is above 1 is run so often, with fresh replicas each time. Ctrl-C
    ends the load early: what was measured until then is reported as partial. A second one ends all.

    Exit code: 0 passed, 1 answers were wrong or lost or a threshold or the SLO is broken, 2 the run
    could not be made, 3 the generator was the bottleneck and the figures are void, 130 interrupted.
    """
    obey_signals()
    notes = Console(stderr=True)
    with told(notes):
        planned = with_store(read_scenario(scenario), store)
        if planned.runs.count > 1:
            compare([scenario], runs=planned.runs.count, store=store, out=out, json=json)
        command = command_line()
        with run_folder(out) as folder:
            faults = [(each.at_s, f"{each.kind} {fault_replica(each)}") for each in planned.faults]
            with LiveView(notes, folder, faults) as tell:
                report = run_scenario(planned, folder, command, tell, keeps_partial=True)
                tell("drawing the report")
                page = write_all(report, folder)
            if out is not None:
                notes.print(f"Report: {page}", markup=False, highlight=False, soft_wrap=True)
    if json:
        sys.stdout.write(report.to_json())
    else:
        show(report, Console())
    raise typer.Exit(INTERRUPTED if report.summary.partial else EXIT_CODES[report.summary.verdict])


@app.command("report")
def report_again(
    folder: Annotated[Path, typer.Argument(help="The folder of a run: what --out named.")],
) -> None:
    """Draw a run's page, JUnit file and histograms again from what its folder holds.

    Example: python -m loadtest report runs/first

    Exit code: 0 done, 2 the folder holds no report that this version can read.
    """
    with told(Console(stderr=True)):
        sys.stdout.write(f"{rebuild(folder)}\n")


app.command()(compare)
app.command()(search)
app.command()(peers)
app.command()(bench)
app.command()(growth)
app.command()(simulate)
app.command()(predict)


if __name__ == "__main__":
    app()
