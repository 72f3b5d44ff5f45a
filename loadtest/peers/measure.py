"""Measuring a peer beside Percore: the same model, rows, workers, generator and minutes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtest.artefact import Artefact, read_artefact
from loadtest.errors import ScenarioError
from loadtest.generating import generate
from loadtest.generator import Job
from loadtest.http1 import Address, head
from loadtest.oracle import right_answers
from loadtest.payload import Answer, Batch, Expected, Request, draw_batches, predict_wire
from loadtest.peers.catalogue import Peer
from loadtest.peers.rounds import OURS, Cell, Round, interleaved
from loadtest.peers.server import Server, running_peer, running_percore, wait_answer
from loadtest.percentiles import P50, P99, percentile
from loadtest.record import LoadResult, Outcome
from loadtest.scenario import ClosedLoad, Size

_READY_S: Final = 120.0
_TIMEOUT_S: Final = 30.0
_DISTINCT: Final = 16
_SEED: Final = 1


@dataclass(frozen=True)
class Plan:
    """What is measured, and how long."""

    store: Path
    model: str
    workers: int
    cells: tuple[Cell, ...]
    seconds: float
    """A round of one server; before the first, each is warmed for as long."""
    rounds: int


@dataclass(frozen=True)
class Bodies:
    """The rows of a cell and their right answers."""

    artefact: Artefact
    batches: list[Batch]
    answers: list[Answer]

    def of_percore(self, target: Address) -> list[Request]:
        """Return requests in Percore's own protocol."""
        return [
            Request(
                wire=predict_wire(
                    target,
                    self.artefact.name,
                    batch.instances,
                    probabilities=self.artefact.probabilities,
                ),
                expected=self._expected(answer),
                rows=len(batch.instances),
            )
            for batch, answer in zip(self.batches, self.answers, strict=True)
        ]

    def of_peer(self, peer: Peer, target: Address) -> list[Request]:
        """Return requests as the peer wants them."""
        return [
            Request(
                wire=_wire(peer, target, batch, probabilities=self.artefact.probabilities),
                expected=self._expected(answer).model_copy(update={"dialect": peer.dialect}),
                rows=len(batch.instances),
            )
            for batch, answer in zip(self.batches, self.answers, strict=True)
        ]

    def _expected(self, answer: Answer) -> Expected:
        return Expected(
            model=self.artefact.name,
            labels=self.artefact.labels,
            answers={self.artefact.version: answer},
        )


def prepared(plan: Plan) -> dict[int, Bodies]:
    """Return rows a request → bodies, answered by the model in process.

    Raises:
        ArtefactError: the store has no such model.
        ScenarioError: its columns are not all numbers, which most peers cannot take as JSON.
    """
    artefact = read_artefact(plan.store, plan.model)
    columns = artefact.input.get("columns", [])
    if not columns or any(column["dtype"] != "float64" for column in columns):
        raise ScenarioError(
            f"{plan.model} has columns that are no numbers (float64), which most peers cannot take;"
            " choose a model such as iris."
        )
    return {rows: _bodies(artefact, rows) for rows in {cell.rows for cell in plan.cells}}


def measure(
    peer: Peer, plan: Plan, bodies: Mapping[int, Bodies], folder: Path, tell: Callable[[str], None]
) -> Iterator[Round]:
    """Start a peer and Percore, and give each round as it ends.

    Raises:
        ChildError: the peer cannot be installed or started here, or a generator failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tell(f"{peer.name}: starting (its environment is made first if there is none)")
    artefact = next(iter(bodies.values())).artefact
    with (
        running_peer(peer, artefact, plan.workers, folder) as theirs,
        running_percore(plan.store, plan.workers, folder) as ours,
    ):
        for cell in plan.cells:
            these = bodies[cell.rows]
            loads = {
                OURS: (ours, these.of_percore(ours.address)),
                peer.name: (theirs, these.of_peer(peer, theirs.address)),
            }
            _ready(peer, loads, these)
            yield from _rounds(peer, cell, plan, loads, _Teller(folder, tell))


@dataclass(frozen=True)
class _Teller:
    folder: Path
    tell: Callable[[str], None]


_Loads = Mapping[str, tuple[Server, list[Request]]]


def _rounds(peer: Peer, cell: Cell, plan: Plan, loads: _Loads, teller: _Teller) -> Iterator[Round]:
    for server, (running, requests) in loads.items():
        teller.tell(f"{peer.name}, {cell.words}: warming {server}")
        _load(running, requests, cell, plan.seconds, teller.folder)
    for number, server in interleaved(peer.name, plan.rounds):
        teller.tell(f"{peer.name}, {cell.words}: round {number + 1}, {server}")
        running, requests = loads[server]
        result = _load(running, requests, cell, plan.seconds, teller.folder)
        yield _round(server, cell, number, result)


def _ready(peer: Peer, loads: _Loads, bodies: Bodies) -> None:
    rows, probabilities = bodies.batches[0].instances, bodies.artefact.probabilities
    theirs = peer.body(rows, probabilities=probabilities)
    wait_answer(loads[peer.name][0], peer.path, theirs, _READY_S)
    ours, requests = loads[OURS]
    body = requests[0].wire.partition(b"\r\n\r\n")[2]
    wait_answer(ours, f"/v1/models/{bodies.artefact.name}:predict", body, _READY_S)


def _load(
    server: Server, requests: Sequence[Request], cell: Cell, seconds: float, folder: Path
) -> LoadResult:
    load = ClosedLoad(
        connections=cell.connections, duration_s=seconds, seed=_SEED, timeout_s=_TIMEOUT_S
    )
    return generate(
        Job(target=server.address, load=load, requests=list(requests), folder=folder), ()
    )


def _round(server: str, cell: Cell, number: int, result: LoadResult) -> Round:
    counts = result.counts
    latencies_s = [each.latency_s for each in result.records if each.outcome is Outcome.RIGHT]
    return Round(
        server=server,
        cell=cell,
        number=number,
        rate_per_s=counts.right / result.elapsed_s,
        p50_s=percentile(latencies_s, P50),
        p99_s=percentile(latencies_s, P99),
        not_right=counts.sent - counts.right,
        sent=counts.sent,
    )


def _bodies(artefact: Artefact, rows: int) -> Bodies:
    batches = draw_batches(artefact.instances, [Size(rows=rows)], _DISTINCT, _SEED)
    verdicts = right_answers(
        artefact,
        [batch.instances for batch in batches],
        probabilities=artefact.probabilities,
    )
    return Bodies(artefact, batches, verdicts.answers)


def _wire(peer: Peer, target: Address, batch: Batch, *, probabilities: bool) -> bytes:
    body = peer.body(batch.instances, probabilities=probabilities)
    fields = {
        "Host": str(target),
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    headers = [(name.encode(), value.encode()) for name, value in fields.items()]
    return head(f"POST {peer.path} HTTP/1.1".encode(), headers) + body
