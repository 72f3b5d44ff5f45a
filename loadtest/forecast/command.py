"""`python -m loadtest predict`: what a larger fleet will do, said before it is started."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from loadtest.forecast.forecasting import foretell
from loadtest.forecast.question import Question
from loadtest.forecast.result import Result
from loadtest.forecast.show import show_forecast
from loadtest.report import LiveView, rebuild
from loadtest.scenario import read_scenario
from loadtest.series.series import measurer
from loadtest.session import (
    EXIT_CODES,
    command_line,
    obey_signals,
    run_folder,
    told,
    with_store,
)
from loadtest.summary import Verdict

MISSED = 4


def predict(
    scenario: Annotated[Path, typer.Argument(help="The scenario of the larger fleet.")],
    calibrate_with: Annotated[
        list[int] | None,
        typer.Option(help="Replicas of a smaller fleet to measure; may be given often. [1, 2]"),
    ] = None,
    max_batch: Annotated[
        int, typer.Option(min=1, help="Requests that fit into a batch of the service.")
    ] = 256,
    store: Annotated[
        Path | None, typer.Option(help="Use this store, whatever the scenario says.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep prediction.json and every run in this folder.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure smaller fleets, say what the scenario's fleet will do, run it, and print the error.

    Example: python -m loadtest predict loadtest/scenarios/predict-emulated.toml --out runs/three

    Each smaller fleet gets its share of the rate. What was said is in forecast.json before the
    first replica of the larger fleet is started.

    Exit code: 0 foretold within the tolerances (p50 10 %, p99 20 %, throughput 10 %), 1 answers
    were wrong, 2 a run could not be made, 3 one is invalid, for the generator was the bottleneck,
    4 the forecast missed.
    """
    obey_signals()
    notes = Console(stderr=True)
    with told(notes):
        asked = with_store(read_scenario(scenario), store)
        question = Question(asked, tuple(calibrate_with or (1, 2)), max_batch)
        variants = question.variants()
        with run_folder(out) as folder, LiveView(notes, folder) as tell:
            command = command_line()
            measure = measurer(variants, folder, command, tell)
            result = foretell(question, folder, measure, command)
            result.write(folder)
            rebuild(folder)
    if json:
        sys.stdout.write(result.to_json())
    else:
        show_forecast(result, Console())
    raise typer.Exit(exit_code(result))


def exit_code(result: Result) -> int:
    """Return what the forecast came to, for a program."""
    if result.verdict is not Verdict.PASSED:
        return EXIT_CODES[result.verdict]
    return 0 if result.accepted else MISSED
