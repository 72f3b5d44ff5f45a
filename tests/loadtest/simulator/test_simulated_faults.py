"""What each fault does, call by call, to a fleet in which nobody else ever waits."""

from typing import Any

import numpy as np
import pytest

from loadtest.balancer.budget import Retries
from loadtest.simulator.call import End
from loadtest.simulator.laws import Law
from loadtest.simulator.settings import (
    Balancing,
    Fault,
    FaultKind,
    Fleet,
    Health,
    Model,
    Service,
)
from loadtest.simulator.simulate import Outcome, simulate
from loadtest.simulator.traffic import Traffic, draw_arrivals


def one_second_calls(faults: tuple[Fault, ...], **balancing: Any) -> Outcome:
    """Two replicas, calls of exactly 1 s, one every 2 s at 0, 2, 4 …: nobody ever waits."""
    model = Model(
        fleet=Fleet(replicas=2),
        service=Service(law=Law(kind="deterministic")),
        balancing=Balancing(**({"policy": "round_robin"} | balancing)),
        faults=faults,
    )
    arrivals = np.arange(0.0, 40.0, 2.0)
    return simulate(model, arrivals, np.ones(20), 1)


def test_a_killed_replica_loses_what_it_had_and_probes_find_out() -> None:
    kill = Fault(kind="kill", at_s=8.5, for_s=16.0, replicas=(0,))  # the call of 8.0 is in it
    outcome = one_second_calls((kill,), health=Health(interval_s=3.0, fall=1, rise=1))
    ends = outcome.ends.tolist()
    assert ends[:4] == [1] * 4
    assert ends[4] == End.FAILED
    # Found within 3 s, so that at most the call of 12.0 is refused by the dead one.
    assert ends[5:].count(End.FAILED) <= 1
    assert outcome.served[0] + outcome.served[1] + ends[5:].count(End.FAILED) == 20
    assert outcome.served[0] > 5  # it is used again after 24.5


def test_nobody_finds_a_dead_replica_without_probes_and_a_retry_hides_it() -> None:
    kill = Fault(kind="kill", at_s=7.5, replicas=(0,))
    blind = one_second_calls((kill,), health=None)
    assert (blind.ends == End.FAILED).sum() == 8
    retried = one_second_calls((kill,), health=None, tries=2)
    assert retried.right == 20
    # A retry takes the turn of the one that lives: so all that follow meet the dead one first.
    assert retried.calls == 36


def test_a_stopped_replica_goes_on_where_it_was() -> None:
    stop = Fault(kind="stop", at_s=8.25, for_s=6.0, replicas=(0,))
    outcome = one_second_calls((stop,), health=None)
    latency = outcome.latency_s
    # 8.0 had run 0.25 of its second; 12.0 waits for it, and starts at 15.0.
    assert latency[4] == pytest.approx(7.0)
    assert latency[6] == pytest.approx(4.0)
    assert np.delete(latency, [4, 6]) == pytest.approx(1.0)


def test_only_a_time_out_finds_a_replica_that_is_stopped_for_good() -> None:
    stop = Fault(kind="stop", at_s=7.5, replicas=(0,))
    never = one_second_calls((stop,), health=None)
    assert (never.ends == End.OPEN).sum() == 8
    left = one_second_calls((stop,), health=None, timeout_s=5.0)
    assert (left.ends == End.TIMEOUT).sum() == 8
    tried = one_second_calls((stop,), health=None, answer_timeout_s=3.0, tries=2)
    assert tried.right == 20
    assert tried.latency_s.max() == pytest.approx(4.0)
    probed = one_second_calls((stop,), health=Health(interval_s=0.5, timeout_s=1.0, fall=2))
    assert 1 <= (probed.ends == End.OPEN).sum() <= 2


