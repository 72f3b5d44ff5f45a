"""`python -m loadtest simulate`: what a fleet would do that nobody has built yet."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from loadtest.session import command_line, make_folder, told
from loadtest.simulator.pages import write_result
from loadtest.simulator.result import Result, carry_out
from loadtest.simulator.show import refusal, show
from loadtest.simulator.study import Study, read_study

REFUSED = 4


def simulate(
    study: Annotated[Path, typer.Argument(help="What to simulate, a TOML file.")],
    out: Annotated[
        Path | None, typer.Option(help="Keep simulation.json and its page in this folder.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Simulate fleets of any size: latency against load by policy, and the capacity plan.

    Example: python -m loadtest simulate loadtest/scenarios/simulations/plan.toml

    Service times come from runs (python -m loadtest run --out FOLDER) and are checked on others
    that were held out; the error is printed beside every figure.

    Exit code: 0 done, 2 the file or a run cannot be used, 4 refused: the held-out runs were not
    predicted within the tolerance, so that nothing is extrapolated.
    """
    notes = Console(stderr=True)
    with told(notes):
        asked = read_study(study)
        if out is not None:
            make_folder(out)
        result = _carried_out(asked, notes)
        if out is not None:
            write_result(result, out, command_line())
    if json:
        sys.stdout.write(result.to_json())
    else:
        show(result, Console())
    if result.refused:
        if json:
            notes.print(refusal(result), style="red", markup=False, highlight=False)
        raise typer.Exit(REFUSED)


def _carried_out(study: Study, notes: Console) -> Result:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True) as progress:
        task = progress.add_task("reading")

        def tell(what: str, over: int, steps: int) -> None:
            progress.update(task, description=what, completed=over, total=steps)

        return carry_out(study, tell)
