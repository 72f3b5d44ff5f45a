"""What a generator has seen so far, published once a second for whoever watches.

It goes to a file, never a pipe: a reader that is slow must not make the generator late. Counting
costs a few additions a request; nothing is walked through when a snapshot is made.
"""

import asyncio
import json
import math
from collections import Counter
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO, TypeVar

from loadtest.record import Outcome

FILE = "progress.jsonl"
EVERY_S = 1.0

_BINS_AN_OCTAVE = 16
"""Neighbouring bins are 4.4 % apart: enough to watch by, never printed in a report."""
_FINEST_S = 1e-6
_MAX_BIN = 40 * _BINS_AN_OCTAVE
_MAX_CAUSES = 24

T = TypeVar("T")


@dataclass(frozen=True)
class Snapshot:
    """One line of the file; all counts are since the start of the load."""

    at_s: float
    """Since the load began."""
    sent: int
    """Taken up."""
    ends: dict[str, int] = field(default_factory=dict)
    """Outcome → requests."""
    causes: dict[str, int] = field(default_factory=dict)
    """Why requests were not right → how many."""
    bins: dict[int, int] = field(default_factory=dict)
    """Bin of latency → right answers."""
    lag_max_s: float = 0.0
    """The largest lag since the snapshot before."""

    @property
    def ended(self) -> int:
        """Requests that have ended."""
        return sum(self.ends.values())


class Progress:
    """Counts requests as they are taken up and end."""

    def __init__(self) -> None:
        self._sent = 0
        self._ends = dict.fromkeys(Outcome, 0)
        self._causes: Counter[str] = Counter()
        self._bins: Counter[int] = Counter()
        self._lag_max_s = 0.0

    def taken(self) -> None:
        """Count a request that was taken up."""
        self._sent += 1

    def ended(self, outcome: Outcome, cause: str, *, latency_s: float, lag_s: float) -> None:
        """Count a request's end; both times are from its intended start."""
        self._ends[outcome] += 1
        if lag_s > self._lag_max_s:  # noqa: PLR1730 - a call of max costs more than this line
            self._lag_max_s = lag_s
        if outcome is Outcome.RIGHT:
            self._bins[bin_of(latency_s)] += 1
        elif cause in self._causes or len(self._causes) < _MAX_CAUSES:
            self._causes[cause] += 1

    def snapshot(self, at_s: float) -> Snapshot:
        """Return the counts and start a new measurement of the largest lag."""
        lag_max_s, self._lag_max_s = self._lag_max_s, 0.0
        return Snapshot(
            at_s=at_s,
            sent=self._sent,
            ends={outcome.value: count for outcome, count in self._ends.items()},
            causes=dict(self._causes),
            bins=dict(self._bins),
            lag_max_s=lag_max_s,
        )


async def published(work: Coroutine[Any, Any, T], progress: Progress, file: TextIO) -> T:
    """Run a load and write a snapshot a second, and one when it is over."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()

    def write() -> None:
        file.write(json.dumps(asdict(progress.snapshot(loop.time() - began_s))) + "\n")
        file.flush()

    async def tick() -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            write()

    ticker = asyncio.create_task(tick())
    try:
        return await work
    finally:
        ticker.cancel()
        with suppress(asyncio.CancelledError):
            await ticker
        write()


def read_snapshot(line: str) -> Snapshot:
    """Read one line of the file.

    Raises:
        ValueError: it is not one, or not whole yet.
    """
    content = json.loads(line)
    try:
        bins = {int(number): count for number, count in content.pop("bins").items()}
        return Snapshot(**content, bins=bins)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a snapshot: {line[:60]}") from error


def bin_of(latency_s: float) -> int:
    """Return the bin that a latency falls into; the first one ends at a microsecond."""
    if latency_s <= _FINEST_S:
        return 0
    return min(math.ceil(math.log2(latency_s / _FINEST_S) * _BINS_AN_OCTAVE), _MAX_BIN)


def watched_quantile(bins: Mapping[int, int], quantile: float) -> float | None:
    """Return about where a quantile lies, in seconds; None without any answer."""
    wanted = quantile * sum(bins.values())
    seen = 0
    for number in sorted(bins):
        seen += bins[number]
        if seen >= wanted:
            return float(_FINEST_S * 2 ** (number / _BINS_AN_OCTAVE))
    return None
