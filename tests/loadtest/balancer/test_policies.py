"""The policies: who gets the next request."""

import ast
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import loadtest.balancer.policies as package
from loadtest.balancer.policies import LoadReport, Policy, PolicyName, PolicySettings, make_policy
from loadtest.balancer.policies.blind import RandomChoice, RoundRobin, SmoothWeightedRoundRobin
from loadtest.balancer.policies.ewma import UNKNOWN_COST, PeakEwma, PeakEwmaChoice
from loadtest.balancer.policies.outstanding import JoinIdleQueue, LeastOutstanding, PowerOfChoices
from loadtest.balancer.policies.utilisation import (
    EarliestDeadline,
    ReportedWeight,
    UtilisationWeighted,
)

POLICIES: list[PolicyName] = list(get_args(PolicyName))


def picks(policy: Policy, candidates: str, count: int, now_s: float = 0.0) -> str:
    return "".join(policy.select(candidates, now_s) or "-" for _ in range(count))


def shares(policy: Policy, candidates: str, count: int) -> dict[str, float]:
    """Send requests that end at once."""
    seen: Counter[str] = Counter()
    for turn in range(count):
        replica = policy.select(candidates, turn * 0.001)
        assert replica is not None
        seen[replica] += 1
        policy.outcome(replica, turn * 0.001, 0.01)
    return {each: seen[each] / count for each in candidates}


def close_to(share: float, wanted: float, count: int) -> bool:
    """Whether a share of draws is within five standard errors."""
    return abs(share - wanted) <= 5 * math.sqrt(wanted * (1 - wanted) / count)


@pytest.mark.parametrize("name", POLICIES)
def test_nobody_is_chosen_where_there_is_no_candidate(name: PolicyName) -> None:
    policy = make_policy(name, "abc", 0)
    assert policy.select([], 0.0) is None
    assert policy.select(["b"], 0.0) == "b"
    assert policy.outstanding("b") == 1
    policy.outcome("b", 1.0, 0.5)
    with pytest.raises(ValueError, match="nothing is outstanding on b"):
        policy.outcome("b", 1.0)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("replicas", ["", "aa"])
def test_replicas_need_names_of_their_own(name: PolicyName, replicas: str) -> None:
    with pytest.raises(ValueError, match="each its own"):
        make_policy(name, replicas, 0)


@pytest.mark.parametrize("name", POLICIES)
@given(st.lists(st.sampled_from(["abc", "ab", "c", "end"]), max_size=60))
def test_choices_are_candidates_and_sums_hold(name: PolicyName, steps: list[str]) -> None:
    policy, chosen = make_policy(name, "abc", 1), Counter[str]()
    running: list[str] = []
    for number, step in enumerate(steps):
        if step == "end" and running:
            policy.outcome(running.pop(0), number * 0.1, 0.05)
        elif step != "end":
            replica = policy.select(step, number * 0.1)
            assert replica is not None
            assert replica in step
            running.append(replica)
            chosen[replica] += 1
    snapshot = policy.snapshot()
    assert snapshot.outstanding == {each: running.count(each) for each in "abc"}
    assert snapshot.selected == {each: chosen[each] for each in "abc"}


@pytest.mark.parametrize("name", POLICIES)
def test_equal_replicas_get_equal_shares(name: PolicyName) -> None:
    """Whoever comes first in the list must not profit from ties."""
    count = 8000
    found = shares(make_policy(name, "abcd", 5), "abcd", count)
    assert all(close_to(share, 0.25, count) for share in found.values()), found


@pytest.mark.parametrize("name", POLICIES)
def test_a_seed_fixes_the_choices(name: PolicyName) -> None:
    first, second = (picks(make_policy(name, "abc", 3), "abc", 50) for _ in range(2))
    assert first == second


def test_random_forgets() -> None:
    policy = RandomChoice("ab", Random(1))
    following = Counter(pairwise(picks(policy, "ab", 4001)))
    assert all(close_to(n / 4000, 0.25, 4000) for n in following.values())
    assert len(following) == 4


