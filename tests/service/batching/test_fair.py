from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.batching.fair import HIGH, LOW, NORMAL, FairQueue, Shares


@dataclass(eq=False)
class Request:
    """What a fair queue sees of a request."""

    client: str
    priority: int = NORMAL
    cost_s: float = 1.0
    rows: int = 1
    enqueued_at: float = 0.0
    number: int = 0


requests = st.builds(
    Request,
    client=st.sampled_from("abcde"),
    priority=st.sampled_from((HIGH, NORMAL, LOW)),
    cost_s=st.floats(0.001, 10.0),
    rows=st.integers(1, 100),
    number=st.integers(),
)


def queue_of(entries: list[Request]) -> FairQueue[Request]:
    queue: FairQueue[Request] = FairQueue(Shares())
    for entry in entries:
        queue.append(entry)
    return queue


def drain(queue: FairQueue[Request]) -> list[Request]:
    return [queue.pop() for _ in range(len(queue))]


@given(
    st.lists(
        st.builds(
            Request,
            client=st.sampled_from("ab"),
            priority=st.sampled_from((NORMAL, NORMAL, NORMAL, LOW)),
            cost_s=st.floats(0.001, 10.0),
            rows=st.integers(1, 9),
        ),
        max_size=40,
    ),
    st.lists(st.integers(1, 12), min_size=1, max_size=20),
)
def test_a_run_is_what_would_have_been_served_one_by_one(
    entries: list[Request], limits: list[int]
) -> None:
    together, single = queue_of(entries), queue_of(entries)
    for limit in limits:
        left = [limit, limit]

        def takes(entry: Request, which: int) -> bool:
            left[which] -= entry.rows  # noqa: B023
            return left[which] >= 0  # noqa: B023

        run = together.pop_run(lambda entry: takes(entry, 0))
        ones = []
        while (entry := single.pop_if(lambda entry: takes(entry, 1))) is not None:
            ones.append(entry)
        assert run == ones
        assert (len(together), together.rows) == (len(single), single.rows)
        if len(single):
            assert together.turn() == pytest.approx(single.turn(), rel=1e-12, abs=1e-12)
    for queue in (together, single):
        queue.append(Request("new"))
    assert together.turn() == pytest.approx(single.turn(), rel=1e-12, abs=1e-12)


@given(st.lists(requests, max_size=60))
def test_every_request_is_served_once_and_each_clients_in_order(entries: list[Request]) -> None:
    shares = Shares()
    queue: FairQueue[Request] = FairQueue(shares)
    for entry in entries:
        queue.append(entry)
    assert (len(queue), queue.rows) == (len(entries), sum(entry.rows for entry in entries))
    assert shares.cost_s == pytest.approx(sum(entry.cost_s for entry in entries))
    served, looked_at = [], list[Request]()

    def look(entry: Request) -> bool:
        looked_at.append(entry)
        return False

    while len(queue):
        assert queue.pop_if(look) is None
        served.append(queue.pop())
        assert served[-1] is looked_at.pop()
    for client in "abcde":
        for priority in (HIGH, NORMAL, LOW):
            mine = [e for e in entries if (e.client, e.priority) == (client, priority)]
            assert [e for e in served if (e.client, e.priority) == (client, priority)] == mine
    assert (queue.rows, shares.waiting, shares.active, shares.cost_s) == (0, 0, 0, 0.0)


def test_one_client_waits_in_line() -> None:
    entries = [Request("a", number=i, cost_s=1.0 + i % 7) for i in range(50)]
    assert drain(queue_of(entries)) == entries


def test_a_hog_gets_what_the_others_leave() -> None:
    queue = queue_of([Request("hog") for _ in range(1000)])
    for i in range(1, 10):
        for _ in range(10):
            queue.append(Request(f"client{i}"))
    first = Counter(queue.pop().client for _ in range(100))
    assert max(first.values()) - min(first.values()) <= 1
    assert {entry.client for entry in drain(queue)} == {"hog"}


def test_a_newcomer_does_not_wait_for_the_hogs_past_and_future() -> None:
    queue = queue_of([Request("hog") for _ in range(100)])
    for _ in range(50):
        queue.pop()
    queue.append(Request("new"))
    assert "new" in {queue.pop().client, queue.pop().client}


def test_shares_are_of_time_not_of_requests() -> None:
    queue = queue_of([Request("large", cost_s=10.0) for _ in range(20)])
    for _ in range(200):
        queue.append(Request("small", cost_s=1.0))
    first = Counter(queue.pop().client for _ in range(110))
    assert first["large"] == pytest.approx(10, abs=1)


@given(st.lists(requests, min_size=1, max_size=80))
def test_clients_that_wait_are_served_alike(entries: list[Request]) -> None:
    """Start-time fair queueing's promise: two that wait differ by two of their own requests."""
    entries = [Request(e.client, NORMAL, e.cost_s, number=i) for i, e in enumerate(entries)]
    queue = queue_of(entries)
    waiting = Counter(entry.client for entry in entries)
    took: dict[str, float] = dict.fromkeys("abcde", 0.0)
    largest = max(entry.cost_s for entry in entries)
    while len(queue):
        entry = queue.pop()
        took[entry.client] += entry.cost_s
        waiting[entry.client] -= 1
        behind = [took[client] for client, left in waiting.items() if left]
        if behind:
            assert max(behind) - min(behind) <= 2 * largest + 1e-6


