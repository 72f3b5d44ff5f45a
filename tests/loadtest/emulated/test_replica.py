"""Batches of an emulated replica, on a loop whose clock is ours."""

import asyncio
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from loadtest.emulated.config import ServiceLaw
from loadtest.emulated.replica import EmulatedReplica
from loadtest.emulated.service_time import ServiceTimes


class Clock:
    """Stands in for an event loop: time goes on when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.timers: list[tuple[float, Callable[..., None], tuple[Any, ...]]] = []

    def time(self) -> float:
        return self.now_s

    def call_at(self, at_s: float, call: Callable[..., None], *arguments: Any) -> None:
        self.timers.append((at_s, call, arguments))

    def run_until(self, until_s: float) -> None:
        while self.timers and min(at_s for at_s, _, _ in self.timers) <= until_s:
            first = min(self.timers, key=lambda timer: timer[0])
            self.timers.remove(first)
            self.now_s, call, arguments = first
            call(*arguments)
        self.now_s = until_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    return clock  # type: ignore[return-value]


def replica(workers: int, max_batch_rows: int = 8, max_queue: int = 100) -> EmulatedReplica:
    law = ServiceLaw(base_s=1.0, row_s=0.1, law="constant", cv=1.0, measured={})
    return EmulatedReplica(workers, max_batch_rows, max_queue, ServiceTimes(law, Random(1)))


def test_a_free_worker_takes_a_request_at_once_and_busy_ones_let_them_gather(clock: Clock) -> None:
    served = replica(workers=1)
    ends: list[Any] = []

    def ask(name: str) -> bool:
        return served.submit(1, lambda q, p: ends.append((name, clock.now_s, q, p)))

    assert ask("a")
    clock.run_until(0.5)
    assert ask("b")
    assert ask("c")
    clock.run_until(10)
    # a alone: 1.1 s. b and c together, for one batch of two rows, from 1.1 s on: 1.2 s.
    assert ends == [
        ("a", pytest.approx(1.1), 0.0, pytest.approx(1.1)),
        ("b", pytest.approx(2.3), pytest.approx(0.6), pytest.approx(1.2)),
        ("c", pytest.approx(2.3), pytest.approx(0.6), pytest.approx(1.2)),
    ]
    assert served.idle


def test_a_batch_has_no_more_rows_than_allowed_but_one_large_request_goes_alone(
    clock: Clock,
) -> None:
    served = replica(workers=1, max_batch_rows=4)
    ends: list[Any] = []
    for rows in (1, 3, 2, 9):

        def answered(queue_s: float, predict_s: float, rows: int = rows) -> None:
            ends.append((rows, predict_s))

        assert served.submit(rows, answered)
    clock.run_until(99)
    batches = [1.1, 1.3, 1.2, 1.9]  # 3 + 2 rows are too many for one batch of 4
    assert ends == list(zip((1, 3, 2, 9), map(pytest.approx, batches), strict=True))


def test_workers_serve_side_by_side_and_a_full_queue_refuses(clock: Clock) -> None:
    served = replica(workers=2, max_queue=1)
    ends: list[float] = []
    taken = [served.submit(1, lambda q, p: ends.append(clock.now_s)) for _ in range(4)]
    assert taken == [True, True, True, False]
    clock.run_until(99)
    assert ends == [pytest.approx(1.1), pytest.approx(1.1), pytest.approx(2.2)]


def test_load_is_what_was_busy_of_late(clock: Clock) -> None:
    served = replica(workers=2)
    served.submit(1, lambda q, p: None)
    clock.run_until(2.2)
    assert served.load() == pytest.approx((1.1 / 2.2 / 2, 1 / 2.2))


def test_a_slow_replica_takes_so_many_times_as_long(clock: Clock) -> None:
    served = replica(workers=1)
    served.slowdown = 4.0
    ends: list[float] = []
    served.submit(1, lambda q, p: ends.append(p))
    clock.run_until(99)
    assert ends == [pytest.approx(4.4)]
