"""`python -m loadtest bench`: Percore and its peers side by side, cell by cell."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from loadtest.bench.cells import FAMILIES, best_form, planned
from loadtest.bench.contest import now
from loadtest.bench.plots import draw_cells
from loadtest.bench.results import Results
from loadtest.bench.session import Session
from loadtest.bench.shelf import Shelf
from loadtest.bench.show import show
from loadtest.bench.turns import Pace
from loadtest.report import LiveView
from loadtest.session import command_line, make_folder, obey_signals, run_folder, told

NOT_RIGHT = 1
NONE = "none"


def bench(  # noqa: PLR0913 - each is an option of the command line
    *,
    peers: Annotated[
        str,
        typer.Option(help="With commas; empty: all; none: Percore alone. Each in its best form."),
    ] = "",
    models: Annotated[str, typer.Option(help="Models, with commas; empty: all.")] = "",
    cells: Annotated[
        str, typer.Option(help="Cells, with commas; empty: all. See loadtest/bench/cells.py.")
    ] = "",
    runs: Annotated[int, typer.Option(min=1, max=100, help="Of each server in each cell.")] = 3,
    seconds: Annotated[int, typer.Option(min=1, max=600, help="Of a run.")] = 3,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Of each server.")] = 2,
    out: Annotated[
        Path, typer.Option(help="The file of results; other cells that it holds stay.")
    ] = Path("runs/bench/bench.json"),
    shelf: Annotated[
        Path, typer.Option(help="Keep the fitted models and their stores in this folder.")
    ] = Path("runs/bench/shelf"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave out cells that the file has already.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Measure Percore and its peers by turns: every cell, three models and more, one after another.

    All servers of a model run side by side and are loaded one at a time, ABCABC…, with the same
    bodies, by wrk if it is installed and by our own generator if not. Each is verified against
    joblib and scikit-learn before, concurrently, and by a sample of its answers meanwhile. A cell
    is kept as soon as it is measured; plots go beside the file. The machine must be quiet.

    Example: python -m loadtest bench --peers flask,mosec --models iris,forest --cells c1,c64

    Exit code: 0 all were measured, 1 a server was left out or gave wrong answers, 2 nothing more
    could be measured.
    """
    obey_signals()
    notes = Console(stderr=True)
    with told(notes, OSError):
        plan = planned(words(models), words(cells))
        families = () if peers == NONE else tuple(words(peers)) or FAMILIES
        for family in families:
            best_form(family, *plan[0])
        make_folder(out.parent)
        pace = Pace(seconds=seconds, runs=runs)
        session = Session(out, Shelf(shelf), families, workers, pace, resume, command_line())
        began = now()
        with run_folder(None) as folder, LiveView(notes, folder) as tell:
            results = session.measure(plan, tell)
            tell("drawing")
            draw_cells(results, out.parent)
    if as_json:
        sys.stdout.write(results.model_dump_json(indent=1) + "\n")
    else:
        show(results, Console())
    raise typer.Exit(NOT_RIGHT if troubled(results, began) else 0)


def words(text: str) -> list[str]:
    """Return the words of an option with commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def troubled(results: Results, since: str) -> bool:
    """Whether a server gave wrong answers, or was left out for more than taking no such bodies."""
    return any(
        any(each.bad for each in cell.servers.values())
        or any(not why.startswith("does not take") for why in cell.left_out.values())
        for cell in results.cells.values()
        if cell.date >= since
    )
