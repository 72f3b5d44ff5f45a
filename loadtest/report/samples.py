"""A run's requests as columns, for drawing."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from loadtest.percentiles import P50, P90, P99
from loadtest.record import Outcome, Record

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

NINES: Final = {
    "p50": P50,
    "p90": P90,
    "p95": Fraction(95, 100),
    "p99": P99,
    "p99.9": Fraction(999, 1000),
    "p99.99": Fraction(9999, 10_000),
}
"""The percentiles that a report may print, each only where the sample supports it."""

STAGES: Final = ("parse", "queue", "predict", "transfer", "encode")
"""What a replica's Server-Timing names, in the order in which a request meets them."""

SLICES: Final = 60
"""A run is drawn in about so many slices of time."""


@dataclass(frozen=True)
class Samples:
    """One entry a request, in the order of their intended starts; seconds since the start."""

    intended_s: Floats
    lag_s: Floats
    """When it was taken up, minus its intended start."""
    sent_s: Floats
    done_s: Floats
    latency_s: Floats
    """From the intended start; infinite for the wrong and the lost."""
    outcomes: NDArray[np.str_]
    replicas: NDArray[np.str_]
    stages_s: Floats
    """One column a stage of STAGES; NaN where the answer did not say."""

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Samples":
        """Return the columns of these records."""
        ordered = sorted(records, key=lambda record: record.intended_s)
        outcomes = np.array([record.outcome.value for record in ordered], dtype=np.str_)
        times = np.array(
            [(r.intended_s, r.taken_s, r.sent_s, r.done_s) for r in ordered], dtype=np.float64
        ).reshape(-1, 4)
        failed = (outcomes == Outcome.WRONG.value) | (outcomes == Outcome.LOST.value)
        return cls(
            intended_s=times[:, 0],
            lag_s=times[:, 1] - times[:, 0],
            sent_s=times[:, 2],
            done_s=times[:, 3],
            latency_s=np.where(failed, np.inf, times[:, 3] - times[:, 0]),
            outcomes=outcomes,
            replicas=np.array([record.replica for record in ordered], dtype=np.str_),
            stages_s=np.array(
                [(r.parse_s, r.queue_s, r.predict_s, r.transfer_s, r.encode_s) for r in ordered],
                dtype=np.float64,
            ).reshape(-1, len(STAGES)),
        )

    def after(self, start_s: float) -> "Samples":
        """Return those that were due at a time or later: without the warm-up."""
        kept = self.intended_s >= start_s
        columns = {field.name: getattr(self, field.name)[kept] for field in fields(self)}
        return Samples(**columns)

    def __len__(self) -> int:
        return len(self.intended_s)

    @property
    def counted(self) -> Flags:
        """Which are in the percentiles: all but the refused."""
        return np.not_equal(self.outcomes, Outcome.REFUSED.value)

    @property
    def right(self) -> Flags:
        """Which were answered rightly."""
        return np.equal(self.outcomes, Outcome.RIGHT.value)

    @property
    def service_s(self) -> Floats:
        """Latency from the send: what a tool with coordinated omission would print."""
        return self.latency_s - (self.sent_s - self.intended_s)

    @property
    def ends_s(self) -> float:
        """When the last one ended."""
        return float(self.done_s.max()) if len(self) else 0.0

    def slices(self) -> Floats:
        """Return the edges of slices of time, of a round length, that cover the run."""
        length_s = round_up(self.ends_s / SLICES)
        number = max(1, int(np.ceil(self.ends_s / length_s)))
        return np.arange(number + 1, dtype=np.float64) * length_s


def round_up(value: float) -> float:
    """Return the next of 1, 2, 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = float(10.0 ** np.floor(np.log10(value)))
    steps = (step * power for step in (1, 2, 5, 10))
    return float(next(step for step in steps if step >= value * (1 - 1e-9)))
