"""A scenario: one TOML file that says everything a run depends on."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from loadtest.balancer.policy import PolicyName
from loadtest.errors import ScenarioError

MAX_REQUESTS = 5_000_000
"""Every request leaves a record in memory; a plan beyond this is a slip of the keyboard."""


class Frozen(BaseModel):
    """Base of everything in a scenario: immutable, and a field nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fleet(Frozen):
    """The replicas: real processes, all alike."""

    replicas: int = Field(default=2, ge=1, le=64)
    workers: int = Field(default=1, ge=1, le=256)
    """Worker processes a replica."""
    store: Path = Path("store")
    ready_timeout_s: float = Field(default=60.0, gt=0)
    """How long a replica may take until it is ready."""
    stop_timeout_s: float = Field(default=15.0, gt=0)
    """How long a replica may take to drain before it is killed."""


class Balancing(Frozen):
    """What stands in front of the replicas."""

    policy: PolicyName = "least_outstanding"
    seed: int = 0
    """Of the choice between replicas that are equally good."""
    answer_timeout_s: float = Field(default=60.0, gt=0)
    """How long the balancer waits for a replica's answer before it answers 504."""


class ClosedLoad(Frozen):
    """Every connection sends its next request when it has the answer to the last one."""

    kind: Literal["closed"] = "closed"
    connections: int = Field(ge=1, le=4096)
    duration_s: float = Field(gt=0, le=86_400)
    seed: int = 0
    """Of the order in which the requests are drawn."""
    timeout_s: float = Field(default=10.0, gt=0)
    """A request without an answer after this long is lost."""


class OpenLoad(Frozen):
    """Poisson arrivals that do not wait for answers."""

    kind: Literal["open"] = "open"
    rate_per_s: float = Field(gt=0)
    """Of the whole fleet, never of a connection or a replica."""
    duration_s: float = Field(gt=0, le=86_400)
    seed: int = 0
    """Of the arrival times and of the order in which the requests are drawn."""
    timeout_s: float = Field(default=10.0, gt=0)
    """A request without an answer this long after its intended start is lost."""
    max_connections: int = Field(default=1024, ge=1, le=16_384)
    """A request that finds this many outstanding waits, and its latency counts the wait."""

    @model_validator(mode="after")
    def _fits_into_memory(self) -> Self:
        planned = self.rate_per_s * self.duration_s
        if planned > MAX_REQUESTS:
            raise ValueError(f"{planned:.0f} requests are planned; {MAX_REQUESTS} is the most")
        return self


Load = Annotated[ClosedLoad | OpenLoad, Field(discriminator="kind")]


class Payload(Frozen):
    """What each request asks."""

    model: str = Field(min_length=1)
    rows: int = Field(default=1, ge=1, le=100_000)
    """Rows a request."""
    probabilities: bool = False
    distinct_requests: int = Field(default=32, ge=1, le=10_000)
    """How many different bodies there are; each request draws one of them, with replacement."""


class Scenario(Frozen):
    """One run: a fleet, a balancer, a load and a payload."""

    fleet: Fleet = Fleet()
    balancer: Balancing = Balancing()
    load: Load
    payload: Payload


def read_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        ScenarioError: one line for each thing that is wrong with it.
    """
    try:
        return parse_scenario(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ScenarioError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path} is not UTF-8 text.") from error


def parse_scenario(text: str, origin: str) -> Scenario:
    """Parse a scenario's TOML text; `origin` names it in messages.

    Raises:
        ScenarioError: one line for each thing that is wrong with it.
    """
    try:
        return Scenario.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{origin} is not TOML: {error}.") from error
    except ValidationError as error:
        lines = [_sentence(dict(problem)) for problem in error.errors(include_url=False)]
        raise ScenarioError("\n".join(f"{origin}: {line}" for line in lines)) from error


def _sentence(problem: dict[str, object]) -> str:
    """Turn one of pydantic's errors into a sentence that names the setting."""
    location = problem["loc"]
    # The discriminator's value stands in the path of a union; nobody wrote it as a table.
    parts = [str(part) for part in location if part not in {"closed", "open"}]  # type: ignore[attr-defined]
    name = ".".join(parts) or "the file"
    if problem["type"] == "extra_forbidden":
        return f"{name} is not a setting; look for a misspelling."
    if problem["type"] == "missing":
        return f"{name} is missing."
    if problem["type"] == "union_tag_not_found":
        return f'{name}.kind is missing; it is "closed" or "open".'
    if problem["type"] == "union_tag_invalid":
        return f'{name}.kind is neither "closed" nor "open".'
    if problem["type"] == "value_error":
        return f"{name} is wrong: {str(problem['msg']).removeprefix('Value error, ')}."
    message = str(problem["msg"]).removeprefix("Input ")
    verb = "" if message.startswith(("should", "must")) else "is wrong: "
    return f"{name} {verb}{message}; it is {_shown(problem.get('input'))}."


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
