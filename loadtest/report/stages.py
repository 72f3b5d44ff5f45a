"""Where the time of a request went: what the replica says of it, and what is left for the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from loadtest.report.samples import STAGES, Flags, Floats, Samples

LATE: Final = "generator"
"""From the intended start until the request was written: waiting for a connection, and lag."""
WAY: Final = "balancer and network"
"""From the writing to the answer, without what the replica says of itself."""
PARTS: Final = (LATE, *STAGES, WAY)

_BANDS: Final = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
_HALF: Final = 0.005
"""A band reaches so far to each side of its percentile: p99 is the requests from p98.5 to p99.5."""
_LEAST: Final = 5
"""Fewer requests than this are no band."""


@dataclass(frozen=True)
class Band:
    """Requests of about one latency, and the mean seconds of each part, in the order of PARTS."""

    name: str
    requests: int
    parts_s: tuple[float, ...]

    @property
    def total_s(self) -> float:
        """Return their mean latency."""
        return sum(self.parts_s)


def bands(samples: Samples) -> list[Band]:
    """Return where the time of all right answers went, and of those about each percentile.

    Percentiles are of the right answers that named their stages; a stage that no answer named is
    taken as nothing, and is part of the way then.
    """
    told = samples.right & np.isfinite(samples.stages_s).any(axis=1)
    if int(told.sum()) < _LEAST:
        return []
    parts_s = _parts_s(samples, told)
    order = np.argsort(samples.latency_s[told], kind="stable")
    found = [Band("mean", len(order), _mean(parts_s))]
    for name, share in _BANDS:
        low, high = ((share + side) * len(order) for side in (-_HALF, _HALF))
        chosen = order[int(np.ceil(low)) : int(np.ceil(high))]
        if len(chosen) >= _LEAST:
            found.append(Band(name, len(chosen), _mean(parts_s[chosen])))
    return found


def named(found: Sequence[Band]) -> list[str]:
    """Return the parts that took any time at all."""
    return [
        part for place, part in enumerate(PARTS) if any(band.parts_s[place] > 0 for band in found)
    ]


def _parts_s(samples: Samples, told: Flags) -> Floats:
    stages_s = np.nan_to_num(samples.stages_s[told])
    late_s = (samples.sent_s - samples.intended_s)[told]
    # Clocks of two processes: a few microseconds below nothing are nothing.
    way_s = np.maximum(samples.service_s[told] - stages_s.sum(axis=1), 0.0)
    return np.column_stack([late_s, stages_s, way_s])


def _mean(parts_s: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in parts_s.mean(axis=0))
