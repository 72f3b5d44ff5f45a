"""Whole simulations: what must hold of every fleet."""

from collections import defaultdict
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.balancer.budget import Retries
from loadtest.balancer.ejection import Ejection
from loadtest.simulator.call import Call, End
from loadtest.simulator.laws import Law, draw
from loadtest.simulator.replica import Replica
from loadtest.simulator.settings import (
    Balancing,
    Fault,
    Fleet,
    Model,
    Policy,
    Service,
)
from loadtest.simulator.simulate import simulate
from tests.loadtest.simulator.queues import LOGNORMAL, fleet, observe, run

POLICIES: tuple[Policy, ...] = get_args(Policy)


@pytest.mark.parametrize("policy", POLICIES)
@settings(max_examples=8, deadline=None)
@given(
    replicas=st.integers(1, 6),
    workers=st.integers(1, 3),
    batch=st.integers(1, 4),
    load=st.floats(0.2, 1.5),
    waiting=st.one_of(st.none(), st.integers(0, 5)),
    balancers=st.integers(1, 3),
    kind=st.sampled_from(["kill", "stop", "slow", "fail_fast"]),
)
def test_every_request_ends_once_and_nothing_is_left_behind(policy: Policy, **drawn: Any) -> None:
    model = Model(
        fleet=Fleet(replicas=drawn["replicas"], workers=drawn["workers"]),
        service=Service(batch_s=(1.0,) * drawn["batch"], max_waiting=drawn["waiting"]),
        balancing=Balancing(
            policy=policy,
            balancers=drawn["balancers"],
            timeout_s=20.0,
            answer_timeout_s=8.0,
            tries=3,
            hedge_s=4.0,
            budget=Retries(share=0.5),
            ejection=Ejection(),
        ),
        faults=(Fault(kind=drawn["kind"], at_s=20.0, for_s=30.0),),
    )
    rate = drawn["load"] * drawn["replicas"] * drawn["workers"]
    outcome = run(model, rate, 400)
    assert (outcome.ends != End.OPEN).all()
    assert np.isfinite(outcome.latency_s).sum() == outcome.right
    assert (outcome.latency_s[outcome.ends == End.RIGHT] <= 20.0).all()
    assert outcome.batches.sum() <= outcome.served.sum() <= outcome.calls <= 3 * 400 * 2


def test_the_same_seed_is_the_same_simulation() -> None:
    model = fleet(5, 2, Balancing(policy="power_of_choices"))
    one, same, other = (run(model, 7.0, 3000, seed).latency_s for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert len(one) != len(other) or not np.array_equal(one, other)


def test_littles_law_holds_for_every_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls in a replica, over time, are arrivals times the time that they stay."""
    area: dict[int, float] = defaultdict(float)
    held: dict[int, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    stayed: dict[int, float] = defaultdict(float)
    receive = Replica.receive

    def step(number: int, now: float, change: int) -> None:
        count, since = held[number]
        area[number] += count * (now - since)
        held[number] = (count + change, now)

    def received(self: Replica, now: float, call: Call) -> None:
        step(self.number, now, 1)
        receive(self, now, call)

    finished = Replica._finished

    def ended(self: Replica, now: float, done: tuple[int, list[Call]]) -> None:
        for call in done[1]:
            step(self.number, now, -1)
            stayed[self.number] += now - call.sent_s
        finished(self, now, done)

    monkeypatch.setattr(Replica, "receive", received)
    monkeypatch.setattr(Replica, "_finished", ended)
    outcome = run(fleet(6, 2, Balancing(policy="power_of_choices")), 10.0, 20_000)
    assert outcome.right == len(outcome.ends)
    for number in range(6):
        assert held[number][0] == 0
        assert area[number] == pytest.approx(stayed[number], rel=1e-9)


@pytest.mark.parametrize("rho", [0.5, 0.8])
def test_one_queue_beats_the_shortest_beats_turns_beats_chance(rho: float) -> None:
    names: list[Policy] = ["central_queue", "least_outstanding", "round_robin", "random"]
    means = [
        observe(fleet(4, 1, Balancing(policy=name)), rho * 4, 60_000).latency.mean()
        for name in names
    ]
    assert means == sorted(means)
    assert means[0] < 0.9 * means[-1]


def test_balancers_that_see_a_part_choose_worse_than_one_that_sees_all() -> None:
    def mean(balancers: int, policy: Policy) -> float:
        model = fleet(16, 1, Balancing(policy=policy, balancers=balancers))
        return float(observe(model, 0.8 * 16, 60_000).latency.mean())

    one, many = mean(1, "least_outstanding"), mean(16, "least_outstanding")
    assert many > 1.3 * one
    assert many < mean(1, "random")
    # The idle queue needs no view: idle replicas tell it.
    assert mean(4, "join_idle_queue") < mean(16, "round_robin")


@pytest.mark.parametrize(
    ("policy", "at_07", "at_09"),
    [
        ("random", 1.63, 3.83),
        ("round_robin", 1.08, 1.58),
        ("power_of_choices", 1.12, 1.48),
        ("least_outstanding", 1.01, 1.13),
    ],
)
def test_sixteen_replicas_of_two_workers(policy: Policy, at_07: float, at_09: float) -> None:
    """Against another simulator's table; its two digits, and its own error, are the tolerance."""
    model = fleet(16, 2, Balancing(policy=policy), law=LOGNORMAL)
    assert observe(model, 0.7 * 32, 100_000).latency.mean() == pytest.approx(at_07, rel=0.02)
    assert observe(model, 0.9 * 32, 100_000).latency.mean() == pytest.approx(at_09, rel=0.06)


def test_replicas_on_one_machine_slow_each_other_down() -> None:
    def mean(machines: int | None) -> float:
        model = Model(
            fleet=Fleet(replicas=4, machines=machines),
            service=Service(slowdown=(1.0, 1.5, 2.0, 2.5), law=LOGNORMAL),
        )
        return float(observe(model, 1.0, 20_000).latency.mean())

    assert mean(1) > mean(2) > mean(None)


@pytest.mark.parametrize(
    ("law", "scv"),
    [
        (Law(kind="deterministic"), 0.0),
        (Law(kind="exponential"), 1.0),
        (Law(kind="erlang", scv=0.25), 0.25),
        (Law(kind="lognormal", scv=0.5), 0.5),
        (Law(kind="hyperexponential", scv=4.0), 4.0),
        (Law(kind="empirical", values=(2.0, 6.0)), 0.25),
    ],
)
def test_laws_have_mean_1_and_their_scatter(law: Law, scv: float) -> None:
    sizes = draw(law, 400_000, np.random.default_rng(1))
    assert sizes.mean() == pytest.approx(1.0, abs=0.02)
    assert sizes.var() == pytest.approx(scv, abs=0.01, rel=0.05)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="a size for each"):
        simulate(fleet(), np.array([1.0, 2.0]), np.ones(1), 1)
    with pytest.raises(ValueError, match="names replica 7"):
        Model(fleet=Fleet(replicas=2), faults=(Fault(kind="kill", replicas=(7,)),))
    with pytest.raises(ValueError, match="at least 1"):
        draw(Law(kind="hyperexponential", scv=0.5), 10, np.random.default_rng(1))
