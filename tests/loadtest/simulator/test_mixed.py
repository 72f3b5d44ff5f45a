"""Requests of many sizes: batches go by rows, and queues by the mixture's moments."""

from dataclasses import dataclass

import numpy as np
import pytest

from loadtest.simulator.laws import Law, draw
from loadtest.simulator.settings import Balancing, Service
from loadtest.simulator.simulate import simulate
from loadtest.simulator.traffic import Traffic, draw_arrivals
from tests.loadtest.simulator.queues import Observed, Queue, Values, agrees, fleet, waits

SMALL, LARGE, BASE, ROW = 1, 200, 0.5, 0.02
TIMES = tuple(BASE + ROW * rows for rows in range(1, LARGE + 1))


@dataclass
class MixedQueue(Queue):
    """Large requests among small ones, each alone in its batch."""

    large: float = 0.1
    """Share of them."""

    def run(self, number: int) -> Observed:
        while len(self.runs) <= number:
            seed = len(self.runs) + 1
            arrivals = draw_arrivals(self.traffic, self.rate, self.count, seed)
            rng = np.random.default_rng([seed, 2])
            sizes = draw(self.model.service.law, len(arrivals), rng)
            rows = np.where(rng.random(len(arrivals)) < self.large, LARGE, SMALL)
            outcome = simulate(self.model, arrivals, sizes, seed, rows)
            self.runs.append(Observed(outcome, sizes * (BASE + ROW * rows), len(arrivals) // 5))
        return self.runs[number]


def moments(large: float, scv: float) -> tuple[float, float]:
    times = np.array([BASE + ROW * SMALL, BASE + ROW * LARGE])
    shares = np.array([1 - large, large])
    return float(shares @ times), float(shares @ times**2) * (1 + scv)


@pytest.mark.parametrize("rho", [0.5, 0.8])
@pytest.mark.parametrize("large", [0.1, 0.5])
@pytest.mark.parametrize(
    ("law", "scv"),
    [(Law(), 0.0), (Law(kind="exponential"), 1.0), (Law(kind="lognormal", scv=0.25), 0.25)],
)
def test_a_mix_waits_as_pollaczek_and_khinchine_say_of_its_moments(
    law: Law, scv: float, large: float, rho: float
) -> None:
    first, second = moments(large, scv)
    rate = rho / first
    model = fleet(law=law, batch_s=TIMES, max_batch=1)
    queue = MixedQueue(model, rate, 200_000, large=large)
    agrees(queue, waits, rate * second / (2 * (1 - rho)))


def test_small_and_large_requests_wait_alike_and_only_their_own_work_differs() -> None:
    """First come, first served, and Poisson arrivals see what is there, whatever their size."""
    first, second = moments(0.1, 0.0)
    rate = 0.7 / first
    queue = MixedQueue(fleet(law=Law(), batch_s=TIMES, max_batch=1), rate, 200_000)

    exact = rate * second / (2 * (1 - 0.7))
    for work in (BASE + ROW * SMALL, BASE + ROW * LARGE):

        def of_that_work(seen: Observed, work: float = work) -> Values:
            return np.asarray(seen.waits[seen.sizes[seen.skip :] == work])

        agrees(queue, of_that_work, exact)


def test_a_mix_of_one_size_is_a_fleet_without_a_mix_to_the_last_bit() -> None:
    model = fleet(3, 2, Balancing(timeout_s=9.0), batch_s=(1.0, 1.2, 1.4, 1.6), max_waiting=20)
    arrivals = draw_arrivals(Traffic(), 9.0, 20_000, 1)
    sizes = draw(model.service.law, len(arrivals), np.random.default_rng(1))
    plain = simulate(model, arrivals, sizes, 1)
    mixed = simulate(model, arrivals, sizes, 1, np.ones(len(arrivals), dtype=np.int64))
    assert np.array_equal(plain.latency_s, mixed.latency_s)
    assert np.array_equal(plain.ends, mixed.ends)
    assert np.array_equal(plain.batches, mixed.batches)
    assert plain.batches.sum() < plain.served.sum()


def test_a_batch_takes_whom_it_has_room_for_in_order_and_the_oversized_alone() -> None:
    """While the first is computed 2, 2, 1, 9 and 1 rows come, and at most 4 travel together."""
    model = fleet(law=Law(), batch_s=(1.0, 2.0, 3.0, 4.0))
    arrivals = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    rows = np.array([1, 2, 2, 1, 9, 1])
    outcome = simulate(model, arrivals, np.ones(6), 1, rows)
    # 1 until 1.0; 2 + 2 until 5.0; 1 until 6.0, for 9 does not fit; 9 until 15.0; 1 until 16.0.
    ended = outcome.arrivals_s + outcome.latency_s
    assert ended.tolist() == pytest.approx([1.0, 5.0, 5.0, 6.0, 15.0, 16.0], abs=1e-12)
    assert outcome.batches.tolist() == [5]


def test_batches_longer_than_the_times_that_are_given_go_on_along_their_line() -> None:
    model = fleet(law=Law(), batch_s=(1.0, 1.5), max_batch=10)
    arrivals, rows = np.array([0.0, 0.1, 0.2]), np.array([1, 4, 4])
    outcome = simulate(model, arrivals, np.ones(3), 1, rows)
    ended = outcome.arrivals_s + outcome.latency_s
    assert ended.tolist() == pytest.approx([1.0, 5.5, 5.5], abs=1e-12)  # 8 rows: 1.0 + 7 x 0.5


def test_times_beyond_those_that_are_given_go_on_along_their_line() -> None:
    assert Service(batch_s=(1.0, 1.5)).times_s(4) == (1.0, 1.5, 2.0, 2.5)
    assert Service(batch_s=(2.0,)).times_s(3) == (2.0, 4.0, 6.0)
    assert Service(batch_s=(1.0, 1.5)).times_s(1) == (1.0, 1.5)
