"""One run of a scenario: the composition root.

store ─▶ requests ─▶ reference (process) ─▶ right answers
replicas (processes) ◀─ balancer (process) ◀─ generator (process) ─▶ records ─▶ summary
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from loadtest.artefact import Artefact, read_artefact
from loadtest.balancer.config import BalancerConfig
from loadtest.balancer.config import Replica as Upstream
from loadtest.child import Child
from loadtest.fleet import Replica, running_fleet
from loadtest.generator import Job, read_result
from loadtest.http1 import Address
from loadtest.machine import this_machine
from loadtest.oracle import right_answers
from loadtest.payload import Answer, Expected, Request, draw_batches, predict_wire
from loadtest.record import LoadResult
from loadtest.report import Report
from loadtest.scenario import Balancing, Payload, Scenario
from loadtest.summary import summarise

_BALANCER_READY_S = 20.0
_GENERATOR_START_S = 60.0
"""What the generator may need beyond its load: imports, reading its job, writing records."""


@dataclass(frozen=True)
class Prepared:
    """The requests of a run before anybody listens: rows and their right answers."""

    artefact: Artefact
    payload: Payload
    batches: list[list[object]]
    answers: list[Answer]

    def requests(self, target: Address) -> list[Request]:
        """Return the requests as bytes for a target."""
        return [
            Request(
                wire=predict_wire(
                    target,
                    self.payload.model,
                    batch,
                    probabilities=self.payload.probabilities,
                ),
                expected=Expected(
                    model=self.artefact.name,
                    labels=self.artefact.labels,
                    answers={self.artefact.version: answer},
                ),
            )
            for batch, answer in zip(self.batches, self.answers, strict=True)
        ]


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
    with running_fleet(scenario.fleet, folder) as replicas:
        with running_balancer(scenario.balancer, replicas, folder) as (target, balancer):
            tell(f"load for {scenario.load.duration_s:g} s")
            result = generate(scenario, prepared.requests(target), target, folder)
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


def prepare(store: Path, payload: Payload, seed: int) -> Prepared:
    """Draw the requests' rows and have the reference answer them."""
    artefact = read_artefact(store, payload.model)
    batches = draw_batches(artefact.instances, payload.rows, payload.distinct_requests, seed)
    verdicts = right_answers(artefact, batches, probabilities=payload.probabilities)
    return Prepared(artefact, payload, batches, verdicts.answers)


@contextmanager
def running_balancer(
    balancing: Balancing, replicas: Sequence[Replica], folder: Path
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
    with Child("balancer", command, folder, piped=True) as child:
        child.write_line(config.model_dump_json())
        word, _, port = child.read_line(_BALANCER_READY_S).partition(" ")
        if word != "READY" or not port.isdigit():
            raise child.failure("did not say READY")
        yield Address(config.host, int(port)), child


def generate(
    scenario: Scenario, requests: list[Request], target: Address, folder: Path
) -> LoadResult:
    """Run the generator as a process and return what it saw.

    Raises:
        ChildError: it failed, or took much longer than its plan.
    """
    job = Job(target=target, load=scenario.load, requests=requests, folder=folder)
    path = folder / "job.json"
    path.write_text(job.model_dump_json(), encoding="utf-8")
    patience_s = scenario.load.duration_s + 2 * scenario.load.timeout_s + _GENERATOR_START_S
    command = [sys.executable, "-m", "loadtest.generator", str(path)]
    with Child("generator", command, folder) as child:
        code = child.wait(patience_s)
        if code is None:
            raise child.failure(f"did not end within {patience_s:g} s")
        if code != 0:
            raise child.failure(f"failed with code {code}")
    return read_result(folder)


def _deaths(children: Sequence[Child]) -> list[str]:
    """Say which processes ended although nobody asked them to."""
    return [
        f"{child.name} ended with code {child.exit_code} during the run; see {child.log}."
        for child in children
        if child.exit_code is not None
    ]
