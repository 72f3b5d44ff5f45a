"""One run of a scenario: the composition root.

store ─▶ requests ─▶ reference (process) ─▶ right answers
replicas (processes) ◀─ balancer (process) ◀─ generator (process) ─▶ records ─▶ summary
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from loadtest.balancer.config import BalancerConfig
from loadtest.balancer.config import Replica as Upstream
from loadtest.child import Child
from loadtest.fleet import Replica, running_fleet
from loadtest.generating import generate
from loadtest.generator import Job
from loadtest.http1 import Address
from loadtest.machine import this_machine
from loadtest.pinning import pinned
from loadtest.prepare import prepare
from loadtest.report import Report
from loadtest.scenario import Balancing, Scenario
from loadtest.summary import summarise

_BALANCER_READY_S = 20.0


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
    with running_fleet(fleet, folder) as replicas:
        with running_balancer(scenario.balancer, replicas, folder, fleet.balancer_cores) as (
            target,
            balancer,
        ):
            tell(f"load for {scenario.load.duration_s:g} s")
            job = Job(
                target=target,
                load=scenario.load,
                requests=prepared.requests(target),
                folder=folder,
            )
            result = generate(job, fleet.generator_cores)
            deaths = _deaths([*(replica.child for replica in replicas), balancer])
        tell("draining the replicas")
    return Report(
        scenario=scenario,
        summary=summarise(result, scenario.load, deaths),
        model_version=prepared.artefact.version,
        machine=this_machine(),
        command=command,
        date=date,
    )


@contextmanager
def running_balancer(
    balancing: Balancing, replicas: Sequence[Replica], folder: Path, cores: Sequence[int] = ()
) -> Iterator[tuple[Address, Child]]:
    """Start a balancer in front of ready replicas; give its address and its process."""
    config = BalancerConfig(
        replicas=tuple(
            Upstream(name=each.name, host=each.address.host, port=each.address.port)
            for each in replicas
        ),
        policy=balancing.policy,
        seed=balancing.seed,
        answer_timeout_s=balancing.answer_timeout_s,
    )
    command = [sys.executable, "-m", "loadtest.balancer"]
    with ExitStack() as stack:
        with pinned(cores):
            child = stack.enter_context(Child("balancer", command, folder, piped=True))
        child.write_line(config.model_dump_json())
        word, _, port = child.read_line(_BALANCER_READY_S).partition(" ")
        if word != "READY" or not port.isdigit():
            raise child.failure("did not say READY")
        yield Address(config.host, int(port)), child


def _deaths(children: Sequence[Child]) -> list[str]:
    """Say which processes ended although nobody asked them to."""
    return [
        f"{child.name} ended with code {child.exit_code} during the run; see {child.log}."
        for child in children
        if child.exit_code is not None
    ]