def test_round_robin_takes_each_in_turn() -> None:
    assert picks(RoundRobin("abc"), "abc", 7) == "abcabca"


def test_round_robin_skips_who_is_no_candidate_and_goes_on_where_it_was() -> None:
    policy = RoundRobin("pqrs")
    assert picks(policy, "pqrs", 2) == "pq"
    assert picks(policy, "pqs", 3) == "spq"
    assert picks(policy, "pqrs", 3) == "rsp"


def test_smooth_weighted_round_robin_is_nginx_s() -> None:
    policy = SmoothWeightedRoundRobin("abc", {"a": 5})
    assert picks(policy, "abc", 14) == "aabacaa" * 2


def test_smooth_weighted_round_robin_keeps_the_weights_of_who_is_left() -> None:
    policy = SmoothWeightedRoundRobin("abc", {"a": 3, "b": 2, "c": 5})
    assert Counter(picks(policy, "ab", 500)) == {"a": 300, "b": 200}


@pytest.mark.parametrize("weights", [{"x": 1.0}, {"a": 0.0}, {"a": -1.0}])
def test_weights_that_make_no_sense_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        make_policy("weighted_round_robin", "abc", 0, PolicySettings(weights=weights))


def test_least_outstanding_gives_each_one_before_anybody_gets_two() -> None:
    policy = LeastOutstanding("abc", Random(1))
    assert sorted(picks(policy, "abc", 3)) == ["a", "b", "c"]
    policy.outcome("b", 0.0)
    assert policy.select("abc", 0.0) == "b"


def test_least_outstanding_counts_what_was_there_before_a_replica_went_and_came_back() -> None:
    policy = LeastOutstanding("ab", Random(1))
    assert picks(policy, "a", 3) == "aaa"
    assert picks(policy, "ab", 3) == "bbb"


@pytest.mark.parametrize(("replacement", "bound"), [(True, 2 / 10 - 1 / 100), (False, 2 / 10)])
def test_two_choices_bound_what_an_idle_looking_replica_draws(
    replacement: bool, bound: float
) -> None:
    policy = PowerOfChoices("abcdefghij", Random(2), replacement=replacement)
    picks(policy, "bcdefghij", 9000)  # everybody but a is loaded
    count, drawn = 20_000, 0
    for _ in range(count):
        replica = policy.select("abcdefghij", 0.0)
        assert replica is not None
        drawn += replica == "a"
        policy.outcome(replica, 0.0)
    assert close_to(drawn / count, bound, count)


def test_all_choices_without_replacement_are_the_least_outstanding() -> None:
    policy = PowerOfChoices("abc", Random(2), choices=9, replacement=False)
    assert sorted(picks(policy, "abc", 3)) == ["a", "b", "c"]


def test_idle_replicas_are_taken_first_and_in_the_order_in_which_they_became_idle() -> None:
    policy = JoinIdleQueue("abc", Random(4))
    assert sorted(picks(policy, "abc", 3)) == ["a", "b", "c"]
    for replica in "bca":
        policy.outcome(replica, 0.0)
    assert picks(policy, "abc", 3) == "bca"
    assert policy.select("abc", 0.0) in set("abc")  # nobody is idle


def test_an_idle_replica_that_is_no_candidate_keeps_its_place() -> None:
    policy = JoinIdleQueue("ab", Random(4))
    assert picks(policy, "a", 1) == "a"
    assert picks(policy, "a", 1) == "a"
    assert policy.select("ab", 0.0) == "b"


def test_a_replica_that_still_works_is_not_idle() -> None:
    policy = JoinIdleQueue("ab", Random(4))
    picks(policy, "a", 2)
    policy.outcome("a", 0.0)
    assert picks(policy, "ab", 1) == "b"


