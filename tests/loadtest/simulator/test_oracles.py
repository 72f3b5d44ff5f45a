"""The simulator against exact queueing theory: within four standard errors, everywhere.

The short form samples every table, with standard errors of 3 %. All cells up to 90 % load, with
standard errors of 1 % (2 % for quantiles):

    make oracles
"""

import pytest

from loadtest.simulator.laws import Law
from loadtest.simulator.settings import Balancing
from loadtest.simulator.traffic import Traffic
from tests.loadtest.simulator.queues import (
    ALL,
    EXPONENTIAL,
    ORACLES,
    Queue,
    agrees,
    agrees_at,
    agrees_in_the_limit,
    fleet,
    latency,
    refused,
    waited,
    waits,
)

DETERMINISTIC = Law(kind="deterministic")
LAWS = {
    "M/D/1": DETERMINISTIC,
    "M/E2/1": Law(kind="erlang", scv=0.5),
    "M/M/1": EXPONENTIAL,
    "SCV4": Law(kind="hyperexponential", scv=4.0),
}


def cells(table: str, *short: str) -> list[str]:
    """Return the names of a table's cells: all that a run of ours can reach, or the named ones."""
    names = [name for name in ORACLES[table] if not name.endswith(("0.95", "0.99"))]
    return names if ALL else list(short)


def parts(name: str) -> dict[str, float]:
    pairs = (part.split("=") for part in name.split())
    return {key: float(value) for key, value in pairs}


@pytest.mark.parametrize("name", cells("mmc", "c=1 rho=0.5", "c=2 rho=0.7", "c=8 rho=0.7"))
def test_one_replica_of_c_workers_is_m_m_c(name: str) -> None:
    cell, exact = parts(name), ORACLES["mmc"][name]
    workers = int(cell["c"])
    queue = Queue(fleet(1, workers), cell["rho"] * workers)
    agrees(queue, latency, exact["T"])
    agrees_at(queue, latency, 0.95, exact["p95"])
    agrees_at(queue, latency, 0.99, exact["p99"])
    agrees(queue, waited, exact["C"], digit=1e-6, least=0.1)


@pytest.mark.parametrize("name", cells("mmc", "c=4 rho=0.8"))
def test_a_central_queue_of_single_workers_is_m_m_c(name: str) -> None:
    cell = parts(name)
    replicas = int(cell["c"])
    central = fleet(replicas, 1, Balancing(policy="central_queue"))
    agrees(Queue(central, cell["rho"] * replicas), latency, ORACLES["mmc"][name]["T"])


@pytest.mark.parametrize("name", cells("mdc_Wq", "c=1 rho=0.7", "c=2 rho=0.8", "c=4 rho=0.7"))
def test_equal_work_is_m_d_c(name: str) -> None:
    cell = parts(name)
    workers = int(cell["c"])
    queue = Queue(fleet(1, workers, law=DETERMINISTIC), cell["rho"] * workers)
    agrees(queue, waits, ORACLES["mdc_Wq"][name], digit=1e-6)


@pytest.mark.parametrize("rho", cells("mg1_Wq", "0.7"))
@pytest.mark.parametrize("name", LAWS)
def test_any_law_waits_as_pollaczek_and_khinchine_say(rho: str, name: str) -> None:
    queue = Queue(fleet(law=LAWS[name]), float(rho), 400_000)
    agrees(queue, waits, ORACLES["mg1_Wq"][rho][name])


@pytest.mark.parametrize("rho", cells("md1_wait_quantiles_p50_p95_p99", "0.8"))
def test_the_tail_of_m_d_1(rho: str) -> None:
    queue = Queue(fleet(law=DETERMINISTIC), float(rho))
    _, p95, p99 = ORACLES["md1_wait_quantiles_p50_p95_p99"][rho]
    agrees_at(queue, waits, 0.95, p95)
    agrees_at(queue, waits, 0.99, p99)


@pytest.mark.parametrize("name", cells("roundrobin_EN_M_1", "N=4 rho=0.7", "N=16 rho=0.9"))
def test_round_robin_is_e_n_m_1(name: str) -> None:
    cell, exact = parts(name), ORACLES["roundrobin_EN_M_1"][name]
    replicas = int(cell["N"])
    model = fleet(replicas, 1, Balancing(policy="round_robin"))
    queue = Queue(model, cell["rho"] * replicas, 400_000)
    agrees(queue, latency, exact["T"])
    agrees_at(queue, latency, 0.99, exact["p99"])


@pytest.mark.parametrize("rho", cells("D_M_1", "0.7"))
def test_even_arrivals_are_d_m_1(rho: str) -> None:
    queue = Queue(fleet(), float(rho), traffic=Traffic(arrivals="constant"))
    agrees(queue, latency, ORACLES["D_M_1"][rho]["T"])


