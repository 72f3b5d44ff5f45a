"""The simulator's policies choose as the real balancer's do, on the same states."""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.balancer.config import BalancerConfig, Replica
from loadtest.balancer.ejection import Ejection
from loadtest.balancer.policies import PolicyName, make_policy
from loadtest.balancer.policies.blind import RoundRobin as RealRoundRobin
from loadtest.balancer.policies.blind import SmoothWeightedRoundRobin
from loadtest.balancer.policies.ewma import PeakEwmaChoice
from loadtest.balancer.roster import Roster
from loadtest.simulator.idle import Joined, JoinIdleQueue
from loadtest.simulator.sampled import PeakEwma, PowerOfChoices
from loadtest.simulator.settings import Policy
from loadtest.simulator.view import DRAINED, EJECTED, NOBODY, PROBED, Standing, View
from loadtest.simulator.views import LeastOutstanding, RandomChoice, RoundRobin
from loadtest.simulator.weighted import ReportedWeights, SmoothWeighted, reported_weight

COUNT = 5
NAMES = [str(number) for number in range(COUNT)]
MAKERS: dict[str, Callable[[], View]] = {
    "random": lambda: RandomChoice(COUNT, Random(1)),
    "round_robin": lambda: RoundRobin(COUNT, Random(1)),
    "least_outstanding": lambda: LeastOutstanding(COUNT, Random(1)),
    "power_of_choices": lambda: PowerOfChoices(COUNT, Random(1)),
    "peak_ewma": lambda: PeakEwma(COUNT, Random(1)),
    "join_idle_queue": lambda: JoinIdleQueue(COUNT, Random(1), Joined(COUNT)),
    "weighted_round_robin": lambda: SmoothWeighted(COUNT, Random(1), [1.0] * COUNT),
    "utilisation": lambda: ReportedWeights(COUNT, Random(1)),
}

Steps = st.lists(
    st.tuples(st.sampled_from(["ask", "ask", "end", "block", "free"]), st.integers(0, COUNT - 1)),
    max_size=120,
)


def test_every_policy_of_the_balancer_can_be_simulated() -> None:
    assert set(get_args(PolicyName)) == set(MAKERS)
    assert set(get_args(Policy)) == {*MAKERS, "central_queue"}


@pytest.mark.parametrize("name", MAKERS)
@given(steps=Steps)
def test_only_the_ready_are_chosen_and_no_call_is_miscounted(
    name: str, steps: list[tuple[str, int]]
) -> None:
    view: View = MAKERS[name]()
    held: Counter[int] = Counter()
    blocked: set[int] = set()
    for now, (step, replica) in enumerate(steps):
        if step == "block":
            view.block(replica, "test")
            blocked.add(replica)
        elif step == "free":
            view.unblock(replica, "test")
            blocked.discard(replica)
        elif step == "end" and held[replica]:
            view.remove(replica, float(now), 0.1)
            held[replica] -= 1
        elif step == "ask":
            chosen = view.choose(float(now))
            assert (chosen == NOBODY) == (len(blocked) == COUNT)
            if chosen == NOBODY:
                continue
            assert chosen not in blocked
            if name == "least_outstanding":
                assert held[chosen] == min(held[each] for each in set(range(COUNT)) - blocked)
            view.add(chosen)
            held[chosen] += 1
        assert view.outstanding == [held[each] for each in range(COUNT)]
        assert sorted(view.ready) == sorted(set(range(COUNT)) - blocked)


@given(steps=Steps)
def test_round_robin_takes_the_same_turns_as_the_real_one(steps: list[tuple[str, int]]) -> None:
    view, real = RoundRobin(COUNT, Random(1)), RealRoundRobin(NAMES)
    blocked: set[int] = set()
    for step, replica in steps:
        if step == "block":
            blocked.add(replica)
            view.block(replica, "test")
        elif step == "free":
            blocked.discard(replica)
            view.unblock(replica, "test")
        elif len(blocked) < COUNT:
            ready = [name for name in NAMES if int(name) not in blocked]
            assert str(view.choose(0.0)) == real.select(ready, 0.0)


