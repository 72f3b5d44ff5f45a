"""What happened to each request, and the sums over all of them."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from pathlib import Path


class Outcome(StrEnum):
    """How a request ended; each ends in exactly one of these."""

    RIGHT = "right"
    """Status 200 and the answer that the reference gives."""
    WRONG = "wrong"
    """Status 200 and any other answer."""
    REFUSED = "refused"
    """429 or 503: shed by the fleet."""
    LOST = "lost"
    """No whole answer in time, or any other status."""


@dataclass(frozen=True, slots=True)
class Record:
    """One request. Times are seconds since the load began, on the generator's monotonic clock."""

    request: int
    """Index of the request that was sent."""
    intended_s: float
    """When it was due; in a closed loop, when its connection was free for it."""
    taken_s: float
    """When the generator took it up."""
    sent_s: float
    """When it was written, or when it was given up unwritten."""
    done_s: float
    """When the whole answer was there, or when the request was given up."""
    outcome: Outcome
    status: int
    """HTTP status; 0 if there was none."""
    cause: str
    """Why it is not right: a stable word, or empty."""
    replica: str
    """Who answered, as the balancer says; empty if nobody is known."""
    rows: int = 1
    """How many rows were asked."""
    queue_s: float | None = None
    """Time in the replica's queue, as its Server-Timing says; None if it says nothing."""
    predict_s: float | None = None
    """Time of the batch's prediction in the worker, as Server-Timing says."""
    process: int = 0
    """Which generator process sent it."""
    parse_s: float | None = None
    """Time until the replica had read and checked the request."""
    transfer_s: float | None = None
    """Time to the worker and back, beyond its prediction."""
    encode_s: float | None = None
    """Time until the replica had put the answer into words."""

    @property
    def latency_s(self) -> float:
        """Time from the intended start: what the user waited, not what the server worked."""
        return self.done_s - self.intended_s

    @property
    def service_s(self) -> float:
        """Time from writing to the answer: without what the generator or its limit added."""
        return self.done_s - self.sent_s

    @property
    def lag_s(self) -> float:
        """How late the generator took it up."""
        return self.taken_s - self.intended_s

    @property
    def censored(self) -> bool:
        """Whether it was given up: its latency is at least what the record says."""
        return self.outcome is Outcome.LOST and self.cause == "timeout"


@dataclass(frozen=True, slots=True)
class Counts:
    """sent = right + wrong + refused + lost.

    Raises:
        ValueError: the sum does not hold.
    """

    sent: int
    right: int
    wrong: int
    refused: int
    lost: int

    def __post_init__(self) -> None:
        ended = self.right + self.wrong + self.refused + self.lost
        if self.sent != ended:
            raise ValueError(f"{self.sent} requests were sent, but {ended} ended")


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Everything a generator saw."""

    sent: int
    """Counted when requests were taken up, independently of the records."""
    records: tuple[Record, ...] = field(repr=False)
    """Left out of the repr: asyncio makes one of what its main task returned, for nobody."""
    elapsed_s: float
    """From the start to the end of the plan or the last answer, whichever is later."""
    cpu_s: float
    """CPU time of the generator's processes during the load, together."""
    cpu_by_process: tuple[float, ...] = ()
    """CPU time of each, if there are several."""
    partial: bool = False
    """Somebody ended the load before its plan did."""

    @property
    def busiest_s(self) -> float:
        """Return the CPU time of the process that spent most."""
        return max(self.cpu_by_process, default=self.cpu_s)

    @property
    def counts(self) -> Counts:
        """Return the sums.

        Raises:
            ValueError: a request ended never or twice.
        """
        ends = Counter(record.outcome for record in self.records)
        return Counts(
            sent=self.sent,
            right=ends[Outcome.RIGHT],
            wrong=ends[Outcome.WRONG],
            refused=ends[Outcome.REFUSED],
            lost=ends[Outcome.LOST],
        )


def merged(results: Sequence[LoadResult]) -> LoadResult:
    """Put together what several processes saw of one load; records by their intended start."""
    records = [record for result in results for record in result.records]
    return LoadResult(
        sent=sum(result.sent for result in results),
        records=tuple(sorted(records, key=attrgetter("intended_s"))),
        elapsed_s=max(result.elapsed_s for result in results),
        cpu_s=sum(result.cpu_s for result in results),
        cpu_by_process=tuple(result.cpu_s for result in results),
        partial=any(result.partial for result in results),
    )


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write one line a request; floats keep every digit, and what is not known is empty."""
    names = [each.name for each in fields(Record)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(map(attrgetter(*names), records))


def read_records(path: Path) -> Sequence[Record]:
    """Read what `write_records` wrote, now or before a field was added."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_read(row) for row in csv.DictReader(file)]


def _read(row: dict[str, str]) -> Record:
    return Record(
        request=int(row["request"]),
        intended_s=float(row["intended_s"]),
        taken_s=float(row["taken_s"]),
        sent_s=float(row["sent_s"]),
        done_s=float(row["done_s"]),
        outcome=Outcome(row["outcome"]),
        status=int(row["status"]),
        cause=row["cause"],
        replica=row["replica"],
        rows=int(row.get("rows") or 1),
        queue_s=_number(row.get("queue_s")),
        predict_s=_number(row.get("predict_s")),
        process=int(row.get("process") or 0),
        parse_s=_number(row.get("parse_s")),
        transfer_s=_number(row.get("transfer_s")),
        encode_s=_number(row.get("encode_s")),
    )


def _number(text: str | None) -> float | None:
    return float(text) if text else None