@pytest.mark.parametrize("name", cells("jsq_exact", "N=2 rho=0.7", "N=3 rho=0.8"))
def test_least_outstanding_is_the_shortest_queue(name: str) -> None:
    cell, exact = parts(name), ORACLES["jsq_exact"][name]
    replicas = int(cell["N"])
    queue = Queue(fleet(replicas), cell["rho"] * replicas)
    agrees(queue, latency, exact["T"])
    agrees(queue, lambda seen: 1 - waited(seen), exact["P_wait0"])


CHOICES = [(d, rho) for d in (2, 3, 5) for rho in ("0.5", "0.7", "0.9")]


@pytest.mark.parametrize(("choices", "rho"), CHOICES if ALL else [(2, "0.9"), (3, "0.7")])
def test_many_replicas_and_d_choices_come_to_the_mean_field(choices: int, rho: str) -> None:
    policy = Balancing(policy="power_of_choices", choices=choices)
    small, large = (Queue(fleet(n, 1, policy), float(rho) * n, 400_000) for n in (100, 200))
    agrees_in_the_limit(small, large, ORACLES["powd_meanT"][f"d={choices}"][rho])


TPDS_100 = {0.5: 1.2673, 0.7: 1.6202, 0.8: 1.9585, 0.9: 2.6454}
"""M. Mitzenmacher, IEEE TPDS 2001, d = 2, N = 100; simulated there."""


@pytest.mark.parametrize("rho", TPDS_100 if ALL else [0.9])
def test_a_hundred_replicas_are_as_the_paper_simulated_them(rho: float) -> None:
    model = fleet(100, 1, Balancing(policy="power_of_choices"))
    # The paper's own figures are means of ten simulations, and scatter by some tenths of a percent.
    agrees(Queue(model, rho * 100, 500_000), latency, TPDS_100[rho], digit=0.003 * TPDS_100[rho])


FIELD = [f"c={c} rho={rho}" for c in (2, 4, 8) for rho in ("0.7", "0.8", "0.9")]


@pytest.mark.parametrize("name", FIELD if ALL else ["c=4 rho=0.8"])
def test_replicas_of_c_workers_come_to_their_mean_field(name: str) -> None:
    workers = int(parts(name)["c"])
    policy, rate = Balancing(policy="power_of_choices"), parts(name)["rho"] * workers
    small, large = (Queue(fleet(n, workers, policy), rate * n, 400_000) for n in (50, 100))
    agrees_in_the_limit(small, large, ORACLES["meanfield_powd_c_workers_meanT"][name]["d=2"])


BATCHED = [name for name in ORACLES["batch_greedy"] if name != "lam=3 alpha=0.2 tau0=0.8 b=4"]
SHORT_BATCHED = ["lam=2 alpha=0.2 tau0=0.8 b=8", "lam=3 alpha=0.0 tau0=1.0 b=4"]


@pytest.mark.parametrize("name", BATCHED if ALL else SHORT_BATCHED)
def test_batch_while_busy_is_its_embedded_chain(name: str) -> None:
    cell, exact = parts(name), ORACLES["batch_greedy"][name]
    most = 400 if cell["b"] == float("inf") else int(cell["b"])
    times = tuple(cell["tau0"] + cell["alpha"] * k for k in range(1, most + 1))
    queue = Queue(fleet(batch_s=times, law=DETERMINISTIC), cell["lam"])
    agrees(queue, latency, exact["T"])
    outcome = queue.run(0).outcome
    assert outcome.served[0] / outcome.batches[0] == pytest.approx(exact["mean_batch"], rel=0.01)
    assert outcome.busy_s[0] / outcome.last_s == pytest.approx(exact["util"], rel=0.01)


@pytest.mark.parametrize("name", cells("erlangB", "c=2 a=1", "c=8 a=6"))
def test_a_replica_without_a_queue_refuses_as_erlang_says(name: str) -> None:
    cell = parts(name)
    queue = Queue(fleet(1, int(cell["c"]), max_waiting=0), cell["a"])
    agrees(queue, refused, ORACLES["erlangB"][name], digit=1e-6)
    assert (queue.run(0).outcome.ends > 0).all()


@pytest.mark.parametrize(("delay", "name"), [(0.693147, "d=p50"), (2.995732, "d=p95")])
def test_a_hedge_costs_and_gains_what_it_must(delay: float, name: str) -> None:
    exact = ORACLES["hedge_exp"][name]
    # So many replicas that nobody waits, not even for who works on what was given up.
    queue = Queue(fleet(5_000, 1, Balancing(hedge_s=delay, health=None)), 10.0)
    agrees(queue, latency, exact["ET"])
    agrees_at(queue, latency, 0.99, exact["p99"])
    outcome = queue.run(0).outcome
    extra = outcome.calls / len(outcome.ends) - 1
    assert extra == pytest.approx(exact["extra"], rel=0.03)
