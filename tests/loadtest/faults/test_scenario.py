"""Faults in a scenario file: what is taken, and what is said when it is not."""

import pytest

from loadtest.errors import ScenarioError
from loadtest.scenario import parse_scenario
from loadtest.scenario.faults import FAULTS, KillReplica, fault_replica

BASE = """
[load]
kind = "open"
rate_per_s = 10
duration_s = 10
[payload]
model = "iris"
{more}
[[faults]]
{fault}
"""


def parse(fault: str, more: str = "") -> KillReplica:
    (found,) = parse_scenario(BASE.format(fault=fault, more=more), "x.toml").faults
    assert isinstance(found, KillReplica)
    return found


def test_a_fault_has_a_kind_a_time_and_a_replica() -> None:
    fault = parse('kind = "kill_replica"\nat_s = 3\nreplica = 1')
    assert (fault.at_s, fault_replica(fault), fault.restart_after_s) == (3, "replica-1", None)


@pytest.mark.parametrize(
    ("fault", "more", "sentence"),
    [
        ("at_s = 1", "", "faults.0.kind is missing; it is "),
        ('kind = "flood"\nat_s = 1', "", 'faults.0.kind is none of "kill_replica", '),
        ('kind = "kill_replica"', "", "faults.0.at_s is missing."),
        ('kind = "stop_replica"\nat_s = 1', "", "faults.0.for_s is missing."),
        (
            'kind = "kill_replica"\nat_s = 1\nreplica = 2',
            "",
            "faults[0], kill_replica, hits replica 2; the last one is 1",
        ),
        (
            'kind = "kill_replica"\nat_s = 10',
            "",
            "faults[0], kill_replica, comes after the load's 10 s",
        ),
        (
            'kind = "kill_worker"\nat_s = 1',
            "[fleet.emulated]",
            "faults[0], kill_worker, needs real replicas",
        ),
        (
            'kind = "stop_replica"\nat_s = 1\nfor_s = 1',
            "[fleet.emulated]\nreplicas_per_process = 2",
            "faults[0], stop_replica, needs fleet.emulated.replicas_per_process = 1",
        ),
    ],
)
def test_what_cannot_happen_is_refused(fault: str, more: str, sentence: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(fault, more)
    assert sentence in str(caught.value)


def test_every_kind_of_fault_says_what_it_is() -> None:
    kinds = {kind.model_fields["kind"].default for kind in FAULTS}
    assert len(kinds) == len(FAULTS) == 12
    assert all(kind.__doc__ for kind in FAULTS)