def test_peak_ewma_is_finagle_s() -> None:
    peak = PeakEwma(decay_s=10.0)
    peak.observe(0.100, 0.0)
    assert peak.cost_s == 0.100
    peak.observe(0.400, 1.0)
    assert peak.cost_s == 0.400  # a peak is taken as it is
    peak.observe(0.100, 6.0)
    weight = math.exp(-0.5)
    assert math.isclose(peak.cost_s, 0.4 * weight + 0.1 * (1 - weight), rel_tol=1e-12)
    before = peak.cost_s
    assert math.isclose(peak.load(3, 16.0), before * math.exp(-1) * 4, rel_tol=1e-12)


def test_a_replica_that_never_answered_costs_more_than_all_that_did() -> None:
    peak = PeakEwma(decay_s=10.0)
    assert peak.load(0, 0.0) == 0.0
    assert peak.load(2, 0.0) == UNKNOWN_COST + 2


def test_peak_ewma_prefers_the_faster_until_it_is_loaded() -> None:
    policy = PeakEwmaChoice("ab", Random(1))
    for replica, latency_s in (("a", 0.1), ("b", 0.3)):
        policy.select([replica], 0.0)
        policy.outcome(replica, 0.0, latency_s)
    # a costs 0.1, 0.2, 0.3: the third is a tie with b, which either may win.
    assert picks(policy, "ab", 2) == "aa"
    assert policy.cost("a", 0.0) == pytest.approx(0.3, rel=1e-12)
    assert policy.cost("b", 0.0) == pytest.approx(0.3, rel=1e-12)


@pytest.mark.parametrize(
    ("report", "weight"),
    [
        (LoadReport(0.5, 100, 10), 100 / 0.6),
        (LoadReport(0.5, 100), 200.0),
        (LoadReport(0.0, 100), 0.0),
        (LoadReport(0.5, 0), 0.0),
    ],
)
def test_a_weight_is_queries_over_utilisation_and_errors(report: LoadReport, weight: float) -> None:
    reported = ReportedWeight(blackout_s=0.0)
    reported.observe(report, 0.0)
    assert reported.value(0.0) == pytest.approx(weight, rel=1e-12)
    if report.errors_per_s:
        assert round(reported.value(0.0), 2) == 166.67


def test_a_weight_is_believed_after_the_blackout_and_until_it_expires() -> None:
    reported = ReportedWeight(blackout_s=10.0, expiration_s=180.0)
    reported.observe(LoadReport(0.5, 100), 5.0)
    assert [reported.value(now_s) for now_s in (5.0, 14.9, 15.0, 184.9)] == [0, 0, 200, 200]
    assert reported.value(185.0) == 0
    reported.observe(LoadReport(0.5, 100), 190.0)
    assert [reported.value(now_s) for now_s in (190.0, 199.9, 200.0)] == [0, 0, 200]


def test_unknown_weights_are_the_mean_and_one_known_is_not_enough() -> None:
    policy = UtilisationWeighted("abc", Random(1), blackout_s=0.0)
    policy.report("a", LoadReport(0.5, 100), 0.0)
    assert policy.weights(0.0) == {"a": 1, "b": 1, "c": 1}
    policy.report("b", LoadReport(0.5, 50), 0.0)
    assert policy.weights(0.0) == {"a": 200, "b": 100, "c": 150}
    assert Counter(picks(policy, "abc", 450, 1.0)) == pytest.approx(
        {"a": 200, "b": 100, "c": 150}, abs=1
    )


def test_turns_by_deadline_are_smooth_and_nobody_catches_up() -> None:
    turns = EarliestDeadline(Random(3))
    weights = {"a": 2.0, "b": 1.0}
    seen = "".join(turns.pick(weights) for _ in range(300))
    assert Counter(seen) == pytest.approx({"a": 200, "b": 100}, abs=1)
    assert "aaa" not in seen
    assert "bb" not in seen
    assert {turns.pick({"a": 2.0}) for _ in range(50)} == {"a"}
    assert "bb" not in "".join(turns.pick(weights) for _ in range(10))


def test_policies_know_no_clock_no_socket_and_no_event_loop() -> None:
    for path in Path(package.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            name.name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for name in node.names
        } | {
            str(node.module).split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
        }
        assert not imported & {"asyncio", "socket", "time", "datetime", "threading"}, path
