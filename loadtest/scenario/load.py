"""When requests come.

Every kind of load has `is_open`, `duration_s`, `seed`, `timeout_s` and `processes`, and says what
it is in `words`. What is computed from it, the arrival schedules, is in loadtest.arrivals.
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from loadtest.scenario.base import Frozen
from loadtest.scenario.shape import Shape

MAX_REQUESTS = 5_000_000
"""Every request leaves a record in memory; a plan beyond this is a slip of the keyboard."""


class _Load(Frozen):
    """What every load has."""

    is_open: ClassVar[bool]
    """Requests come whether or not answers do."""

    duration_s: float = Field(gt=0, le=86_400)
    seed: int = 0
    """Of everything that is drawn; run number n of a series takes seed + n."""
    timeout_s: float = Field(default=10.0, gt=0)
    """A request without an answer this long after its intended start is lost, and its latency
    counts as at least this long."""
    processes: int = Field(default=1, ge=1, le=64)
    """Processes that generate; one schedule is dealt out among them."""

    @property
    def words(self) -> str:
        """Say what load it is."""
        raise NotImplementedError

    @property
    def _tail(self) -> str:
        share = f", {self.processes} generators" if self.processes > 1 else ""
        return f" for {self.duration_s:g} s, seed {self.seed}, time-out {self.timeout_s:g} s{share}"


class ClosedLoad(_Load):
    """Every connection sends its next request when it has the answer to the last one."""

    is_open: ClassVar[bool] = False

    kind: Literal["closed"] = "closed"
    connections: int = Field(ge=1, le=4096)
    think_s: float = Field(default=0.0, ge=0)
    """Mean pause of a connection between an answer and its next request."""
    think: Literal["constant", "exponential"] = "constant"

    @property
    def words(self) -> str:
        pause = f", {self.think} think time of {self.think_s:g} s" if self.think_s else ""
        return f"closed: {self.connections} connections{pause}{self._tail}"


class OpenLoad(_Load):
    """Arrivals that do not wait for answers: a law of gaps, under a rate that may change."""

    is_open: ClassVar[bool] = True

    kind: Literal["open"] = "open"
    rate_per_s: float = Field(gt=0)
    """Of the whole fleet, never of a connection, a process or a replica."""
    arrivals: Literal["poisson", "constant", "gamma"] = "poisson"
    cv: float = Field(default=2.0, gt=0, le=100)
    """Coefficient of variation of gamma's gaps: 1 is Poisson, more comes in bursts."""
    shape: Shape | None = None
    """How the rate changes; None: it does not."""
    max_connections: int = Field(default=1024, ge=1, le=16_384)
    """A request that finds this many outstanding waits, and its latency counts the wait."""

    @model_validator(mode="after")
    def _fits_into_memory(self) -> Self:
        if self.shape is not None:
            self.shape.check(self.duration_s)
        peak = self.rate_per_s if self.shape is None else self.shape.peak(self.rate_per_s)
        planned = peak * self.duration_s
        if planned > MAX_REQUESTS:
            raise ValueError(f"{planned:.0f} requests are planned; {MAX_REQUESTS} is the most")
        return self

    @property
    def words(self) -> str:
        names = {"poisson": "Poisson", "constant": "constant", "gamma": f"gamma (CV {self.cv:g})"}
        shape = "" if self.shape is None else f", {self.shape.words}"
        law = names[self.arrivals]
        return f"open: {law} arrivals, {self.rate_per_s:g} a second{shape}{self._tail}"


class TraceLoad(_Load):
    """Arrivals as a file has them: one number of seconds a line, from the start, ascending."""

    is_open: ClassVar[bool] = True

    kind: Literal["trace"] = "trace"
    file: Path
    """Relative to the working directory, as the store is. Lines that begin with # are skipped."""
    speed: float = Field(default=1.0, gt=0)
    """Times are divided by it. Arrivals at or after `duration_s` are left out."""
    max_connections: int = Field(default=1024, ge=1, le=16_384)

    @property
    def words(self) -> str:
        return f"open: replay of {self.file} at speed {self.speed:g}{self._tail}"


class MlperfLoad(_Load):
    """One of the four scenarios of MLPerf Inference, by its rules.

    SingleStream and MultiStream ask one after the other, 1 and 8 samples a query; Server is
    Poisson; Offline has everything at once. A sample is a row. Source: inference_policies of
    MLCommons, 2026-07; shorter than 600 s is said to be not by the rules.
    """

    kind: Literal["mlperf"] = "mlperf"
    scenario: Literal["SingleStream", "MultiStream", "Server", "Offline"]
    duration_s: float = Field(default=600.0, gt=0, le=86_400)
    """The least duration; Offline ends when all samples are answered."""
    timeout_s: float = Field(default=60.0, gt=0)
    rate_per_s: float | None = Field(default=None, gt=0)
    """Server only: the target rate of queries."""
    samples: int = Field(default=24_576, ge=1, le=MAX_REQUESTS)
    """Offline only."""
    max_connections: int = Field(default=256, ge=1, le=4096)
    """Server and Offline: how many queries are outstanding at most."""

    @model_validator(mode="after")
    def _server_has_a_rate(self) -> Self:
        if (self.scenario == "Server") != (self.rate_per_s is not None):
            raise ValueError("rate_per_s belongs to the Server scenario, which needs it")
        if self.scenario.endswith("Stream") and self.processes > 1:
            raise ValueError(f"{self.scenario} asks one query at a time: processes is 1")
        return self

    @property
    def is_open(self) -> bool:  # type: ignore[override]  # the one load that can be either
        return self.scenario == "Server"

    @property
    def rows(self) -> int | None:
        """Return the rows a query that the scenario prescribes; Offline lets the payload say."""
        return {"SingleStream": 1, "MultiStream": 8, "Server": 1}.get(self.scenario)

    @property
    def percentile(self) -> float | None:
        """Return the percentile that the scenario is judged by."""
        return {"SingleStream": 0.90, "MultiStream": 0.99, "Server": 0.99}.get(self.scenario)

    @property
    def words(self) -> str:
        detail = {
            "SingleStream": "1 sample a query, one query at a time",
            "MultiStream": "8 samples a query, one query at a time",
            "Server": f"Poisson arrivals, {self.rate_per_s or 0:g} a second",
            "Offline": f"{self.samples} samples at once, {self.max_connections} connections",
        }[self.scenario]
        loop = "open" if self.is_open else "closed"
        return f"{loop}: MLPerf {self.scenario}, {detail}{self._tail}"


Load = Annotated[ClosedLoad | OpenLoad | TraceLoad | MlperfLoad, Field(discriminator="kind")]
