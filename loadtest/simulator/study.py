"""A file of what to simulate: the fleet, where its service times come from, what is asked."""

import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from loadtest.errors import ScenarioError
from loadtest.scenario import Frozen, Size
from loadtest.simulator.settings import Balancing, Fault, Fleet, Model, Policy, Service
from loadtest.simulator.traffic import Traffic, mean_rows

_ALL: tuple[Policy, ...] = (
    "random",
    "round_robin",
    "power_of_choices",
    "peak_ewma",
    "join_idle_queue",
    "least_outstanding",
)


class Measurements(Frozen):
    """Runs that `python -m loadtest run --out FOLDER` left."""

    runs: tuple[Path, ...] = Field(min_length=1)
    """To calibrate with: one replica, or several on the one machine."""
    held_out: tuple[Path, ...] = Field(min_length=1)
    """To check with; none of them is calibrated with."""
    max_batch: int = Field(default=256, ge=1)
    """Requests that fit into a batch of the service: its max_batch_rows over rows a request."""

    @model_validator(mode="after")
    def _holds_out(self) -> Self:
        both = {path.resolve() for path in self.runs} & {path.resolve() for path in self.held_out}
        if both:
            raise ValueError(f"{both.pop().name} is calibrated with and cannot be held out")
        return self


class Curve(Frozen):
    """Latency against load."""

    loads: tuple[float, ...] = (0.3, 0.5, 0.7, 0.8, 0.9)
    """Shares of what the fleet could do at most."""


class Closed(Frozen):
    """Clients that wait for their answers, instead of a load that comes anyway."""

    clients: tuple[int, ...] = Field(min_length=1)
    """Latency and throughput are said for each of these numbers."""
    think_s: float = Field(default=0.0, ge=0)
    """Mean pause of a client between an answer and its next request."""
    think: Literal["constant", "exponential"] = "constant"

    @field_validator("clients")
    @classmethod
    def _somebody_asks(cls, clients: tuple[int, ...]) -> tuple[int, ...]:
        if min(clients) < 1:
            raise ValueError("nobody asks with fewer than 1")
        return clients


class Goal(Frozen):
    """What a fleet must do: the plan is the smallest that does."""

    rate_per_s: float = Field(gt=0)
    p99_s: float = Field(gt=0)
    unanswered: float = Field(default=0.0, ge=0, lt=1)
    """Share of requests that may be refused, fail or time out."""
    lose_zone: bool = False
    """Also find the fleet that does it while one of fleet.zones is gone."""
    most_replicas: int = Field(default=10_000, ge=1)


class Study(Frozen):
    """Everything that `python -m loadtest simulate` depends on."""

    seed: int = 1
    requests: int = Field(default=200_000, ge=10_000, le=5_000_000)
    """A simulation; the first fifth at least is its warm-up."""
    policies: tuple[Policy, ...] = Field(default=_ALL, min_length=1)
    fleet: Fleet = Fleet(replicas=10)
    service: Service | None = None
    """Given by hand: then nothing says how far the figures are from any real fleet."""
    measured: Measurements | None = None
    """Taken from runs, and checked on others."""
    balancing: Balancing = Balancing()
    """What all policies share; its own policy is not looked at."""
    traffic: Traffic = Traffic()
    mix: tuple[Size, ...] = ()
    """Single rows and batches together: the service's times go by rows then. None: all requests are
    alike, and times go by requests."""
    closed: Closed | None = None
    """Instead of `traffic`; its clients instead of the curve's loads."""
    faults: tuple[Fault, ...] = ()
    curve: Curve | None = Curve()
    plan: Goal | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.service is None) == (self.measured is None):
            raise ValueError("give either service, by hand, or measured, from runs")
        if self.curve is None and self.plan is None:
            raise ValueError("nothing is asked: give curve or plan")
        if self.closed is not None and self.plan is not None:
            raise ValueError(
                "a plan is for a rate, which a closed load does not have: leave it out"
            )
        if self.plan is not None and self.plan.lose_zone and self.fleet.zones < 2:
            raise ValueError("plan.lose_zone needs fleet.zones, two or more")
        return self

    @property
    def mean_rows(self) -> float:
        """Return how many rows a request has on average; 1 if all are alike."""
        return mean_rows(self.mix) if self.mix else 1.0

    def model(self, service: Service, policy: Policy, replicas: int | None = None) -> Model:
        """Return one fleet of the study; of another size, without the faults, which name replicas.

        Raises:
            ScenarioError: its parts do not fit together.
        """
        fleet = self.fleet.model_copy(update={"replicas": replicas or self.fleet.replicas})
        try:
            return Model(
                fleet=fleet,
                service=service,
                balancing=self.balancing.model_copy(update={"policy": policy}),
                faults=self.faults if replicas is None else (),
            )
        except ValidationError as error:
            raise ScenarioError(_sentences(error)) from error


def read_study(path: Path) -> Study:
    """Read a file of what to simulate. Paths in it are relative to the working directory.

    Raises:
        ScenarioError: one line for each thing that is wrong with it.
    """
    try:
        return Study.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ScenarioError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"{path} is not TOML: {error}.") from error
    except ValidationError as error:
        raise ScenarioError(f"{path}:\n{_sentences(error)}") from error


def _sentences(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"]) or "the file"
        lines.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}.")
    return "\n".join(lines)
