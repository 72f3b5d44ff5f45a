"""The policies: who gets the next request."""

import ast
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.balancer import policy as module
from loadtest.balancer.policy import LeastOutstanding, Policy, PolicyName, RoundRobin, make_policy

POLICIES: list[PolicyName] = ["round_robin", "least_outstanding"]


def all_ready(policy: Policy, names: str) -> Policy:
    for name in names:
        policy.set_ready(name, ready=True)
    return policy


def picks(policy: Policy, count: int) -> str:
    return "".join(policy.select() or "-" for _ in range(count))


def test_round_robin_takes_each_in_turn() -> None:
    assert picks(all_ready(RoundRobin("abc"), "abc"), 7) == "abcabca"


def test_round_robin_skips_who_is_not_ready_and_goes_on_where_it_was() -> None:
    policy = all_ready(RoundRobin("abcd"), "abcd")
    assert picks(policy, 2) == "ab"
    policy.set_ready("c", ready=False)
    assert picks(policy, 3) == "dab"
    policy.set_ready("c", ready=True)
    assert picks(policy, 3) == "cda"


@pytest.mark.parametrize("name", POLICIES)
def test_nobody_is_chosen_while_nobody_is_ready(name: PolicyName) -> None:
    policy = make_policy(name, ["a", "b"], 0)
    assert policy.select() is None
    policy.set_ready("b", ready=True)
    assert policy.select() == "b"
    policy.set_ready("b", ready=False)
    assert policy.select() is None


def test_least_outstanding_gives_each_one_before_anybody_gets_two() -> None:
    policy = all_ready(LeastOutstanding("abc", Random(1)), "abc")
    assert sorted(picks(policy, 3)) == ["a", "b", "c"]
    policy.outcome("b")
    assert policy.select() == "b"


def test_least_outstanding_counts_what_was_there_before_a_replica_went_and_came_back() -> None:
    policy = all_ready(LeastOutstanding("ab", Random(1)), "a")
    assert picks(policy, 3) == "aaa"
    policy.set_ready("a", ready=False)
    all_ready(policy, "ab")
    assert picks(policy, 3) == "bbb"


def test_ties_fall_on_every_replica_alike() -> None:
    policy = all_ready(LeastOutstanding("abcd", Random(7)), "abcd")
    chosen: Counter[str] = Counter()
    for _ in range(4000):
        replica = policy.select()
        assert replica is not None
        chosen[replica] += 1
        policy.outcome(replica)
    # Binomial with mean 1000 and standard deviation 27; a fixed order would give 4000 and 0.
    assert all(850 < count < 1150 for count in chosen.values()), chosen


def test_the_seed_decides_the_ties() -> None:
    def chosen(seed: int) -> str:
        return picks(all_ready(LeastOutstanding("abcd", Random(seed)), "abcd"), 40)

    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)


@pytest.mark.parametrize("name", POLICIES)
def test_an_outcome_without_a_request_is_refused(name: PolicyName) -> None:
    policy = all_ready(make_policy(name, ["a"], 0), "a")
    assert policy.select() == "a"
    policy.outcome("a")
    with pytest.raises(ValueError, match="nothing is outstanding on a"):
        policy.outcome("a")


@pytest.mark.parametrize("replicas", [[], ["a", "a"]])
def test_replicas_need_names_of_their_own(replicas: list[str]) -> None:
    with pytest.raises(ValueError, match="names"):
        RoundRobin(replicas)


def test_a_replica_that_nobody_knows_cannot_become_ready() -> None:
    with pytest.raises(KeyError):
        RoundRobin("ab").set_ready("c", ready=True)


Steps = st.lists(
    st.one_of(
        st.tuples(st.just("select"), st.just("")),
        st.tuples(st.sampled_from(["up", "down", "end"]), st.sampled_from("abc")),
    ),
    max_size=80,
)


@given(name=st.sampled_from(POLICIES), steps=Steps)
def test_whatever_happens_only_the_ready_are_chosen_and_no_request_is_miscounted(
    name: PolicyName, steps: list[tuple[str, str]]
) -> None:
    policy = make_policy(name, list("abc"), 0)
    outstanding: Counter[str] = Counter()
    ready: set[str] = set()
    for action, replica in steps:
        if action in {"up", "down"}:
            policy.set_ready(replica, ready=action == "up")
            ready = ready | {replica} if action == "up" else ready - {replica}
        elif action == "end":
            if outstanding[replica]:
                policy.outcome(replica)
                outstanding[replica] -= 1
        else:
            before = dict(outstanding)
            chosen = policy.select()
            assert (chosen is None) == (not ready)
            if chosen is not None:
                assert chosen in ready
                if name == "least_outstanding":
                    assert before.get(chosen, 0) == min(before.get(each, 0) for each in ready)
                outstanding[chosen] += 1
        state = policy.snapshot()
        assert dict(state.outstanding) == {each: outstanding[each] for each in "abc"}
        assert set(state.ready) == ready


@given(count=st.integers(1, 6), rounds=st.integers(1, 20))
def test_round_robin_is_even_over_whole_rounds(count: int, rounds: int) -> None:
    names = "abcdef"[:count]
    chosen = Counter(picks(all_ready(RoundRobin(names), names), count * rounds))
    assert set(chosen.values()) == {rounds}


def test_the_policies_know_no_clock_socket_or_loop() -> None:
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported == {"collections.abc", "dataclasses", "random", "types", "typing"}
