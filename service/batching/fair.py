"""Who is next among those who wait: fair shares between clients, priorities inside each share.

Start-time fair queueing: a client's turn has a tag, and the lowest tag is served. Serving a client
moves its tag on by the seconds of a worker that it took, so over any stretch of time clients that
wait get equal seconds, however many requests each has sent, and what one leaves the others take.
Tags belong to clients, not to queues: who waits for two models has one share, not two.

    Shares (one a replica) ── tags, and what waits of whom
       ▲            ▲
    FairQueue    FairQueue      one a model version: its requests, first come first served within
                                one client and priority

Inside a client's share priorities have tags of their own, weighted 8 : 4 : 1. Anybody may say that
a request is urgent, so priority never takes from other clients; a low one only yields to them.
"""

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush, heapreplace
from typing import Generic, Protocol, TypeVar

HIGH, NORMAL, LOW = range(3)
WEIGHTS = (8.0, 4.0, 1.0)
CHARGES = (1.0, 1.0, 4.0)
"""What a second costs a client, by priority: who asks for little gets a quarter of a share."""
SPARE_ACCOUNTS = 1024
ROUNDING = 0.999
"""Sums of the same seconds in another order are not quite equal."""


class Waiting(Protocol):
    """What a fair queue needs to know of a request."""

    client: str
    priority: int
    rows: int
    cost_s: float
    enqueued_at: float


Item = TypeVar("Item", bound=Waiting)


class Account:
    """One client's turn, and what waits of it in all queues."""

    __slots__ = ("costs_s", "now", "tag", "turns", "waiting")

    def __init__(self, tag: float) -> None:
        self.tag = tag
        """When its next turn is, in virtual seconds."""
        self.waiting = 0
        self.costs_s = [0.0, 0.0, 0.0]
        """Seconds that wait, by priority."""
        self.turns = [0.0, 0.0, 0.0]
        """When each priority's next turn is, within the client."""
        self.now = 0.0

    def turn(self, priority: int) -> float:
        """Return when a priority is next; one that had nothing to do cannot have saved it up."""
        return max(self.turns[priority], self.now)


