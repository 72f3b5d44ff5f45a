"""What happened to each request, and the sums over all of them."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from enum import StrEnum
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

    @property
    def latency_s(self) -> float:
        """Time from the intended start: what the user waited, not what the server worked."""
        return self.done_s - self.intended_s


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
    records: tuple[Record, ...]
    elapsed_s: float
    """From the start to the end of the plan or the last answer, whichever is later."""
    cpu_s: float
    """CPU time of the generator's process during the load."""

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


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write one line a request; floats keep every digit."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in fields(Record)])
        writer.writerows(astuple(record) for record in records)


def read_records(path: Path) -> Sequence[Record]:
    """Read what `write_records` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Record(
                request=int(row["request"]),
                intended_s=float(row["intended_s"]),
                taken_s=float(row["taken_s"]),
                sent_s=float(row["sent_s"]),
                done_s=float(row["done_s"]),
                outcome=Outcome(row["outcome"]),
                status=int(row["status"]),
                cause=row["cause"],
                replica=row["replica"],
            )
            for row in csv.DictReader(file)
        ]
