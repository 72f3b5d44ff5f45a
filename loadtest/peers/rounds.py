"""Which server is measured when, and what the rounds come to: pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

OURS = "percore"


@dataclass(frozen=True)
class Cell:
    """One load: a closed loop."""

    connections: int
    rows: int

    @property
    def words(self) -> str:
        """Say what load it is."""
        ends = ("" if number == 1 else "s" for number in (self.connections, self.rows))
        first, second = ends
        return f"{self.connections} connection{first}, {self.rows:,} row{second}"


@dataclass(frozen=True)
class Round:
    """What one server did in one round of a cell."""

    server: str
    cell: Cell
    number: int
    rate_per_s: float
    """Right answers a second."""
    p50_s: float | None
    p99_s: float | None
    """None: the round's requests do not support it."""
    not_right: int
    sent: int


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of the rounds."""

    median: float
    low: float
    high: float


def interleaved(peer: str, rounds: int) -> list[tuple[int, str]]:
    """Return (round, server) in order: ABAB, so that what drifts meets both alike.

    Raises:
        ValueError: no rounds.
    """
    if rounds < 1:
        raise ValueError(f"{rounds} rounds measure nothing")
    return [(number, server) for number in range(rounds) for server in (OURS, peer)]


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the extremes.

    Raises:
        statistics.StatisticsError: there are no values.
    """
    return Spread(statistics.median(values), min(values), max(values))


def ratios(rounds: Sequence[Round], peer: str, cell: Cell) -> Spread | None:
    """Return the peer's rate as a multiple of Percore's, each against its own neighbour in time.

    Returns:
        None if a round's answers were not all right, or Percore answered nothing: such a ratio
        would compare a fast failure with work.
    """
    ours = {each.number: each for each in rounds if each.server == OURS and each.cell == cell}
    theirs = {each.number: each for each in rounds if each.server == peer and each.cell == cell}
    pairs = [(theirs[number], ours[number]) for number in sorted(ours.keys() & theirs.keys())]
    if not pairs or any(a.not_right or b.not_right or not b.rate_per_s for a, b in pairs):
        return None
    return spread([a.rate_per_s / b.rate_per_s for a, b in pairs])


def cells_of(rounds: Sequence[Round]) -> list[Cell]:
    """Return the cells in the order in which they were measured."""
    return list(dict.fromkeys(cell for cell, _ in groupby(rounds, lambda each: each.cell)))