class Shares:
    """The accounts of all clients that wait, or waited lately."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._now = 0.0
        self._numbers = 0
        self.waiting = 0
        self.cost_s = 0.0
        """Seconds of a worker that wait in all queues."""
        self.active = 0
        """Clients that wait."""

    def __len__(self) -> int:
        return len(self._accounts)

    def add(self, entry: Waiting) -> Account:
        """Count a request that begins to wait, and return its client's account."""
        account = self._accounts.get(entry.client)
        if account is None:
            account = self._accounts[entry.client] = Account(self._now)
        if not account.waiting:
            account.tag = max(account.tag, self._now)
            self.active += 1
        account.waiting += 1
        account.costs_s[entry.priority] += entry.cost_s
        self.waiting += 1
        self.cost_s += entry.cost_s
        return account

    def serve(self, account: Account, entry: Waiting) -> None:
        """Charge a client for a request that is served, and count it no more."""
        priority = entry.priority
        self._now = max(self._now, account.tag)
        account.now = account.turn(priority)
        account.turns[priority] = account.now + entry.cost_s / WEIGHTS[priority]
        account.tag += entry.cost_s * CHARGES[priority]
        self.remove(account, entry)

    def serve_run(
        self, account: Account, priority: int, count: int, cost_s: float, last_s: float
    ) -> None:
        """Charge a client for requests that are served one behind the other, as `serve` does each.

        Args:
            account: the client's.
            priority: of them all.
            count: how many they are.
            cost_s: what they cost together.
            last_s: what the last of them costs.
        """
        before_s = cost_s - last_s
        self._now = max(self._now, account.tag + before_s * CHARGES[priority])
        turn = account.turn(priority)
        account.now = turn + before_s / WEIGHTS[priority]
        account.turns[priority] = turn + cost_s / WEIGHTS[priority]
        account.tag += cost_s * CHARGES[priority]
        self._remove(account, priority, count, cost_s)

    def remove(self, account: Account, entry: Waiting) -> None:
        """Count a request no more."""
        self._remove(account, entry.priority, 1, entry.cost_s)

    def _remove(self, account: Account, priority: int, count: int, cost_s: float) -> None:
        account.waiting -= count
        account.costs_s[priority] -= cost_s
        self.waiting -= count
        self.cost_s -= cost_s
        if account.waiting:
            return
        account.costs_s = [0.0, 0.0, 0.0]  # sums of differences do not end at zero
        self.active -= 1
        if not self.waiting:
            # Nobody waits, so nobody is owed anything.
            self._accounts.clear()
            self._now = self.cost_s = 0.0
        elif len(self._accounts) > 2 * self.active + SPARE_ACCOUNTS:
            self._forget()

    def number(self) -> int:
        """Return the next number: among equal tags, who came first is first."""
        self._numbers += 1
        return self._numbers

    def waiting_of(self, client: str) -> int:
        """Return how many requests of a client wait."""
        account = self._accounts.get(client)
        return 0 if account is None else account.waiting

    def ahead_s(self, client: str, priority: int, cost_s: float) -> float:
        """Return the seconds of work that would be served before a new request.

        While its client's turn comes round to it, every other client that waits gets as much.
        """
        account = self._accounts.get(client)
        if account is None:
            return min(self.cost_s, self.active * cost_s * CHARGES[priority])
        mine_s = account.costs_s[priority]
        own_s = (mine_s + cost_s) * CHARGES[priority]
        for other, waits_s in enumerate(account.costs_s):
            if other != priority and waits_s:
                between_s = (mine_s + cost_s) * WEIGHTS[other] / WEIGHTS[priority]
                own_s += min(waits_s, between_s) * CHARGES[other]
        lead_s = max(account.tag - self._now, 0.0)
        clients = self.active + (not account.waiting)
        return min(self.cost_s, clients * (lead_s + own_s) - cost_s * CHARGES[priority])

    def has_its_share(self, client: str) -> bool:
        """Return whether as much of this client waits as of the others on average."""
        account = self._accounts.get(client)
        if account is None:
            return False
        return sum(account.costs_s) * self.active >= ROUNDING * self.cost_s

    def is_greedy(self, client: str) -> bool:
        """Return whether more of this client waits than its share of what waits."""
        account = self._accounts.get(client)
        if account is None or self.active < 2:
            return False
        return sum(account.costs_s) * self.active > self.cost_s

    def _forget(self) -> None:
        """Drop the accounts of those who do not wait; a few are forgiven what they had too much."""
        self._accounts = {
            client: account for client, account in self._accounts.items() if account.waiting
        }


class _Line(Generic[Item]):
    """What waits of one client in one queue, by priority."""

    __slots__ = ("account", "by_priority", "length")

    def __init__(self, account: Account) -> None:
        self.account = account
        self.length = 0
        self.by_priority: tuple[deque[Item], deque[Item], deque[Item]] = (deque(), deque(), deque())

    def next_priority(self) -> int:
        """Return the priority whose turn it is; there is one, for a line is never empty."""
        high, _, low = self.by_priority
        if not high and not low:
            return NORMAL
        waiting = [priority for priority in (HIGH, NORMAL, LOW) if self.by_priority[priority]]
        return waiting[0] if len(waiting) == 1 else min(waiting, key=self.account.turn)


