"""A real run, as the simulator looks at it: from the folder that `python -m loadtest run` left."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from loadtest.errors import ScenarioError
from loadtest.record import Outcome, Record, read_records
from loadtest.scenario import Size
from loadtest.simulator.settings import Policy

_NEARLY = 0.95


class _Fleet(BaseModel):
    replicas: int
    workers: int


class _Balancer(BaseModel):
    policy: Policy
    seed: int = 0


class _Load(BaseModel):
    kind: str
    duration_s: float
    timeout_s: float
    seed: int = 0
    connections: int = 1
    """Of a closed load, as what follows."""
    think_s: float = 0.0
    think: Literal["constant", "exponential"] = "constant"


class _Payload(BaseModel):
    model: str
    rows: int = 1
    mix: tuple[Size, ...] = ()

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Return the mix; of one kind if there is none."""
        return self.mix or (Size(rows=self.rows),)


class Setting(BaseModel):
    """What a run's scenario says that the simulator can take up."""

    fleet: _Fleet
    balancer: _Balancer
    load: _Load
    payload: _Payload


class _Report(BaseModel):
    """What is needed of a report.json; it holds much more."""

    date: str
    kind: str = "real"
    verdict: str = "passed"
    scenario: Setting


@dataclass(frozen=True)
class Batch:
    """Requests that a worker computed together."""

    replica: str
    start_s: float
    held_s: float
    """How long its worker was not free: the prediction, and the way to the worker and back."""
    predict_s: float
    """Of it, the prediction alone."""
    requests: int
    rows: int
    longest_queue_s: float


@dataclass(frozen=True)
class MeasuredRun:
    """One run. Times are seconds since the load began."""

    folder: Path
    report: _Report
    records: tuple[Record, ...]
    """In the order of their intended starts."""

    @property
    def words(self) -> str:
        """Say what run it was."""
        scenario = self.report.scenario
        return (
            f"{self.folder.name} ({self.report.kind}, {scenario.fleet.replicas} replicas of"
            f" {scenario.fleet.workers} workers, {scenario.balancer.policy}, {self.report.date})"
        )

    @property
    def intended_s(self) -> NDArray[np.float64]:
        """Return when each request was due."""
        return np.array([record.intended_s for record in self.records])

    @property
    def rows(self) -> NDArray[np.int64]:
        """Return how many rows each request had."""
        return np.array([record.rows for record in self.records], dtype=np.int64)

    @property
    def latency_s(self) -> NDArray[np.float64]:
        """Return latencies from the intended start: infinite if wrong or lost, without refused."""
        return np.array(
            [
                record.latency_s if record.outcome is Outcome.RIGHT else np.inf
                for record in self.records
                if record.outcome is not Outcome.REFUSED
            ]
        )

    @property
    def timed(self) -> list[Record]:
        """Return the requests that were answered right, with the server's own times."""
        return [
            record
            for record in self.records
            if record.outcome is Outcome.RIGHT
            and record.queue_s is not None
            and record.predict_s is not None
        ]


def read_run(folder: Path) -> MeasuredRun:
    """Read a run's folder.

    Raises:
        ScenarioError: it is not one, its generator was the bottleneck, or its records say nothing
            of the server's times.
    """
    try:
        report = _Report.model_validate(json.loads((folder / "report.json").read_bytes()))
    except OSError as error:
        raise ScenarioError(
            f"{folder / 'report.json'} cannot be read: {error.strerror}."
            f" Make it with: python -m loadtest run SCENARIO.toml --out {folder}"
        ) from error
    except (ValueError, ValidationError) as error:
        raise ScenarioError(f"{folder / 'report.json'} is no report of a run.") from error
    if report.verdict == "invalid":
        raise ScenarioError(
            f"{folder} is an INVALID run: its figures are the generator's own, not the fleet's."
            " Make it again on a quieter machine, or with a lower rate."
        )
    paths = sorted(folder.glob("requests*.csv"))
    records = [record for path in paths for record in read_records(path)]
    run = MeasuredRun(folder, report, tuple(sorted(records, key=lambda record: record.intended_s)))
    if not run.timed:
        raise ScenarioError(
            f"{folder}: no right answer came with Server-Timing (queue, predict), so there is"
            " nothing to calibrate the simulator with."
        )
    return run


def batches_of(records: Sequence[Record]) -> list[Batch]:
    """Find out which requests travelled together.

    Requests of one batch come from the same replica, name the same time of prediction to the
    digit, and ended their waiting together.

    Args:
        records: with the server's times.

    Returns:
        In the order of their starts.
    """
    groups: dict[tuple[str, float], list[_Member]] = defaultdict(list)
    for record in records:
        if record.queue_s is not None and record.predict_s is not None:
            start_s = record.sent_s + (record.parse_s or 0.0) + record.queue_s
            member = _Member(start_s, record.queue_s, held_s(record), record.rows)
            groups[record.replica, record.predict_s].append(member)
    batches = [
        Batch(
            replica=replica,
            start_s=part[0].start_s,
            held_s=max(member.held_s for member in part),
            predict_s=predict_s,
            requests=len(part),
            rows=sum(member.rows for member in part),
            longest_queue_s=max(member.queue_s for member in part),
        )
        for (replica, predict_s), members in groups.items()
        for part in _apart(sorted(members), predict_s / 2)
    ]
    return sorted(batches, key=lambda batch: batch.start_s)


def held_s(record: Record) -> float:
    """Return how long a request held its worker: prediction and transfer, as Server-Timing says."""
    return (record.predict_s or 0.0) + (record.transfer_s or 0.0)


class _Member(NamedTuple):
    """A request of a batch."""

    start_s: float
    queue_s: float
    held_s: float
    rows: int


def _apart(members: Sequence[_Member], distance_s: float) -> list[list[_Member]]:
    """Cut where a start is further from its part's first than a worker could have begun anew."""
    parts: list[list[_Member]] = []
    for member in members:
        if not parts or member.start_s - parts[-1][0].start_s > distance_s:
            parts.append([])
        parts[-1].append(member)
    return parts


def busy_workers(batches: Sequence[Batch]) -> NDArray[np.int64]:
    """Return for each batch how many were computed at its start, itself included."""
    starts = np.array([batch.start_s for batch in batches])
    # A little early: the batch that a worker has just ended is not busy beside its next one,
    # whatever the clocks' last digits say.
    ends = np.sort(starts + _NEARLY * np.array([batch.held_s for batch in batches]))
    begun = np.arange(1, len(batches) + 1)
    return np.asarray(np.maximum(begun - np.searchsorted(ends, starts, side="right"), 1))
