"""`python -m loadtest growth`: how cost grows with rows, connections and models."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from loadtest.bench.command import words
from loadtest.bench.contest import now
from loadtest.bench.growth.connections import connections_curves
from loadtest.bench.growth.models import models_curves
from loadtest.bench.growth.plots import draw_curves
from loadtest.bench.growth.results import Curve, GrowthResults, read_growth
from loadtest.bench.growth.rows import rows_curves
from loadtest.bench.results import write_results
from loadtest.bench.shelf import Shelf
from loadtest.errors import ScenarioError
from loadtest.machine import this_machine
from loadtest.report import LiveView
from loadtest.session import command_line, make_folder, obey_signals, run_folder, told

Curves = Callable[[Shelf, int, int, Path, Callable[[str], None]], Iterator[tuple[str, Curve]]]
KINDS: Final[dict[str, Curves]] = {
    "rows": rows_curves,
    "connections": connections_curves,
    "models": models_curves,
}


def growth(
    *,
    only: Annotated[
        str, typer.Option(help="rows, connections or models, with commas; empty: all.")
    ] = "",
    seconds: Annotated[int, typer.Option(min=1, max=600, help="Of a point.")] = 2,
    workers: Annotated[int, typer.Option(min=1, max=256)] = 2,
    out: Annotated[
        Path, typer.Option(help="The file of results; curves that are not measured anew stay.")
    ] = Path("runs/bench/growth.json"),
    shelf: Annotated[
        Path, typer.Option(help="Keep the fitted models and their stores in this folder.")
    ] = Path("runs/bench/shelf"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Measure Percore over 1 to 1,000,000 rows, 1 to 10,000 connections and 1 to 100 models.

    Each curve is kept with the slope of its logarithms (1: twice as much costs twice as much, 0: it
    costs no more), and drawn beside the file. The machine must be quiet; it takes some minutes.

    Example: python -m loadtest growth --only rows

    Exit code: 0 all was measured, 2 something could not be.
    """
    obey_signals()
    notes = Console(stderr=True)
    with told(notes, OSError):
        kinds = words(only) or list(KINDS)
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown:
            raise ScenarioError(f"{unknown[0]} is not measured; there are {', '.join(KINDS)}.")
        results = read_growth(out)
        make_folder(out.parent)
        results.machine = asdict(this_machine())
        results.command, results.date = command_line(), now()
        with run_folder(None) as folder, LiveView(notes, folder) as tell:
            for kind in kinds:
                for key, curve in KINDS[kind](Shelf(shelf), workers, seconds, folder / kind, tell):
                    results.curves[key] = curve
                    write_results(results, out)
            draw_curves(results, out.parent)
    if as_json:
        sys.stdout.write(results.model_dump_json(indent=1) + "\n")
    else:
        show(results, Console())


def show(results: GrowthResults, console: Console) -> None:
    """Print a line a curve."""
    table = Table(title="How cost grows: the slope of the logarithms")
    for name in ("over", "of", "from", "to", "slope"):
        table.add_column(name, justify="right" if name in ("from", "to", "slope") else "left")
    for curve in results.curves.values():
        ends = [
            f"{each.size:,}: {each.value:,.4g} {curve.unit}"
            for each in (curve.points[0], curve.points[-1])
        ]
        table.add_row(curve.grows, curve.measured, *ends, f"{curve.slope:.2f}")
    console.print(table)
