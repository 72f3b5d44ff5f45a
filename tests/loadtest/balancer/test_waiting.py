"""The line in the balancer."""

from loadtest.balancer.waiting import CentralQueue, Ticket


def test_first_come_first_served_and_no_more_than_fit() -> None:
    queue: CentralQueue[str] = CentralQueue(2)
    tickets = [Ticket(name, 10.0) for name in "xyz"]
    assert [queue.join(ticket) for ticket in tickets] == [True, True, False]
    assert queue.first_for({"a"}) is tickets[0]
    queue.leave(tickets[0])
    assert queue.first_for({"a"}) is tickets[1]
    assert queue.join(tickets[2])
    assert len(queue) == 2


def test_who_must_not_go_to_a_replica_lets_the_next_one_pass() -> None:
    queue: CentralQueue[str] = CentralQueue(2)
    picky, plain = Ticket("x", 10.0, frozenset("a")), Ticket("y", 10.0)
    queue.join(picky)
    queue.join(plain)
    assert queue.first_for({"a"}) is plain
    assert queue.first_for({"b"}) is picky
    assert queue.first_for(set()) is None


def test_leaving_twice_is_no_matter_and_takes_nobody_else_s_place() -> None:
    queue: CentralQueue[str] = CentralQueue(2)
    one, same = Ticket("x", 10.0), Ticket("x", 10.0)
    queue.join(one)
    queue.join(same)
    queue.leave(one)
    queue.leave(one)
    assert queue.first_for({"a"}) is same
