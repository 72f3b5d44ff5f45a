"""Closed loops against the machine repairman's problem, M/M/c//N.

Source: L. Kleinrock, "Queueing Systems", volume 1, 1975, section 3.8. The pause may be of any law:
what stands still between two requests is insensitive to it (Baskett, Chandy, Muntz and Palacios,
"Open, closed, and mixed networks of queues", 1975).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest

from loadtest.simulator.call import End
from loadtest.simulator.closed import Loop, draw_thinks_s, simulate_closed
from loadtest.simulator.laws import draw
from loadtest.simulator.settings import Balancing, Fault, Policy
from tests.loadtest.simulator.queues import Observed, Queue, agrees, agrees_at, fleet, latency


def repairman(clients: int, workers: int, think: float) -> tuple[list[float], float]:
    """Return how probable 0, 1 … are in the system, and the throughput; mean service time is 1."""
    weights = [1.0]
    for present in range(1, clients + 1):
        coming = (clients - present + 1) / think
        weights.append(weights[-1] * coming / min(present, workers))
    there = [weight / sum(weights) for weight in weights]
    return there, sum(min(k, workers) * share for k, share in enumerate(there))


@dataclass
class ClosedQueue(Queue):
    """Clients instead of a rate; `traffic` is not looked at."""

    clients: int = 1
    think: float = 1.0
    constant: bool = False

    def run(self, number: int) -> Observed:
        while len(self.runs) <= number:
            seed = len(self.runs) + 1
            law: Literal["constant", "exponential"]
            law = "constant" if self.constant else "exponential"
            thinks = draw_thinks_s(self.think, law, self.count, seed)
            sizes = draw(self.model.service.law, self.count, np.random.default_rng([seed, 2]))
            outcome = simulate_closed(self.model, Loop(self.clients, thinks), sizes, seed)
            self.runs.append(Observed(outcome, sizes, self.count // 5))
        return self.runs[number]


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize(
    ("clients", "workers", "think"), [(4, 1, 6.0), (20, 4, 3.0), (64, 8, 9.0), (3, 3, 1.0)]
)
def test_clients_that_think_are_the_machine_repairmans(
    clients: int, workers: int, think: float, constant: bool
) -> None:
    there, throughput = repairman(clients, workers, think)
    response = sum(k * share for k, share in enumerate(there)) / throughput
    assert throughput == pytest.approx(clients / (response + think))
    queue = ClosedQueue(
        fleet(1, workers), 0.0, 100_000, clients=clients, think=think, constant=constant
    )
    agrees(queue, latency, response)


def test_the_distribution_is_seen_by_whoever_comes_with_the_others_away() -> None:
    """An arrival finds what is there of one client fewer; its response is Erlang from there on.

    Source: K. C. Sevcik and I. Mitrani, "The distribution of queuing network states at input and
    output instants", 1981.
    """
    there, _ = repairman(7, 1, 5.0)

    def slower(time: float) -> float:
        # Erlang of k + 1 stages: fewer than k + 1 events of a Poisson process by that time.
        poisson = [math.exp(-time) * time**k / math.factorial(k) for k in range(8)]
        return sum(share * sum(poisson[: k + 1]) for k, share in enumerate(there))

    low, high = 0.0, 100.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if slower(middle) > 0.01 else (low, middle)
    agrees_at(ClosedQueue(fleet(), 0.0, 200_000, clients=8, think=5.0), latency, 0.99, high)


def test_an_overhead_slows_its_client_down_like_a_longer_pause() -> None:
    _, throughput = repairman(8, 2, 4.0)
    queue = ClosedQueue(
        fleet(1, 2, overhead_s=(1.5,)), 0.0, 100_000, clients=8, think=2.5, constant=True
    )
    agrees(queue, latency, 8 / throughput - 2.5)


@pytest.mark.parametrize("policy", ["round_robin", "least_outstanding", "utilisation"])
def test_clients_over_time_over_requests_is_littles_law(policy: Policy) -> None:
    count, clients, think = 50_000, 30, 2.0
    thinks = draw_thinks_s(think, "constant", count, 1)
    model = fleet(3, 4, Balancing(policy=policy, report_s=10.0))
    sizes = draw(model.service.law, count, np.random.default_rng(1))
    outcome = simulate_closed(model, Loop(clients, thinks), sizes, 1)
    spent = float((outcome.latency_s + think).sum())
    # Only what is under way at the end is not of whole rounds.
    assert abs(spent - clients * outcome.last_s) <= clients * (outcome.latency_s.max() + think)
    assert spent > 1000 * clients


def test_nobody_asks_when_the_time_is_over_and_every_request_that_was_asked_ends() -> None:
    thinks = draw_thinks_s(1.0, "exponential", 10_000, 1)
    outcome = simulate_closed(fleet(1, 2), Loop(5, thinks, until_s=100.0), np.ones(10_000), 1)
    assert 90 < outcome.last_s < 100.0
    assert len(outcome.ends) == len(outcome.latency_s) < 1000
    assert outcome.right == len(outcome.ends)
    assert (np.diff(outcome.arrivals_s) >= 0).all()


def test_a_client_that_is_refused_rests_before_it_asks_again() -> None:
    model = fleet(1, 1).model_copy(update={"faults": (Fault(kind="kill"),)})
    thinks = draw_thinks_s(0.0, "constant", 1000, 1)
    outcome = simulate_closed(model, Loop(1, thinks, until_s=5.0), np.ones(1000), 1)
    assert set(outcome.ends.tolist()) <= {End.FAILED, End.REFUSED}
    assert len(outcome.ends) in {500, 501}


def test_what_makes_no_loop_is_an_error() -> None:
    for loop in (Loop(0, np.ones(3)), Loop(1, np.ones(2))):
        with pytest.raises(ValueError, match="a closed loop needs"):
            simulate_closed(fleet(), loop, np.ones(3), 1)
