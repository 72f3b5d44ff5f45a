"""One run of a scenario: the composition root.

store ─▶ requests ─▶ reference (process) ─▶ right answers
replicas (processes) ◀─ balancer (process) ◀─ generator (process) ─▶ records ─▶ summary
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from loadtest.child import Child
from loadtest.emulated.answers import answer_table
from loadtest.fleet import running_fleet
from loadtest.front import running_front
from loadtest.generating import generate
from loadtest.generator import Job
from loadtest.http1 import Address
from loadtest.machine import this_machine
from loadtest.prepare import prepare
from loadtest.report import Report
from loadtest.scenario import Scenario
from loadtest.summary import summarise

_NOWHERE = Address("127.0.0.1", 0)
"""Emulated replicas know requests by their bodies, whatever host is in the head."""


def run_scenario(
    scenario: Scenario, folder: Path, command: str, tell: Callable[[str], None]
) -> Report:
    """Run a scenario and return its report; requests.csv and all logs are left in `folder`.

    Args:
        scenario: what to run.
        folder: an existing folder.
        command: how the run was started, for the report.
        tell: is given a few words whenever something else begins.

    Raises:
        LoadTestError: the run could not be made.
    """
    date = datetime.now(UTC)
    tell("computing the right answers")
    prepared = prepare(scenario.fleet.store, scenario.payload, scenario.load.seed)
    tell(f"starting {scenario.fleet.replicas} replicas")
    fleet = scenario.fleet
    table = None
    if fleet.emulated is not None:
        table = answer_table(prepared.requests(_NOWHERE))
    with running_fleet(fleet, folder, table) as replicas:
        names = [(replica.name, replica.address) for replica in replicas]
        with running_front(scenario.balancer, names, folder, fleet.balancer_cores) as front:
            tell(f"load for {scenario.load.duration_s:g} s")
            job = Job(
                target=front.address,
                load=scenario.load,
                requests=prepared.requests(front.address),
                folder=folder,
            )
            result = generate(job, fleet.generator_cores)
            deaths = _deaths([replica.child for replica in replicas] + front.children)
        tell("draining the replicas")
    return Report(
        scenario=scenario,
        summary=summarise(result, scenario.load, deaths),
        model_version=prepared.artefact.version,
        machine=this_machine(),
        command=command,
        date=date,
    )


def _deaths(children: Sequence[Child]) -> list[str]:
    """Say which processes ended although nobody asked them to."""
    return [
        f"{child.name} ended with code {child.exit_code} during the run; see {child.log}."
        for child in children
        if child.exit_code is not None
    ]
