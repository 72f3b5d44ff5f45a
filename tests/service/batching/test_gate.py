"""The door of the queue, with nothing behind it but what the test lets wait."""

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

from models.schema import OutputSchema
from service.batching.cost import CostModel
from service.batching.entry import Ask, Entry, Payload
from service.batching.fair import HIGH, LOW, NORMAL, Shares
from service.batching.flight import Flight, free_in_s
from service.batching.gate import Gate
from service.batching.lane import Lane
from service.errors import DeadlineExceeded, Overloaded, TooManyRequests

NOW = 100.0
BUSY = [0.05, 0.1]


class Door:
    """A gate before one lane, whose model takes 1 ms a call and 4 ms a row."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.shares = Shares()
        self.lane = Lane(
            "toy/1", 0, OutputSchema(kind="values", dtype="float64"), self._ignore, self._ignore
        )
        self.lane.join(self.shares)
        self.lane.cost = CostModel(0.001, 0.004)
        self.gate = self.make(max_waiting=10_000)

    def make(self, max_waiting: int) -> Gate:
        return Gate(self.shares, 256, max_waiting, 1.0, lambda: 0.5)

    def ask(
        self,
        client: str = "a",
        timeout_s: float = 30.0,
        free_in_s: list[float] = BUSY,
        lag_s: float = 0.0,
        rows: int = 1,
    ) -> None:
        ask = Ask(client, NORMAL, NOW + timeout_s, rows)
        self.gate.check(self.lane, ask, free_in_s, NOW, lag_s)

    def fill(self, client: str, timeout_s: float = 30.0) -> int:
        """Let a client's requests wait as long as they pass; return how many did."""
        for i in range(20_000):
            try:
                self.ask(client, timeout_s)
            except Overloaded:
                return i
            entry = Entry(
                Payload(1, None), False, Ask(client, NORMAL, NOW + 30), self._loop.create_future()
            )
            entry.cost_s = self.lane.cost.share_s(1, 25)
            self.lane.waiting.append(entry)
        raise AssertionError("the queue has no end")

    def _ignore(self, *told: int) -> None:
        pass


@pytest.fixture
def door() -> Iterator[Door]:
    with closing(asyncio.new_event_loop()) as loop:
        yield Door(loop)


def test_the_queue_is_as_long_as_the_budget(door: Door) -> None:
    waiting = door.fill("a")
    assert waiting * 0.004 / 2 == pytest.approx(1.0, rel=0.2)
    with pytest.raises(Overloaded) as refused:
        door.ask()
    assert type(refused.value) is Overloaded
    assert (refused.value.reason, refused.value.retry_after_s) == ("queue", 2)


def test_the_queue_is_shorter_than_the_deadlines(door: Door) -> None:
    waiting = door.fill("a", timeout_s=0.5)
    assert 0.2 < waiting * 0.004 / 2 < 0.35
    with pytest.raises(Overloaded) as refused:
        door.ask(timeout_s=0.5)
    assert refused.value.reason == "deadline"
    door.ask()  # who has time may wait


def test_a_client_above_its_share_is_told_so_and_others_are_not_refused(door: Door) -> None:
    door.fill("hog")
    for i in range(9):
        door.ask(f"client{i}", timeout_s=0.5)
    door.fill("second")
    with pytest.raises(TooManyRequests) as refused:
        door.ask("hog")
    assert refused.value.reason == "fair_share"
    door.ask("third", timeout_s=0.5)


def test_by_count_too_a_newcomer_finds_room(door: Door) -> None:
    door.gate = door.make(max_waiting=90)
    assert door.fill("hog") == 80
    assert door.fill("other") == 9
    assert door.fill("third") == 1


def test_when_a_worker_is_free_nobody_is_refused_for_a_prediction(door: Door) -> None:
    door.lane.cost = CostModel(50.0, door.lane.cost.row_s)
    with pytest.raises(Overloaded):
        door.ask(timeout_s=1.0)
    door.ask(timeout_s=1.0, free_in_s=[0.0, 0.1])


def test_a_queue_that_stays_is_shorter(door: Door) -> None:
    waiting = door.fill("a")
    door.ask("other")

    def later(client: str, waited_s: float) -> None:
        door.gate.check(door.lane, Ask(client, NORMAL, NOW + 60), BUSY, NOW + waited_s, 0.0)

    for _ in range(waiting // 2):
        door.lane.waiting.pop()
    later("a", 0.9)  # a burst
    later("other", 5.0)
    with pytest.raises(Overloaded):
        later("a", 5.0)
    while door.lane.waiting:
        door.lane.waiting.pop()
    later("a", 5.1)
    assert door.fill("a") * 0.004 / 2 > 0.2


def test_a_request_whose_time_is_over_is_no_overload(door: Door) -> None:
    with pytest.raises(DeadlineExceeded):
        door.ask(timeout_s=0.0, free_in_s=[0.0])


def test_what_waited_in_its_socket_has_less_time(door: Door) -> None:
    door.ask(timeout_s=0.2)
    with pytest.raises(Overloaded):
        door.ask(timeout_s=0.2, lag_s=0.15)


def test_many_rows_are_their_own_batch(door: Door) -> None:
    door.ask(rows=1000, timeout_s=7.0)
    with pytest.raises(Overloaded):
        door.ask(rows=1000, timeout_s=5.0)


def test_priorities_wait_for_their_turns_only(door: Door) -> None:
    door.fill("a")
    door.gate.check(door.lane, Ask("a", HIGH, NOW + 30), BUSY, NOW, 0.0)
    door.gate.check(door.lane, Ask("a", LOW, NOW + 30), BUSY, NOW, 0.0)
    with pytest.raises(Overloaded):
        door.gate.check(door.lane, Ask("a", NORMAL, NOW + 30), BUSY, NOW, 0.0)


def test_a_batch_that_is_late_is_not_expected_at_once(door: Door) -> None:
    flights = [Flight(door.lane, [], None, NOW + 0.5), Flight(door.lane, [], None, NOW - 3.0)]
    assert free_in_s(flights, 1, NOW) == [0.0, 0.5, 3.0]
    assert free_in_s([], 0, NOW) == [0.0]