def test_within_a_client_low_priority_yields_but_is_served() -> None:
    queue = queue_of(
        [Request("a", priority) for _ in range(100) for priority in (HIGH, NORMAL, LOW)]
    )
    first = Counter(queue.pop().priority for _ in range(65))
    assert first[HIGH] == pytest.approx(40, abs=1)
    assert first[NORMAL] == pytest.approx(20, abs=1)
    assert first[LOW] == pytest.approx(5, abs=1)


def test_nobody_takes_from_others_by_calling_it_urgent() -> None:
    queue = queue_of([Request("loud", HIGH) for _ in range(100)])
    for _ in range(100):
        queue.append(Request("modest", NORMAL))
        queue.append(Request("patient", LOW))
    first = Counter(queue.pop().client for _ in range(90))
    assert first["loud"] == pytest.approx(40, abs=1)
    assert first["modest"] == pytest.approx(40, abs=1)
    assert first["patient"] == pytest.approx(10, abs=1)


def test_who_waits_for_two_models_has_one_share() -> None:
    shares = Shares()
    one: FairQueue[Request] = FairQueue(shares)
    other: FairQueue[Request] = FairQueue(shares)
    for _ in range(100):
        one.append(Request("both"))
        other.append(Request("both"))
        other.append(Request("single"))
    took: Counter[str] = Counter()
    for _ in range(80):
        took[min((one, other), key=lambda queue: queue.turn()).pop().client] += 1
    assert took["both"] == pytest.approx(40, abs=1)


@given(st.lists(requests, max_size=60), st.sets(st.sampled_from("abcde")))
def test_who_has_gone_is_forgotten(entries: list[Request], gone: set[str]) -> None:
    shares = Shares()
    queue: FairQueue[Request] = FairQueue(shares)
    for entry in entries:
        queue.append(entry)
    queue.discard(lambda entry: entry.client in gone)
    kept = [entry for entry in entries if entry.client not in gone]
    assert (len(queue), shares.waiting) == (len(kept), len(kept))
    assert shares.active == len({entry.client for entry in kept})
    assert shares.cost_s == pytest.approx(sum(entry.cost_s for entry in kept), abs=1e-9)
    assert Counter(queue) == Counter(kept)
    assert Counter(drain(queue)) == Counter(kept)


def test_the_work_ahead_is_what_is_served_before() -> None:
    shares = Shares()
    queue: FairQueue[Request] = FairQueue(shares)
    assert shares.ahead_s("a", NORMAL, 1.0) == 0.0
    for _ in range(1000):
        queue.append(Request("hog"))
    assert shares.ahead_s("hog", NORMAL, 1.0) == 1000.0
    assert shares.ahead_s("new", NORMAL, 1.0) == 1.0
    for i in range(1, 10):
        queue.append(Request(f"client{i}"))
    assert shares.ahead_s("hog", NORMAL, 1.0) == 1009.0
    assert shares.ahead_s("new", NORMAL, 1.0) == 10.0
    assert shares.ahead_s("client1", NORMAL, 1.0) == 19.0
    assert shares.is_greedy("hog")
    assert not shares.is_greedy("client1")
    assert not shares.is_greedy("new")
    assert shares.waiting_of("hog") == 1000
    assert shares.waiting_of("new") == 0


@given(st.lists(requests, max_size=40), requests)
def test_the_work_ahead_is_hardly_underestimated(entries: list[Request], new: Request) -> None:
    """Who waits for little is taken to wait for as much as oneself."""
    entries = [Request(e.client, NORMAL, 1.0) for e in entries]
    shares = Shares()
    queue: FairQueue[Request] = FairQueue(shares)
    for entry in entries:
        queue.append(entry)
    mine = Request(new.client, NORMAL, 1.0, number=-1)
    predicted = shares.ahead_s(mine.client, mine.priority, mine.cost_s)
    queue.append(mine)
    truth = drain(queue).index(mine)
    assert truth - 5 <= predicted <= len(entries)


def test_urgent_requests_have_less_ahead_of_them() -> None:
    shares = Shares()
    queue: FairQueue[Request] = FairQueue(shares)
    for _ in range(100):
        queue.append(Request("a", NORMAL))
    high, normal, low = (shares.ahead_s("a", one, 1.0) for one in (HIGH, NORMAL, LOW))
    assert high < normal == 100.0
    assert low < normal  # the first of its kind has its turn soon: nobody is starved


def test_accounts_of_who_has_gone_do_not_pile_up() -> None:
    shares = Shares()
    queue: FairQueue[Request] = FairQueue(shares)
    queue.append(Request("stays", LOW, 0.001))
    for i in range(20_000):
        queue.append(Request(f"client{i}"))
        queue.pop()
    queue.append(Request("last"))
    queue.append(Request("stays"))
    assert len(shares) < 5000
