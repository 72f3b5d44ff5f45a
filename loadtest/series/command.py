"""`python -m loadtest compare`: variants side by side, interleaved, with intervals."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from loadtest.errors import ScenarioError
from loadtest.report import LiveView, rebuild
from loadtest.scenario import Scenario, read_scenario
from loadtest.series.series import measurer, run_series, write_series
from loadtest.series.show import show_series
from loadtest.session import (
    EXIT_CODES,
    command_line,
    obey_signals,
    run_folder,
    told,
    with_store,
)


def compare(
    scenarios: Annotated[list[Path], typer.Argument(help="Scenarios; the first is the base.")],
    runs: Annotated[int, typer.Option(min=1, max=100, help="Rounds; five give intervals.")] = 5,
    most_runs: Annotated[
        int | None,
        typer.Option(help="Go on so far while a figure varies by more than 10 %."),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Use this store, whatever the scenarios say.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep series.json and every run in this folder.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Run scenarios interleaved (ABCABC…), replicas started anew each time, and compare them.

    Example: python -m loadtest compare a.toml b.toml --runs 5 --out runs/a-against-b

    Round n of every scenario has the same seed, so that differences are taken pair by pair. Printed
    are medians over runs and Student's 95 % interval.

    Exit code: 0 all runs passed, 1 answers were wrong or lost or a threshold is broken in one,
    2 a run could not be made, 3 one is invalid, for the generator was the bottleneck.
    """
    obey_signals()
    notes = Console(stderr=True)
    with told(notes):
        variants = read_variants(scenarios, store)
        with run_folder(out) as folder, LiveView(notes, folder) as tell:
            command = command_line()
            measure = measurer(variants, folder, command, tell)
            series = run_series(variants, runs, most_runs or runs, measure, command)
            write_series(series, folder)
            rebuild(folder)
    if json:
        sys.stdout.write(series.to_json())
    else:
        show_series(series, Console())
    raise typer.Exit(EXIT_CODES[series.verdict])


def read_variants(paths: list[Path], store: Path | None) -> dict[str, Scenario]:
    """Read scenarios and name them by their files.

    Raises:
        ScenarioError: one cannot be used, or two have one name.
    """
    variants: dict[str, Scenario] = {}
    for path in paths:
        if path.stem in variants:
            raise ScenarioError(f"Two scenarios are called {path.stem}: rename one of the files.")
        variants[path.stem] = with_store(read_scenario(path), store)
    return variants
