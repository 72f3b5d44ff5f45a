"""What a fault did, on records made by hand."""

import pytest

from loadtest.faults.impact import (
    Event,
    Impact,
    Injected,
    Promise,
    impacts,
    is_good,
    recovery_s,
    violation_s,
)
from loadtest.record import Outcome, Record

PROMISE = Promise(limit_s=0.1, share=0.99, open_loop=True)


def record(at_s: float, latency_s: float = 0.01, outcome: Outcome = Outcome.RIGHT) -> Record:
    return Record(
        request=0,
        intended_s=at_s,
        taken_s=at_s,
        sent_s=at_s,
        done_s=at_s + latency_s,
        outcome=outcome,
        status=200,
        cause="",
        replica="replica-0",
    )


def steady(
    until_s: float, bad: tuple[float, float], outcome: Outcome = Outcome.LOST
) -> list[Record]:
    """A hundred requests a second; those due in `bad` end otherwise."""
    return [
        record(n / 100, outcome=outcome if bad[0] <= n / 100 < bad[1] else Outcome.RIGHT)
        for n in range(round(until_s * 100))
    ]


def one(records: list[Record], fault: Injected, events: list[Event] | None = None) -> Impact:
    (found,) = impacts([fault], records, events or [], PROMISE, ends_s=20.0)
    return found


KILL = Injected("kill_replica", "replica-0", 5.0, 5.0)


def test_a_gap_of_two_seconds_is_two_seconds_long() -> None:
    found = one(steady(20, (5.0, 7.0)), KILL)
    assert found.lost == 200
    assert found.violation_s == pytest.approx(2.0, abs=1e-9)
    # The first window without a bad request, of those that may hold five in a hundred.
    assert found.recover_s == pytest.approx(2.0, abs=0.1)
    assert found.last_failure_s == pytest.approx(1.99, abs=1e-9)
    assert (found.wrong, found.refused) == (0, 0)


def test_what_never_fell_need_not_come_back() -> None:
    found = one(steady(20, (0, 0)), KILL)
    assert (found.recover_s, found.violation_s, found.last_failure_s) == (0.0, 0.0, None)


def test_what_stays_down_never_comes_back() -> None:
    assert one(steady(20, (5.0, 99.0)), KILL).recover_s is None


def test_without_a_before_there_is_no_back() -> None:
    assert one(steady(20, (0.0, 7.0)), KILL).recover_s is None


def test_slow_answers_are_not_good_and_wrong_ones_neither() -> None:
    assert is_good(record(0, 0.1), PROMISE)
    assert not is_good(record(0, 0.11), PROMISE)
    assert not is_good(record(0, 0.01, Outcome.WRONG), PROMISE)
    assert one(steady(20, (5, 6), Outcome.WRONG), KILL).wrong == 100
    assert one(steady(20, (5, 6), Outcome.REFUSED), KILL).refused == 100


def test_requests_in_flight_are_those_sent_and_not_answered() -> None:
    records = [record(4.9, 0.2), record(4.99, 0.02), record(4.9, 0.05), record(5.01, 0.01)]
    assert one(records, KILL).in_flight == 2


@pytest.mark.parametrize(
    ("events", "detect_s"),
    [
        ([], None),
        ([Event("ejected", "replica-0", 5.4), Event("not_ready", "replica-0", 5.6)], 0.4),
        ([Event("ejected", "replica-1", 5.4)], None),
        ([Event("not_ready", "replica-0", 4.0)], None),
        ([Event("returned", "replica-0", 5.5)], None),
    ],
)
def test_a_fault_is_detected_when_the_balancer_leaves_that_replica_alone(
    events: list[Event], detect_s: float | None
) -> None:
    found = one(steady(20, (5, 6)), KILL, events).detect_s
    assert found == (None if detect_s is None else pytest.approx(detect_s, abs=1e-9))


def test_a_fault_answers_for_the_time_until_the_next_one() -> None:
    later = Injected("stop_replica", "replica-1", 10.0, 12.0)
    records = steady(20, (5.0, 6.0))
    records = [
        record(each.intended_s, outcome=Outcome.LOST) if 10 <= each.intended_s < 13 else each
        for each in records
    ]
    first, second = impacts([KILL, later], records, [], PROMISE, 20.0)
    assert (first.lost, second.lost) == (100, 300)
    assert second.recover_s == pytest.approx(3.0, abs=0.1)


def test_a_fall_long_after_the_fault_is_somebody_else_s() -> None:
    assert recovery_s(steady(20, (10.0, 11.0)), PROMISE, KILL, 20.0) == 0.0


def test_in_a_closed_loop_the_number_of_good_requests_tells() -> None:
    closed = Promise(limit_s=0.1, share=0.99, open_loop=False)
    # All that is asked is answered right, but between 5 s and 7 s almost nothing is asked.
    records = [record(n / 100) for n in range(2000) if not 500 <= n < 700 or n % 50 == 0]
    assert recovery_s(records, closed, KILL, 20.0) == pytest.approx(2.0, abs=0.1)
    assert recovery_s(records, PROMISE, KILL, 20.0) == 0.0


def test_a_slice_breaks_the_promise_by_its_share() -> None:
    records = [
        record(5.0 + n / 1000, outcome=Outcome.LOST if n == 3 else Outcome.RIGHT)
        for n in range(100)
    ]
    half = Promise(0.1, 0.5, open_loop=True)
    assert violation_s(records, half, 5.0, 6.0) == 0.0
    assert violation_s(records, Promise(0.1, 1.0, open_loop=True), 5.0, 6.0) == pytest.approx(0.1)