class FairQueue(Generic[Item]):
    """The waiting requests of one model version.

    Args:
        shares: the accounts, which all queues of a replica have in common.
    """

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._lines: dict[str, _Line[Item]] = {}
        self._heap: list[tuple[float, int, str]] = []
        """Tag, number and client of each line. A tag that another queue has moved on meanwhile is
        put right when it gets to the top."""
        self._length = 0
        self.rows = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Item]:
        for line in self._lines.values():
            for entries in line.by_priority:
                yield from entries

    def append(self, entry: Item) -> None:
        """Let a request wait."""
        account = self._shares.add(entry)
        line = self._lines.get(entry.client)
        if line is None:
            line = self._lines[entry.client] = _Line(account)
            heappush(self._heap, (account.tag, self._shares.number(), entry.client))
        line.by_priority[entry.priority].append(entry)
        line.length += 1
        self._length += 1
        self.rows += entry.rows

    def pop(self) -> Item:
        """Remove and return the request that is next.

        Raises:
            IndexError: nothing waits.
        """
        entry = self.pop_if(lambda _: True)
        if entry is None:
            raise IndexError("nothing waits")
        return entry

    def pop_if(self, takes: Callable[[Item], bool]) -> Item | None:
        """Remove and return the request that is next, if there is one and `takes` says so."""
        heap = self._heap
        if not heap:
            return None
        # Most queues are one client's, whose turn it is whatever its tag.
        client = heap[0][2] if len(heap) == 1 else self._first()[2]
        line = self._lines[client]
        entries = line.by_priority[line.next_priority()]
        entry = entries[0]
        if not takes(entry):
            return None
        entries.popleft()
        self._shares.serve(line.account, entry)
        line.length -= 1
        self._length -= 1
        self.rows -= entry.rows
        if line.length:
            heapreplace(self._heap, (line.account.tag, self._shares.number(), client))
        else:
            heappop(self._heap)
            del self._lines[client]
        return entry

    def pop_run(self, takes: Callable[[Item], bool]) -> list[Item]:
        """Remove and return the requests that are next, as long as `takes` says so of each.

        It is asked of each once, in their order; what it has said yes to is removed.
        """
        taken: list[Item] = []
        while self._heap:
            if len(self._heap) == 1:
                line = self._lines[self._heap[0][2]]
                high, normal, low = line.by_priority
                if not high and not low:
                    # One client's, of one priority: whoever is served, the next one is next.
                    self._pop_ordinary(line, normal, takes, taken)
                    break
            entry = self.pop_if(takes)
            if entry is None:
                break
            taken.append(entry)
        return taken

    def _pop_ordinary(
        self,
        line: _Line[Item],
        entries: deque[Item],
        takes: Callable[[Item], bool],
        taken: list[Item],
    ) -> None:
        """Take from the only line there is, and count them together: each costs a tenth of that."""
        before, rows, cost_s, last_s = len(taken), 0, 0.0, 0.0
        while entries and takes(entries[0]):
            entry = entries.popleft()
            taken.append(entry)
            rows += entry.rows
            last_s = entry.cost_s
            cost_s += last_s
        count = len(taken) - before
        if not count:
            return
        self._shares.serve_run(line.account, NORMAL, count, cost_s, last_s)
        line.length -= count
        self._length -= count
        self.rows -= rows
        _, _, client = heappop(self._heap)
        if entries:
            heappush(self._heap, (line.account.tag, self._shares.number(), client))
        else:
            del self._lines[client]

    def turn(self) -> tuple[float, float, float]:
        """Return whose turn this queue's is: the lowest of several queues is next.

        Raises:
            IndexError: nothing waits.
        """
        tag, _, client = self._first()
        line = self._lines[client]
        priority = line.next_priority()
        return tag, line.account.turn(priority), line.by_priority[priority][0].enqueued_at

    def discard(self, is_over: Callable[[Item], bool]) -> None:
        """Remove the requests that nobody waits for any more."""
        before = self._length
        for client, line in list(self._lines.items()):
            for entries in line.by_priority:
                self._discard_from(entries, line, is_over)
            if not line.length:
                del self._lines[client]
        if self._length < before:
            self._heap = [key for key in self._heap if key[2] in self._lines]
            heapify(self._heap)

    def _discard_from(
        self, entries: deque[Item], line: _Line[Item], is_over: Callable[[Item], bool]
    ) -> None:
        for _ in range(len(entries)):
            entry = entries.popleft()
            if is_over(entry):
                self._shares.remove(line.account, entry)
                line.length -= 1
                self._length -= 1
                self.rows -= entry.rows
            else:
                entries.append(entry)

    def _first(self) -> tuple[float, int, str]:
        heap = self._heap
        tag, number, client = heap[0]
        while tag < (current := self._lines[client].account.tag):
            heapreplace(heap, (current, number, client))
            tag, number, client = heap[0]
        return heap[0]
