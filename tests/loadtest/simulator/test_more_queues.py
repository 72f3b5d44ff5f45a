"""The simulator against formulas that stand in no table: computed here, from the books.

Sources: L. Kleinrock, "Queueing Systems", 1975 (M/M/c/K, G/M/1); J. F. C. Kingman, "Some
inequalities for the queue GI/G/1", 1962; D. Y. Barrer, "Queuing with impatient customers", 1957.
"""

import math
from heapq import heappop, heappush

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from loadtest.simulator.laws import Law, LawName, draw
from loadtest.simulator.settings import Balancing
from loadtest.simulator.traffic import Traffic, draw_arrivals
from tests.loadtest.simulator.queues import (
    PRECISION,
    Observed,
    Queue,
    Values,
    agrees,
    agrees_at,
    fleet,
    latency,
    observe,
    refused,
    waits,
)


def answered_in_time(seen: Observed) -> Values:
    return np.isfinite(seen.latency).astype(float)


@pytest.mark.parametrize("workers", [1, 3, 64])
@pytest.mark.parametrize(("kind", "scv"), [("exponential", 1.0), ("lognormal", 2.0)])
def test_each_request_waits_as_kiefer_and_wolfowitz_recursion_has_it(
    workers: int, kind: LawName, scv: float
) -> None:
    """No statistics: the same arrivals and the same work give the same waits, request by request.

    Source: J. Kiefer and J. Wolfowitz, "On the theory of queues with many servers", 1955.
    """
    model, rate, count, seed = fleet(1, workers, law=Law(kind=kind, scv=scv)), 0.9, 20_000, 11
    seen = observe(model, rate * workers, count, seed)
    arrivals_s = draw_arrivals(Traffic(), rate * workers, count, seed)
    sizes = draw(model.service.law, len(arrivals_s), np.random.default_rng([seed, 2]))
    free_s = [0.0] * workers
    exact = []
    for arrival_s, size in zip(arrivals_s.tolist(), sizes.tolist(), strict=True):
        begun_s = max(heappop(free_s), arrival_s)
        exact.append(begun_s - arrival_s)
        heappush(free_s, begun_s + size)
    assert np.abs(seen.waits - np.array(exact[seen.skip :])).max() < 1e-9
    assert seen.waits.max() > 0


def m_m_c_k(rate: float, workers: int, room: int) -> list[float]:
    """Return how probable it is that 0, 1 … `room` are there."""
    weights = [1.0]
    for present in range(1, room + 1):
        weights.append(weights[-1] * rate / min(present, workers))
    return [weight / sum(weights) for weight in weights]


@pytest.mark.parametrize(("rate", "workers", "waiting"), [(0.9, 1, 3), (3.6, 4, 8), (6.0, 4, 4)])
def test_a_bounded_queue_is_m_m_c_k(rate: float, workers: int, waiting: int) -> None:
    there = m_m_c_k(rate, workers, workers + waiting)
    queue = Queue(fleet(1, workers, max_waiting=waiting), rate)
    agrees(queue, refused, there[-1])
    # Little's law, of those that are let in.
    inside = sum(number * share for number, share in enumerate(there))
    expected = inside / (rate * (1 - there[-1]))

    def of_the_right(seen: Observed) -> Values:
        right = seen.latency[seen.ends == 1]
        return np.asarray(right)

    agrees(queue, of_the_right, expected)


@pytest.mark.parametrize(("cv", "rho"), [(2.0, 0.7), (0.5, 0.8), (3.0, 0.5)])
def test_uneven_arrivals_are_g_m_1(cv: float, rho: float) -> None:
    """Gaps of a gamma law: sigma is where its transform meets the diagonal."""
    shape = 1 / cv**2

    def transform(s: float) -> float:
        return float((1 + s / (shape * rho)) ** -shape)

    sigma = brentq(lambda x: transform(1 - x) - x, 1e-9, 1 - 1e-9)
    queue = Queue(fleet(), rho, 400_000, Traffic(arrivals="gamma", cv=cv))
    agrees(queue, latency, 1 / (1 - sigma))
    agrees_at(queue, latency, 0.99, math.log(100) / (1 - sigma))