def test_a_killed_worker_s_calls_are_computed_again_and_nothing_is_lost() -> None:
    kill = Fault(kind="kill_worker", at_s=8.25, for_s=0.5, replicas=(0,))
    outcome = one_second_calls((kill,), health=None)
    assert outcome.right == 20
    # 8.0 had run 0.25 s; it begins anew when the next worker is there, at 8.75.
    assert outcome.latency_s[4] == pytest.approx(1.75)
    assert np.delete(outcome.latency_s, 4) == pytest.approx(1.0)
    two = Model(
        fleet=Fleet(replicas=1, workers=2),
        service=Service(law=Law(kind="deterministic")),
        faults=(Fault(kind="kill_worker", at_s=0.5, for_s=5.0, worker=0),),
    )
    # The other worker is free, and takes it at once.
    assert simulate(two, np.array([0.0]), np.ones(1), 1).latency_s == pytest.approx(1.5)


def test_a_bad_network_delays_both_ways_and_a_lost_piece_comes_later() -> None:
    slow = Fault(kind="network", at_s=7.5, for_s=8.0, replicas=(0,), delay_s=0.1)
    outcome = one_second_calls((slow,), health=None)
    # Of replica 0: 8.0 and 12.0 are hit, 16.0 is not.
    assert outcome.latency_s[[4, 6]] == pytest.approx(1.2)
    assert np.delete(outcome.latency_s, [4, 6]) == pytest.approx(1.0)
    lossy = Fault(kind="network", replicas=(0, 1), loss=0.5)
    ends = np.round(one_second_calls((lossy,), health=None).latency_s, 9)
    assert set(ends.tolist()) == {1.0, 1.2, 1.4}


@pytest.mark.parametrize("kind", ["swap_version", "memory_pressure", "cpu_hog"])
def test_what_computes_beside_the_fleet_slows_all_of_it(kind: FaultKind) -> None:
    fault = Fault(kind=kind, at_s=7.5, for_s=8.0, factor=1.5)
    outcome = one_second_calls((fault,), health=None)
    assert outcome.latency_s[4:8] == pytest.approx(1.5)
    assert np.delete(outcome.latency_s, [4, 5, 6, 7]) == pytest.approx(1.0)


def test_a_full_disk_keeps_nobody_from_predicting() -> None:
    outcome = one_second_calls((Fault(kind="disk_full", at_s=1.0),), health=None)
    assert outcome.latency_s == pytest.approx(1.0)


def test_a_hedge_saves_those_whose_replica_stopped() -> None:
    stop = Fault(kind="stop", at_s=7.5, replicas=(0,))
    outcome = one_second_calls((stop,), health=None, hedge_s=1.5)
    assert outcome.right == 20
    assert outcome.latency_s.max() == pytest.approx(2.5)
    bounded = one_second_calls((stop,), health=None, hedge_s=1.5, budget=Retries(share=0, least=0))
    assert bounded.calls == 20


def test_a_zone_takes_its_replicas_and_rolling_restarts_take_nothing() -> None:
    model = Model(
        fleet=Fleet(replicas=6, zones=3),
        service=Service(law=Law(kind="deterministic")),
        balancing=Balancing(health=Health(interval_s=0.1)),
    )
    arrivals = draw_arrivals(Traffic(arrivals="constant"), 3.0, 600, 1)
    zone = model.model_copy(update={"faults": (Fault(kind="lose_zone", zone=1, at_s=100.2),)})
    outcome = simulate(zone, arrivals, np.ones(600), 1)
    assert 0 < (outcome.ends == End.FAILED).sum() <= 4
    assert outcome.served.tolist() == sorted(outcome.served.tolist(), key=lambda n: -n) or (
        outcome.served[[1, 4]].max() < outcome.served[[0, 2, 3, 5]].min()
    )
    rolling = Fault(kind="rolling_restart", at_s=10.0, for_s=5.0, drain_s=3.0)
    restarted = simulate(model.model_copy(update={"faults": (rolling,)}), arrivals, np.ones(600), 1)
    assert restarted.right == 600


def test_a_machine_forgets_the_work_of_a_killed_replica() -> None:
    model = Model(
        fleet=Fleet(replicas=2, machines=1),
        service=Service(slowdown=(1.0, 2.0), law=Law(kind="deterministic")),
        balancing=Balancing(policy="round_robin", health=None, tries=2),
        faults=(Fault(kind="kill", at_s=0.5, for_s=1.0, replicas=(0,)),),
    )
    outcome = simulate(model, np.array([0.0, 0.1, 10.0, 20.0]), np.ones(4), 1)
    assert outcome.latency_s[2:] == pytest.approx(1.0)
