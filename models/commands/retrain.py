"""`python -m models retrain SPEC.toml`: runs without end, for whoever is not there."""

import json
import signal
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from models.commands.engines import SpecifiedEngine
from models.commands.options import (
    DEFAULT_STORE,
    DataRoot,
    Master,
    StoreFolder,
    WorkFolder,
)
from models.commands.plan import MakePlan
from models.commands.specified import Teller, job_of, train_specification
from models.console import console, stage_table
from models.lifecycle import Done, Job
from models.retrain import Told, read_duration_s, retrain
from models.stages import Stages

EXAMPLE = "Example: python -m models retrain students.toml --every 1d --when-new-data"


def retrain_command(  # noqa: PLR0913, PLR0917  # an option each
    specification: Annotated[Path, typer.Argument(help="A specification file, TOML.")],
    every: Annotated[
        str, typer.Option(help="From one run's beginning to the next: 30s, 15m, 6h, 1d.")
    ] = "1d",
    when_new_data: Annotated[
        bool, typer.Option("--when-new-data", help="Fit only if the rows are other ones.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="One run now; for cron and the like.")
    ] = False,
    data: DataRoot = None,
    work: WorkFolder = None,
    master: Master = "",
    plan: MakePlan = True,
    store: StoreFolder = DEFAULT_STORE,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON line a run.")] = False,
) -> None:
    """Run a specification again and again: fit, judge, publish, and promote what is better.

    What became of each run is in WORK/history.jsonl. A run that fails is told, and the next one
    comes all the same. Ends with Ctrl-C, at the latest after the run under way.
    """
    try:
        every_s = read_duration_s(every)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--every") from error
    found = job_of(specification, store, data, work)
    job = Job(found.spec, found.folder, found.store, found.places, only_if_new=when_new_data)
    teller = Teller(job, plan, as_json)
    if once:
        _print_line(train_specification(teller, master), as_json)
        return
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as tables:
        rounds = _Rounds(teller, tables)
        told = Told(rounds.done, rounds.failed, rounds.waiting)
        retrain(job, SpecifiedEngine(master), every_s, stop.wait, rounds.begin, told)


class _Rounds:
    """Shows each run on a table of its own, and says what became of it.

    Args:
        teller: knows the words.
        tables: closes the last one.
    """

    def __init__(self, teller: Teller, tables: ExitStack) -> None:
        self._teller = teller
        self._tables = tables
        self._as_json = teller.as_json
        self._name = teller.job.spec.model.name
        self._screen = console(stderr=teller.as_json)

    def begin(self) -> Stages:
        self._tables.close()
        return self._tables.enter_context(stage_table(f"train {self._name}", stderr=self._as_json))

    def done(self, result: Done) -> None:
        self._screen.print(f"{_now()} {self._teller.words(result)}", soft_wrap=True)
        self._teller.make_plan(result)
        _print_line(self._teller.facts(result), self._as_json)

    def failed(self, error: Exception) -> None:
        console(stderr=True).print(f"{_now()} failed: {error}", soft_wrap=True)
        _print_line({"name": self._name, "outcome": "failed"}, self._as_json)

    def waiting(self, seconds: float) -> None:
        if seconds:
            self._screen.print(f"{_now()} next run in {seconds:,.0f} s")


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"


def _print_line(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(facts))
