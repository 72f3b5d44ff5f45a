"""Slow and failing replicas in simulated fleets, and what a balancer does about them."""

import numpy as np
import pytest

from loadtest.balancer.budget import Retries
from loadtest.balancer.ejection import Ejection
from loadtest.simulator.call import End
from loadtest.simulator.settings import (
    Balancing,
    Fault,
    Policy,
)
from tests.loadtest.simulator.queues import LOGNORMAL, fleet, observe, run


@pytest.mark.parametrize(
    ("policy", "share"),
    [("round_robin", 0.063), ("power_of_choices", 0.115), ("least_outstanding", 0.406)],
)
def test_a_black_hole_swallows_what_load_aware_policies_give_it(
    policy: Policy, share: float
) -> None:
    hole = Fault(kind="fail_fast", within_s=0.01)
    model = fleet(16, 2, Balancing(policy=policy), law=LOGNORMAL)
    outcome = run(model.model_copy(update={"faults": (hole,)}), 0.7 * 32, 60_000)
    assert (outcome.ends == End.FAILED).mean() == pytest.approx(share, rel=0.1)


def test_ejection_closes_the_black_hole_and_a_retry_covers_what_is_left() -> None:
    hole = (Fault(kind="fail_fast", within_s=0.01),)
    ejecting = Balancing(ejection=Ejection(base_s=100.0, max_s=1000.0))
    model = fleet(16, 2, ejecting, law=LOGNORMAL)
    ejected = run(model.model_copy(update={"faults": hole}), 0.7 * 32, 40_000)
    assert 0 < (ejected.ends == End.FAILED).mean() < 0.01
    retrying = ejecting.model_copy(update={"tries": 2, "budget": Retries(share=1, tokens=1000)})
    covered = run(
        model.model_copy(update={"faults": hole, "balancing": retrying}), 0.7 * 32, 40_000
    )
    assert covered.right == len(covered.ends)
    assert covered.calls > len(covered.ends)


def test_a_black_hole_that_comes_back_fails_one_call_a_return() -> None:
    hole = (Fault(kind="fail_fast", within_s=1e-6),)
    ejecting = Balancing(ejection=Ejection(base_s=50.0, max_s=50.0))
    model = fleet(4, 2, ejecting).model_copy(update={"faults": hole})
    outcome = run(model, 0.5 * 8, 4_000)
    returns = int(outcome.arrivals_s[-1] / 50.0)
    assert returns >= 15
    assert abs((outcome.ends == End.FAILED).sum() - (5 + returns)) <= 1


def test_a_slow_replica_ruins_round_robin_and_not_the_least_outstanding() -> None:
    slow = (Fault(kind="slow", factor=4.0),)

    def tail(policy: Policy) -> float:
        model = fleet(16, 2, Balancing(policy=policy), law=LOGNORMAL)
        model = model.model_copy(update={"faults": slow})
        return float(np.quantile(observe(model, 0.7 * 32, 60_000).latency, 0.99))

    assert tail("round_robin") > 100  # its queue grows without end
    assert tail("least_outstanding") == pytest.approx(3.9, rel=0.1)


def test_a_slow_worker_is_slower_than_none_and_better_than_a_slow_replica() -> None:
    def mean(*faults: Fault) -> float:
        model = fleet(4, 2, law=LOGNORMAL).model_copy(update={"faults": faults})
        return float(observe(model, 4.0, 40_000).latency.mean())

    well, worker = mean(), mean(Fault(kind="slow_worker", factor=4.0))
    assert well < worker < mean(Fault(kind="slow", factor=4.0))


def test_slow_start_spares_who_comes_back() -> None:
    kill = Fault(kind="kill", at_s=1.0, for_s=20.0, replicas=(0,))

    def served(slow_start_s: float) -> int:
        balancing = Balancing(slow_start_s=slow_start_s, tries=2)
        model = fleet(4, 1, balancing).model_copy(update={"faults": (kill,)})
        # It is gone until 21, and the last call comes at 100.
        return int(run(model, 2.0, 200).served[0])

    assert served(200.0) < 0.6 * served(0.0)


def test_a_balancer_that_panics_asks_those_that_are_not_well() -> None:
    """Two of three are ejected for nothing: without panic the third has all of the load."""

    def share(panic_share: float) -> float:
        balancing = Balancing(
            ejection=Ejection(consecutive_failures=1, base_s=1e6, max_s=1e6, max_share=1.0),
            panic_share=panic_share,
        )
        flash = Fault(kind="fail_fast", at_s=0.0, for_s=5.0, replicas=(0, 1), within_s=0.0)
        model = fleet(3, 1, balancing).model_copy(update={"faults": (flash,)})
        served = run(model, 0.6, 3_000).served
        return float(served[2] / served.sum())

    assert share(0.0) > 0.99
    assert share(0.5) == pytest.approx(1 / 3, abs=0.05)
