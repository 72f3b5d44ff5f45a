"""What the benchmark found, as the file keeps it; a cell measured anew replaces the old one."""

import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loadtest.errors import ScenarioError

VERSION: Final = 1
PERCORE: Final = "percore"


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Run(_Kept):
    """One run of one server in one cell."""

    rate_per_s: float
    """Good answers a second."""
    p50_s: float
    p99_s: float
    errors: dict[str, int] = Field(default_factory=dict)
    """What the generator counted: connect, read, write, status, timeout."""
    checked: int = 0
    """Answers that were compared with scikit-learn's meanwhile."""
    wrong: int = 0
    """Of those: not right."""
    cores: float = 0.0
    """CPU seconds of the server's processes a second."""


class Contender(_Kept):
    """A server's runs in a cell."""

    form: str
    """The peer's form, such as mosec-alone; Percore has one."""
    verified: int
    """Answers that were compared before the load, some of them concurrent."""
    runs: list[Run]

    @property
    def bad(self) -> int:
        """Return how many answers were wrong or failed."""
        return sum(run.wrong + sum(run.errors.values()) for run in self.runs)

    def middle(self, name: str) -> float:
        """Return the median of a figure over the runs."""
        return float(median(getattr(run, name) for run in self.runs))

    def ends(self, name: str) -> tuple[float, float]:
        """Return the least and the greatest of a figure over the runs."""
        values = [float(getattr(run, name)) for run in self.runs]
        return min(values), max(values)


class CellResult(_Kept):
    """A cell: servers that took turns, in one session."""

    model: str
    cell: str
    words: str
    connections: int
    rows: int
    generator: str
    seconds: float
    date: str
    command: str
    versions: dict[str, str]
    """Of Percore, the libraries and the peers."""
    servers: dict[str, Contender]
    """Percore and the peers, by family."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """Peer → why it was not measured."""

    @property
    def best_peer(self) -> str | None:
        """Return the peer with the greatest rate among those that gave right answers only."""
        rates = {
            name: each.middle("rate_per_s")
            for name, each in self.servers.items()
            if name != PERCORE and not any(run.wrong for run in each.runs)
        }
        return max(rates, key=lambda name: rates[name], default=None)

    def ratio(self, peer: str) -> tuple[float, float, float]:
        """Return Percore's rate as a multiple of a peer's: median, least and greatest.

        Each run is compared with its neighbour in time, so that what drifts meets both.
        """
        pairs = zip(self.servers[PERCORE].runs, self.servers[peer].runs, strict=False)
        found = [ours.rate_per_s / theirs.rate_per_s for ours, theirs in pairs]
        return float(median(found)), min(found), max(found)


class Footprint(_Kept):
    """What a server needs, whatever it is asked."""

    model: str
    form: str
    start_s: float
    """From its start to its first good answer."""
    processes: int
    start_bytes: int
    """PSS of all its processes after its first good answer."""
    loaded_bytes: int
    """The same after all cells of the model."""
    date: str


class Promise(_Kept):
    """Latency at 70 % of what a server can do, from the intended start: an open loop."""

    model: str
    server: str
    form: str
    capacity_per_s: float
    """Right answers a second that this generator gets in a closed loop."""
    connections: int
    """Of that closed loop."""
    rate_per_s: float
    """What was asked for then."""
    warm_up_s: float = 0.0
    """Of that load's beginning, left out of what follows but for the counts."""
    p50_s: float | None
    p99_s: float | None
    bad: int
    sent: int
    lag_p99_s: float | None
    """How late the generator was itself; its lag is within the latencies."""
    date: str


class Results(_Kept):
    """The whole file."""

    schema_version: int = VERSION
    machine: dict[str, Any] = Field(default_factory=dict)
    cells: dict[str, CellResult] = Field(default_factory=dict)
    """By MODEL/CELL."""
    footprints: dict[str, Footprint] = Field(default_factory=dict)
    """By MODEL/FORM."""
    promises: dict[str, Promise] = Field(default_factory=dict)
    """By MODEL/SERVER."""

    def has(self, key: str, servers: Sequence[str], runs: int) -> bool:
        """Whether a cell was measured with all these servers and so many runs."""
        found = self.cells.get(key)
        if found is None:
            return False
        known = {**dict.fromkeys(found.left_out, runs)}
        known |= {name: len(each.runs) for name, each in found.servers.items()}
        return all(known.get(name, 0) >= runs for name in servers)


def read_results(path: Path) -> Results:
    """Return what a file holds; an empty result if there is none.

    Raises:
        ScenarioError: it is no such file.
    """
    try:
        return Results.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Results()
    except ValidationError as error:
        raise ScenarioError(f"{path} is no result of this benchmark; name another file.") from error


def write_results(results: BaseModel, path: Path) -> None:
    """Replace the file at once, so that what ends half way loses nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")
    beside.replace(path)
