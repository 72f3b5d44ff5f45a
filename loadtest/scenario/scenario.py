"""A scenario: everything that a run depends on."""

from loadtest.scenario.balancing import Balancing
from loadtest.scenario.base import Frozen
from loadtest.scenario.fleet import Fleet
from loadtest.scenario.load import Load
from loadtest.scenario.payload import Payload


class Scenario(Frozen):
    """One run: a fleet, a balancer, a load and a payload."""

    fleet: Fleet = Fleet()
    balancer: Balancing = Balancing()
    load: Load
    payload: Payload
