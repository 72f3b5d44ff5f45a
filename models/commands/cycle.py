"""`python -m models train SPEC.toml` and `python -m models retrain SPEC.toml`."""

import json
import signal
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from models.commands.engines import SpecifiedEngine
from models.commands.plan import MakePlan, make_plan_of
from models.console import console, stage_table
from models.lifecycle import Done, Job, run
from models.places import Places
from models.publish.history import Entry
from models.retrain import Told, read_duration_s, retrain
from models.spec import read_specification
from models.stages import Stages
from models.store import Store

RETRAIN_EXAMPLE = "Example: python -m models retrain students.toml --every 1d --when-new-data"
TOML = ".toml"


def job_of(file: Path, store: Path, data: Path | None, work: Path | None) -> Job:
    """Return what a specification file asks for."""
    spec = read_specification(file)
    places = Places(data or file.parent, work or Path("work") / spec.model.name)
    return Job(spec, file.resolve().parent, Store(store), places)


def train_specification(job: Job, master: str, *, plan: bool, as_json: bool) -> dict[str, Any]:
    """Run a specification once, and say what came of it."""
    with stage_table(f"train {job.spec.model.name}", stderr=as_json) as stages:
        done = run(job, SpecifiedEngine(master), stages)
    console(stderr=as_json).print(_words(job, done), soft_wrap=True)
    if plan:
        _plan(job, done, as_json=as_json)
    return _facts(job, done)


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
    data: Annotated[
        Path | None, typer.Option(help="The data root; the specification's folder if left out.")
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="For what is kept between runs; work/NAME if left out.")
    ] = None,
    master: Annotated[str, typer.Option(help="Of Spark: local[2], yarn, spark://…")] = "",
    plan: MakePlan = True,
    store: Annotated[Path, typer.Option("--store", help="The model store's folder.")] = Path(
        "store"
    ),
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
    if once:
        _print_line(train_specification(job, master, plan=plan, as_json=as_json), as_json)
        return
    screen = console(stderr=as_json)

    def done(result: Done) -> None:
        screen.print(f"{_now()} {_words(job, result)}", soft_wrap=True)
        if plan:
            _plan(job, result, as_json=as_json)
        _print_line(_facts(job, result), as_json)

    def failed(error: Exception) -> None:
        console(stderr=True).print(f"{_now()} failed: {error}", soft_wrap=True)
        _print_line({"name": job.spec.model.name, "outcome": "failed"}, as_json)

    def waiting(seconds: float) -> None:
        if seconds:
            screen.print(f"{_now()} next run in {seconds:,.0f} s")

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as tables:

        def begin() -> Stages:
            tables.close()
            title = f"train {job.spec.model.name}"
            return tables.enter_context(stage_table(title, stderr=as_json))

        engine = SpecifiedEngine(master)
        retrain(job, engine, every_s, stop.wait, begin, Told(done, failed, waiting))


def _plan(job: Job, done: Done, *, as_json: bool) -> None:
    if done.entry.version is not None:
        make_plan_of(job.store, job.spec.model.name, done.entry.version, as_json=as_json)


def _words(job: Job, done: Done) -> str:
    name, entry = job.spec.model.name, done.entry
    if entry.version is None:
        return f"{name}: nothing new: {entry.words}"
    outcomes = {
        "promoted": "published and promoted",
        "kept": "published",
        "refused": "published, not promoted",
    }
    metrics = ", ".join(f"{metric} {value:.4f}" for metric, value in entry.metrics.items())
    return (
        f"{outcomes[entry.outcome]} {name} {entry.version} ({metrics}; on held-out rows):"
        f" {entry.words}"
    )


def _facts(job: Job, done: Done) -> dict[str, Any]:
    entry: Entry = done.entry
    return {"name": job.spec.model.name, **entry.model_dump(mode="json")}


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"


def _print_line(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(facts))
