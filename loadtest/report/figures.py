"""What else a report can draw, as `figures.json` in a run's folder has it.

Whoever makes more than one run writes it: a search its curve, a comparison its variants, faults
their times, the simulator its predictions. Seconds everywhere.
"""

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field, ValidationError

from loadtest.errors import LoadTestError
from loadtest.scenario import Frozen

FILE = "figures.json"

Kind: TypeAlias = Literal["real", "emulated", "simulated"]


class Point(Frozen):
    """One load, and what came of it."""

    offered_per_s: float = Field(ge=0)
    goodput_per_s: float = Field(ge=0)
    """Right answers within the SLO, a second."""
    p50_s: float | None = None
    p99_s: float | None = None
    valid: bool = True
    """The generator can vouch for it."""


class Curve(Frozen):
    """What one variant did under growing load."""

    name: str
    kind: Kind
    points: tuple[Point, ...]


class Estimate(Frozen):
    """A figure and the interval that encloses it with 95 % confidence."""

    value: float
    low: float | None = None
    high: float | None = None


class Variant(Frozen):
    """One policy or setting, and its percentiles over all its runs, in seconds."""

    name: str
    kind: Kind
    percentiles: dict[str, Estimate]
    """Such as "p99"; only those that the samples support."""
    runs: int = Field(default=1, ge=1)


class Happening(Frozen):
    """A fault, or what the fleet did about it; `end_s` None: it is over at once."""

    name: str
    target: str = ""
    start_s: float
    end_s: float | None = None


class Prediction(Frozen):
    """A figure that the simulator gave beforehand, and what was measured then."""

    name: str
    """Such as "p99 of 3 replicas at 300 a second"."""
    unit: Literal["s", "per_s"] = "s"
    simulated: float
    measured: float
    held_out: bool
    """It was not calibrated on this run."""


class Profile(Frozen):
    """A whole distribution of latencies, for drawing it beside another one."""

    name: str
    kind: Kind
    points: tuple[tuple[float, float], ...]
    """Share of the requests, and the seconds that it did not exceed; ascending."""


class Ratio(Frozen):
    """A peer against Percore in one cell: below 1 it is slower."""

    peer: str
    cell: str
    median: float
    low: float
    high: float
    """The least and the greatest round."""
    peer_per_s: float
    percore_per_s: float
    """Medians of the rounds."""


class Figures(Frozen):
    """All of it; each part may be missing."""

    version: Literal[1] = 1
    curves: tuple[Curve, ...] = ()
    variants: tuple[Variant, ...] = ()
    happenings: tuple[Happening, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    profiles: tuple[Profile, ...] = ()
    ratios: tuple[Ratio, ...] = ()


def read_figures(folder: Path) -> Figures:
    """Read a folder's figures; empty if there are none.

    Raises:
        LoadTestError: the file is not what it should be.
    """
    path = folder / FILE
    if not path.exists():
        return Figures()
    try:
        return Figures.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise LoadTestError(f"{path} cannot be read as figures: {error}") from error
