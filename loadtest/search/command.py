"""`python -m loadtest search`: the highest rate that a fleet sustains under its SLO."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from loadtest.report import LiveView, rebuild
from loadtest.scenario import read_scenario
from loadtest.search.bracket import PRECISION, Found
from loadtest.search.bracket import search as find
from loadtest.search.searching import SearchReport, attempts
from loadtest.search.show import show_search
from loadtest.session import command_line, obey_signals, run_folder, told, with_store

NOT_FOUND = 1
GENERATOR = 3


def search(
    scenario: Annotated[Path, typer.Argument(help="The scenario: an open load, and an slo.")],
    most: Annotated[float, typer.Option(min=0.001, help="Try no higher rate, a second.")] = 50_000,
    precision: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="Of the rate, at which to stop.")
    ] = PRECISION,
    store: Annotated[
        Path | None, typer.Option(help="Use this store, whatever the scenario says.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep search.json and every probe in this folder.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the search as JSON.")] = False,
) -> None:
    """Find the highest rate that the fleet sustains under the scenario's SLO.

    Example: python -m loadtest search loadtest/scenarios/search-iris.toml --out runs/capacity

    Starts at the scenario's rate, doubles it until it is not sustained, and halves the gap down to
    2 %. Sustained means that MLPerf's early stopping shows the percentile met at 99 % confidence,
    errors are few, no answer is wrong, and the backlog does not grow. Every probe has fresh
    replicas; the whole curve is printed.

    Exit code: 0 a rate was found and confirmed, 1 none is sustained, 2 a probe could not be made,
    3 the generator was the limit: the fleet can do more.
    """
    obey_signals()
    notes = Console(stderr=True)
    with told(notes):
        asked = with_store(read_scenario(scenario), store)
        with run_folder(out) as folder, LiveView(notes, folder) as tell:
            command = command_line()
            attempt = attempts(asked, folder, command, tell)
            start_per_s = getattr(asked.load, "rate_per_s", 1.0)
            found = find(attempt, start_per_s, most, precision)
            report = SearchReport(asked, found, command)
            report.write(folder, scenario.stem)
            rebuild(folder)
    if json:
        sys.stdout.write(report.to_json())
    else:
        show_search(report, Console())
    raise typer.Exit(exit_code(found))


def exit_code(found: Found) -> int:
    """Return what the search came to, for a program."""
    if found.limit == "generator":
        return GENERATOR
    return NOT_FOUND if found.rate_per_s is None else 0
