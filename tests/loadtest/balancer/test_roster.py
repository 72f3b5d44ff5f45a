"""Who may have a request: probes, drains, ejections, panic and slow start."""

from random import Random
from typing import Any

import pytest

from loadtest.balancer.config import BalancerConfig, Replica
from loadtest.balancer.roster import FIRST_SHARE, Roster


def roster(names: str, told: list[tuple[str, str, float]] | None = None, **settings: Any) -> Roster:
    replicas = tuple(Replica(name=name, host="127.0.0.1", port=1) for name in names)
    config = BalancerConfig.model_validate({"replicas": replicas, **settings})
    heard: list[tuple[str, str, float]] = [] if told is None else told
    return Roster(config, Random(1), lambda *event: heard.append(event))


def all_ready(one: Roster, names: str, now_s: float = 0.0) -> Roster:
    for name in names:
        one.set_ready(name, now_s, ready=True)
    return one


def test_nobody_is_ready_until_a_probe_says_so() -> None:
    one = roster("ab")
    assert one.ready(0.0) == []
    one.set_ready("b", 0.0, ready=True)
    assert one.ready(0.0) == ["b"]
    one.set_ready("a", 0.0, ready=True)
    assert one.ready(0.0) == ["a", "b"]


def test_a_draining_replica_gets_nothing_whatever_its_probes_say() -> None:
    one = all_ready(roster("ab"), "ab")
    one.set_draining("a", 1.0, draining=True)
    one.set_ready("a", 1.0, ready=True)
    assert one.ready(1.0) == ["b"]
    one.set_draining("a", 2.0, draining=False)
    assert one.ready(2.0) == ["a", "b"]


def test_an_ejected_replica_comes_back_when_its_time_is_over() -> None:
    told: list[tuple[str, str, float]] = []
    one = roster("ab", told, ejection={"consecutive_failures": 2, "base_s": 5.0})
    all_ready(one, "ab")
    one.observe("a", 1.0, failed=True)
    one.observe("a", 1.0, failed=True)
    assert one.ready(1.0) == ["b"]
    assert one.ready(5.9) == ["b"]
    assert one.ready(6.0) == ["a", "b"]
    assert told[2:] == [("ejected", "a", 1.0), ("returned", "a", 6.0)]


def test_without_ejection_failures_change_nothing() -> None:
    one = all_ready(roster("ab"), "ab")
    for _ in range(100):
        one.observe("a", 1.0, failed=True)
    assert one.ready(1.0) == ["a", "b"]


@pytest.mark.parametrize(
    ("down", "ready"), [("", "abcd"), ("a", "bcd"), ("ab", "cd"), ("abc", "abcd"), ("abcd", "abcd")]
)
def test_below_the_panic_share_everybody_is_asked(down: str, ready: str) -> None:
    one = all_ready(roster("abcd", panic_share=0.5), "abcd")
    for name in down:
        one.set_ready(name, 1.0, ready=False)
    assert one.ready(1.0) == list(ready)


def test_panic_does_not_bring_back_who_drains() -> None:
    one = all_ready(roster("abc", panic_share=1.0), "abc")
    one.set_draining("a", 0.0, draining=True)
    one.set_ready("b", 0.0, ready=False)
    assert one.ready(0.0) == ["b", "c"]


def test_slow_start_is_for_those_that_come_back() -> None:
    one = all_ready(roster("ab", slow_start_s=10.0), "ab")
    assert one.share("a", 0.0) == 1.0  # a new fleet has nobody to lean on
    one.set_ready("a", 5.0, ready=False)
    one.set_ready("a", 6.0, ready=True)
    shares = [one.share("a", now_s) for now_s in (6.0, 6.5, 11.0, 15.0, 16.0, 99.0)]
    assert shares == [FIRST_SHARE, FIRST_SHARE, 0.5, 0.9, 1.0, 1.0]
    assert one.share("b", 6.0) == 1.0


def test_in_slow_start_a_replica_is_a_candidate_in_its_share_of_turns() -> None:
    one = all_ready(roster("ab", slow_start_s=10.0), "ab")
    one.set_ready("a", 0.0, ready=False)
    one.set_ready("a", 0.0, ready=True)
    count = 4000
    seen = sum("a" in one.candidates(5.0) for _ in range(count))
    assert abs(seen / count - 0.5) < 5 * 0.5 / count**0.5
    # Alone it gets everything, for there is nobody else.
    one.set_ready("b", 0.0, ready=False)
    assert {tuple(one.candidates(0.1)) for _ in range(50)} == {("a",)}
