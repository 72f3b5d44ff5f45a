"""A scenario: one TOML file that says everything a run depends on."""

from loadtest.scenario.balancing import Balancing
from loadtest.scenario.base import Frozen
from loadtest.scenario.fleet import Emulated, Fleet
from loadtest.scenario.load import (
    MAX_REQUESTS,
    ClosedLoad,
    Load,
    MlperfLoad,
    OpenLoad,
    TraceLoad,
)
from loadtest.scenario.payload import Payload, Size
from loadtest.scenario.reading import parse_scenario, read_scenario
from loadtest.scenario.runs import Runs
from loadtest.scenario.scenario import Scenario
from loadtest.scenario.shape import Ramp, Shape, Spike
from loadtest.scenario.slo import Slo, Thresholds

__all__ = [
    "MAX_REQUESTS",
    "Balancing",
    "ClosedLoad",
    "Emulated",
    "Fleet",
    "Frozen",
    "Load",
    "MlperfLoad",
    "OpenLoad",
    "Payload",
    "Ramp",
    "Runs",
    "Scenario",
    "Shape",
    "Size",
    "Slo",
    "Spike",
    "Thresholds",
    "TraceLoad",
    "parse_scenario",
    "read_scenario",
]