@given(weights=st.lists(st.integers(1, 9), min_size=COUNT, max_size=COUNT))
def test_weighted_round_robin_takes_the_same_turns_as_the_real_one(weights: list[int]) -> None:
    view = SmoothWeighted(COUNT, Random(1), weights)
    real = SmoothWeightedRoundRobin(NAMES, dict(zip(NAMES, weights, strict=True)))
    for _ in range(40):
        assert str(view.choose(0.0)) == real.select(NAMES, 0.0)


def test_weights_5_1_1_are_spread_as_nginx_spreads_them() -> None:
    view = SmoothWeighted(3, Random(1), [5.0, 1.0, 1.0])
    assert "".join("abc"[view.choose(0.0)] for _ in range(7)) == "aabacaa"


@settings(max_examples=50)
@given(
    ends=st.lists(
        st.tuples(st.integers(0, COUNT - 1), st.floats(0.001, 10), st.floats(0.0, 5.0)),
        max_size=40,
    )
)
def test_peak_ewma_costs_what_it_costs_the_real_one(
    ends: list[tuple[int, float, float]],
) -> None:
    view = PeakEwma(COUNT, Random(1), decay_s=10.0)
    real = PeakEwmaChoice(NAMES, Random(1), decay_s=10.0)
    now = 0.0
    for replica, took_s, later_s in ends:
        view.score(now, replica)
        view.add(replica)
        assert real.select([NAMES[replica]], now) == NAMES[replica]
        now += later_s
        view.remove(replica, now, took_s)
        real.outcome(NAMES[replica], now, took_s)
    for replica in range(COUNT):
        score = view.score(now + 1, replica)
        assert score == pytest.approx(real.cost(NAMES[replica], now + 1), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("name", ["random", "least_outstanding", "power_of_choices"])
def test_who_is_drawn_is_drawn_as_often_as_by_the_real_one(name: PolicyName) -> None:
    view, real = MAKERS[name](), make_policy(name, NAMES, 7)
    for replica, held in enumerate([0, 0, 1, 2, 3]):
        for _ in range(held):
            view.add(replica)
            real.select([NAMES[replica]], 0.0)
    mine: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    for _ in range(8000):
        mine[str(view.choose(0.0))] += 1
        chosen = real.select(NAMES, 0.0)
        assert chosen is not None
        theirs[chosen] += 1
        real.outcome(chosen, 0.0)
    # Standard deviation of a difference: 63 at the most.
    assert all(abs(mine[each] - theirs[each]) < 260 for each in NAMES), (mine, theirs)


def test_an_always_idle_replica_attracts_what_the_formulas_say() -> None:
    def share(*, replacement: bool) -> float:
        view = PowerOfChoices(10, Random(3), replacement=replacement)
        for replica in range(1, 10):
            view.add(replica)
        return sum(view.choose(0.0) == 0 for _ in range(20_000)) / 20_000

    assert share(replacement=True) == pytest.approx(2 / 10 - 1 / 100, abs=0.012)
    assert share(replacement=False) == pytest.approx(2 / 10, abs=0.012)


def test_the_other_is_another_unless_there_is_none() -> None:
    view = LeastOutstanding(3, Random(1))
    view.add(1)
    view.add(2)
    assert view.choose(0.0) == 0
    assert all(view.choose_other(0.0, 0) in {1, 2} for _ in range(20))
    view.block(1, "test")
    view.block(2, "test")
    assert view.choose_other(0.0, 0) == 0
    assert view.is_ready(0)


def test_reports_weigh_as_the_proposal_says() -> None:
    assert reported_weight(100.0, 10.0, 0.5) == pytest.approx(166.6667, abs=1e-3)
    assert reported_weight(0.0, 0.0, 0.5) is None
    view = ReportedWeights(3, Random(1))
    view.set_weights([300.0, 100.0, None])
    drawn = Counter(view.choose(0.0) for _ in range(6000))
    assert [round(drawn[each] / 1000, 1) for each in range(3)] == [3.0, 1.0, 2.0]
    view.set_weights([300.0, None, None])  # one alone says nothing
    assert set(Counter(view.choose(0.0) for _ in range(3000)).values()) == {1000}


def test_the_idle_are_taken_in_turn_and_stand_in_one_queue_only() -> None:
    joined = Joined(3)
    one, other = JoinIdleQueue(3, Random(1), joined), JoinIdleQueue(3, Random(2), joined)
    one.join(2)
    one.join(0)
    other.join(2)  # stands in the first one's queue already
    assert [one.choose(0.0), one.choose(0.0)] == [2, 0]
    other.join(1)
    other.block(1, "test")
    assert other.choose(0.0) in {0, 2}


Reasons = st.lists(
    st.tuples(
        st.sampled_from([PROBED, EJECTED, DRAINED]), st.integers(0, COUNT - 1), st.booleans()
    ),
    max_size=60,
)


@pytest.mark.parametrize("name", MAKERS)
@given(steps=Reasons, share=st.sampled_from([0.0, 0.5, 1.0]))
def test_a_balancer_panics_as_the_real_one_does(
    name: str, steps: list[tuple[str, int, bool]], share: float
) -> None:
    view: View = MAKERS[name]()
    view.standing = Standing(panic_share=share)
    config = BalancerConfig(
        replicas=tuple(Replica(name=each, host="h", port=1) for each in NAMES),
        panic_share=share,
        ejection=Ejection(consecutive_failures=1, base_s=1e6, max_s=1e6, max_share=1.0),
    )
    roster = Roster(config, Random(1))
    for each in NAMES:
        roster.set_ready(each, 0.0, ready=True)
    ejected: set[int] = set()
    for reason, replica, good in steps:
        if reason == EJECTED:
            # The real one ends an ejection by time alone; here nobody comes back from it.
            if replica in ejected:
                continue
            roster.observe(NAMES[replica], 0.0, failed=True)
            ejected.add(replica)
            view.block(replica, reason)
            continue
        if reason == PROBED:
            roster.set_ready(NAMES[replica], 0.0, ready=good)
        else:
            roster.set_draining(NAMES[replica], 0.0, draining=not good)
        if good:
            view.unblock(replica, reason)
        else:
            view.block(replica, reason)
        assert {NAMES[each] for each in view.ready} == set(roster.ready(1.0))
        assert (view.choose(1.0) == NOBODY) == (not view.ready)


@pytest.mark.parametrize("name", ["random", "round_robin", "least_outstanding"])
@pytest.mark.parametrize(("since_s", "share"), [(0.2, 0.1), (5.0, 0.5), (9.0, 0.9)])
def test_who_comes_back_gets_its_turns_little_by_little(
    name: str, since_s: float, share: float
) -> None:
    view: View = MAKERS[name]()
    view.standing = Standing(slow_start_s=10.0)
    view.block(0, PROBED)
    view.readmit(0, PROBED, 100.0)
    chosen = Counter(view.choose_warily(100.0 + since_s) for _ in range(20_000))
    # It is in the lot of this share of the turns, and is chosen as often as any of them there.
    per_turn = share / COUNT
    if name == "round_robin":
        per_turn = share / (COUNT - 1 + share)
    assert chosen[0] / 20_000 == pytest.approx(per_turn, rel=0.1)
    assert set(chosen) == set(range(COUNT))
    assert not view.starting or view.choose_warily(110.0) != NOBODY
    assert not view.starting


def test_slow_start_leaves_nobody_without_a_replica() -> None:
    view = MAKERS["random"]()
    view.standing = Standing(slow_start_s=10.0)
    for each in range(COUNT):
        view.block(each, PROBED)
    view.readmit(3, PROBED, 1.0)
    assert {view.choose_warily(1.1) for _ in range(50)} == {3}
    view.unblock(2, "nothing")
    assert set(view.starting) == {3}
