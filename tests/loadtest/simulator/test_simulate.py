"""Whole simulations: what must hold of every fleet, and what each fault does."""

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
    FaultKind,
    Fleet,
    Health,
    Model,
    Policy,
    Service,
)
from loadtest.simulator.simulate import Outcome, simulate
from loadtest.simulator.traffic import Traffic, draw_arrivals
from tests.loadtest.simulator.queues import fleet, observe

POLICIES: tuple[Policy, ...] = get_args(Policy)
LOGNORMAL = Law(kind="lognormal", scv=0.25)


def run(model: Model, rate: float, count: int, seed: int = 1) -> Outcome:
    return observe(model, rate, count, seed).outcome


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


def test_replicas_on_one_machine_slow_each_other_down() -> None:
    def mean(machines: int | None) -> float:
        model = Model(
            fleet=Fleet(replicas=4, machines=machines),
            service=Service(slowdown=(1.0, 1.5, 2.0, 2.5), law=LOGNORMAL),
        )
        return float(observe(model, 1.0, 20_000).latency.mean())

    assert mean(1) > mean(2) > mean(None)


def test_a_machine_forgets_the_work_of_a_killed_replica() -> None:
    model = Model(
        fleet=Fleet(replicas=2, machines=1),
        service=Service(slowdown=(1.0, 2.0), law=Law(kind="deterministic")),
        balancing=Balancing(policy="round_robin", health=None, tries=2),
        faults=(Fault(kind="kill", at_s=0.5, for_s=1.0, replicas=(0,)),),
    )
    outcome = simulate(model, np.array([0.0, 0.1, 10.0, 20.0]), np.ones(4), 1)
    assert outcome.latency_s[2:] == pytest.approx(1.0)


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
