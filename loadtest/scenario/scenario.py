"""A scenario: everything that a run depends on."""

from typing import Self

from pydantic import model_validator

from loadtest.scenario.balancing import Balancing
from loadtest.scenario.base import Frozen
from loadtest.scenario.faults import REAL, SHIMMED, Fault, OnReplica
from loadtest.scenario.fleet import Fleet
from loadtest.scenario.load import Load, MlperfLoad, OpenLoad, TraceLoad
from loadtest.scenario.payload import Payload
from loadtest.scenario.runs import Runs
from loadtest.scenario.slo import Slo, Thresholds


class Scenario(Frozen):
    """A fleet, a balancer, a load and a payload; what was promised; how often it is run."""

    fleet: Fleet = Fleet()
    balancer: Balancing = Balancing()
    load: Load
    payload: Payload
    slo: Slo | None = None
    thresholds: Thresholds = Thresholds()
    runs: Runs = Runs()
    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.thresholds.min_goodput_per_s is not None and self.slo is None:
            raise ValueError("thresholds.min_goodput_per_s needs an [slo]")
        if isinstance(self.load, MlperfLoad):
            self._fits_mlperf(self.load)
        changes = isinstance(self.load, TraceLoad) or (
            isinstance(self.load, OpenLoad) and self.load.shape is not None
        )
        if self.runs.warm_up == "mser" and changes:
            raise ValueError("runs.warm_up is mser, but the rate of the load changes: give seconds")
        if self.runs.warm_up == "mser" and self.faults:
            # MSER would take a fault early in the run for its warm-up and hide it.
            raise ValueError("runs.warm_up is mser, but there are faults: give seconds")
        if isinstance(self.runs.warm_up, float) and not (
            0 <= self.runs.warm_up < self.load.duration_s
        ):
            raise ValueError("runs.warm_up must end before the load")
        return self

    @model_validator(mode="after")
    def _faults_can_happen(self) -> Self:
        emulated = self.fleet.emulated
        for number, fault in enumerate(self.faults):
            name = f"faults[{number}], {fault.kind},"
            if fault.at_s >= self.load.duration_s:
                raise ValueError(f"{name} comes after the load's {self.load.duration_s:g} s")
            if isinstance(fault, OnReplica) and fault.replica >= self.fleet.replicas:
                raise ValueError(
                    f"{name} hits replica {fault.replica}; the last one is"
                    f" {self.fleet.replicas - 1}"
                )
            if emulated is not None and isinstance(fault, REAL):
                raise ValueError(f"{name} needs real replicas")
            together = emulated is not None and emulated.replicas_per_process > 1
            if together and not isinstance(fault, SHIMMED):
                raise ValueError(f"{name} needs fleet.emulated.replicas_per_process = 1")
        return self

    def _fits_mlperf(self, load: MlperfLoad) -> None:
        rows = {size.rows for size in self.payload.sizes}
        if load.rows is not None and rows != {load.rows}:
            raise ValueError(f"MLPerf's {load.scenario} has payload.rows = {load.rows}")
        if load.scenario == "Server" and self.slo is None:
            raise ValueError("MLPerf's Server scenario needs an [slo]: its latency bound")
        if len(rows) > 1:
            raise ValueError("MLPerf's scenarios have no mix of sizes")

    def with_seed_of_run(self, run: int) -> "Scenario":
        """Return the scenario of run number `run`: its load's seed is the first's plus that."""
        load = self.load.model_copy(update={"seed": self.load.seed + run})
        return self.model_copy(update={"load": load})
