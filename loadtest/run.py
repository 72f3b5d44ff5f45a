"""One run of a scenario: the composition root.

store ─▶ requests ─▶ reference (process) ─▶ right answers
replicas (processes) ◀─ balancer (process) ◀─ generator (process) ─▶ records ─▶ summary
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from loadtest.emulated.answers import answer_table
from loadtest.faults.stage import Stage, running_stage
from loadtest.faults.swap import also_right, with_second_version
from loadtest.fleet import Replica, running_fleet
from loadtest.generating import generate
from loadtest.generator import Job
from loadtest.http1 import Address
from loadtest.machine import this_machine
from loadtest.prepare import Prepared, prepare
from loadtest.record import LoadResult
from loadtest.report import Report
from loadtest.rules import Rules
from loadtest.scenario import Scenario
from loadtest.summary import summarise
from loadtest.warming import warm
from loadtest.watching import FILE as WORKERS
from loadtest.watching import WorkerWatch, write_spells

INTERRUPTED = "interrupted: waiting for the answers that are due; Ctrl-C again ends at once"
_NOWHERE = Address("127.0.0.1", 0)
"""Emulated replicas know requests by their bodies, whatever host is in the head."""


def run_scenario(
    scenario: Scenario,
    folder: Path,
    command: str,
    tell: Callable[[str], None],
    prepared: Prepared | None = None,
    *,
    keeps_partial: bool = False,
) -> Report:
    """Run a scenario and return its report; requests.csv and all logs are left in `folder`.

    Args:
        scenario: what to run.
        folder: an existing folder.
        command: how the run was started, for the report.
        tell: is given a few words whenever something else begins.
        prepared: the requests, if another run had the same; None: they are drawn and answered.
        keeps_partial: Ctrl-C during the load ends the load alone, and the report tells so.

    Raises:
        LoadTestError: the run could not be made.
    """
    date = datetime.now(UTC)
    if prepared is None:
        tell("computing the right answers")
        prepared = prepare(scenario.fleet.store, scenario.payload, scenario.load.seed)
    given = scenario
    scenario, swap = with_second_version(scenario, folder)
    fleet = scenario.fleet
    tell(f"starting {fleet.replicas} replicas")
    table = None if fleet.emulated is None else answer_table(prepared.requests(_NOWHERE))
    with running_fleet(fleet, folder, table) as replicas:
        real = replicas if fleet.emulated is None else ()
        if real:
            tell("warming every worker")
        cold = _warmed(scenario, prepared, real)
        with running_stage(scenario, replicas, folder, swap) as stage:
            tell(f"load for {scenario.load.duration_s:g} s")
            requests = prepared.requests(stage.front.address)
            if swap is not None:
                requests = also_right(requests, swap[1])
            job = Job(
                target=stage.front.address, load=scenario.load, requests=requests, folder=folder
            )
            interrupted = partial(tell, INTERRUPTED) if keeps_partial else None
            result = _generated(job, stage, WorkerWatch(real), fleet.generator_cores, interrupted)
            deaths = stage.finish()
        tell("draining the replicas")
    return Report(
        scenario=given,
        summary=summarise(result, scenario.load, [*deaths, *cold], Rules.of(scenario)),
        model_version=prepared.artefact.version,
        machine=this_machine(),
        command=command,
        date=date,
        front=stage.figures(),
        impacts=tuple(stage.impacts(result)),
    )


def _generated(
    job: Job,
    stage: Stage,
    watch: WorkerWatch,
    cores: tuple[int, ...],
    interrupted: Callable[[], None] | None,
) -> LoadResult:
    """Generate the load, with the faults' and the watch's clocks in step with its own."""

    def started(start_s: float) -> None:
        stage.started(start_s)
        watch.start(start_s)

    try:
        return generate(job, cores, started, interrupted)
    finally:
        write_spells(job.folder / WORKERS, watch.stop())


def _warmed(scenario: Scenario, prepared: Prepared, replicas: Sequence[Replica]) -> list[str]:
    """Let every worker of real replicas answer; return who was not heard."""
    answers = scenario.runs.answers_per_worker
    if not answers:
        return []
    workers = scenario.fleet.workers
    return [
        line
        for each in replicas
        for line in warm(each.name, each.address, prepared.requests(each.address), workers, answers)
    ]
