"""A scenario: one TOML file that says everything a run depends on."""

from loadtest.scenario.balancing import Balancing
from loadtest.scenario.base import Frozen
from loadtest.scenario.fleet import Fleet
from loadtest.scenario.load import MAX_REQUESTS, ClosedLoad, Load, OpenLoad
from loadtest.scenario.payload import Payload
from loadtest.scenario.reading import parse_scenario, read_scenario
from loadtest.scenario.scenario import Scenario

__all__ = [
    "MAX_REQUESTS",
    "Balancing",
    "ClosedLoad",
    "Fleet",
    "Frozen",
    "Load",
    "OpenLoad",
    "Payload",
    "Scenario",
    "parse_scenario",
    "read_scenario",
]