@pytest.mark.parametrize("scv", [0.25, 2.0])
def test_lognormal_work_waits_as_pollaczek_and_khinchine_say(scv: float) -> None:
    rho = 0.7
    queue = Queue(fleet(law=Law(kind="lognormal", scv=scv)), rho, 400_000)
    agrees(queue, waits, rho * (1 + scv) / (2 * (1 - rho)))


def test_measured_work_waits_as_pollaczek_and_khinchine_say() -> None:
    values, rho = (0.5, 0.5, 0.5, 0.5, 3.0), 0.6
    moment = np.mean(np.array(values) ** 2) / np.mean(values) ** 2
    queue = Queue(fleet(law=Law(kind="empirical", values=values)), rho)
    agrees(queue, waits, float(rho * moment / (2 * (1 - rho))))


@pytest.mark.parametrize(("cv", "scv"), [(2.0, 0.25), (0.5, 2.0)])
def test_waits_are_between_kingmans_bound_and_marchals(cv: float, scv: float) -> None:
    rho = 0.8
    gaps, work = (cv / rho) ** 2, scv
    upper = rho * (gaps + work) / (2 * (1 - rho))
    lower = (rho**2 * scv + rho * (rho - 2)) / (2 * rho * (1 - rho))
    traffic = Traffic(arrivals="gamma", cv=cv)
    queue = Queue(fleet(law=Law(kind="lognormal", scv=scv)), rho, 400_000, traffic)
    mean = queue.mean(waits, PRECISION * upper)
    assert max(lower, 0.0) - 4 * mean.standard_error <= mean.value
    assert mean.value <= upper + 4 * mean.standard_error


@pytest.mark.parametrize(("rho", "patience"), [(0.8, 2.0), (1.5, 3.0)])
def test_who_gives_up_is_not_begun_as_barrer_has_it(rho: float, patience: float) -> None:
    """M/M/1 whose customers leave the queue after a fixed time: even an overload is stable.

    The wait of an arrival has a mass at nothing and the density rho e^((rho-1) x) of it, up to
    the patience; beyond it nobody is served. Who is being served by then is finished, too late.
    """
    grown = quad(lambda x: rho * math.exp((rho - 1) * x), 0, patience)[0]
    # Beyond the patience the work in the queue only falls, and the arrivals bring none.
    beyond = rho * math.exp((rho - 1) * patience)
    idle = 1 / (1 + grown + beyond)
    late = quad(lambda x: rho * math.exp((rho - 1) * x) * -math.expm1(x - patience), 0, patience)[0]
    in_time = idle * (-math.expm1(-patience) + late)
    queue = Queue(fleet(1, 1, Balancing(timeout_s=patience, health=None)), rho)
    agrees(queue, answered_in_time, in_time)


def test_a_slow_replica_in_round_robin_is_a_queue_of_its_own() -> None:
    """Every other arrival: E2/M/1, whatever the other replica does."""
    rate, replicas = 1.2, 2
    rho = rate / replicas
    sigma = brentq(lambda x: (2 * rho / (2 * rho + 1 - x)) ** 2 - x, 1e-9, 1 - 1e-9)
    queue = Queue(fleet(replicas, 1, Balancing(policy="round_robin")), rate)
    agrees(queue, latency, 1 / (1 - sigma))


def test_random_replicas_are_queues_of_their_own() -> None:
    queue = Queue(fleet(10, 1, Balancing(policy="random")), 7.0, 400_000)
    agrees(queue, latency, 1 / (1 - 0.7))
    agrees_at(queue, latency, 0.99, math.log(100) / (1 - 0.7))


def test_even_work_at_even_times_never_waits() -> None:
    model = fleet(law=Law(kind="deterministic"))
    queue = Queue(model, 0.99, 20_000, Traffic(arrivals="constant"))
    assert queue.run(0).waits.max() <= 1e-9
