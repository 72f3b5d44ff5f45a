"""Gives each request a replica: the policy among the roster's candidates, or a place in line."""

import asyncio
import time
from enum import Enum

from loadtest.balancer.config import BalancerConfig
from loadtest.balancer.policies import LoadReport, Policy
from loadtest.balancer.roster import Roster
from loadtest.balancer.waiting import CentralQueue, Ticket


class Refusal(Enum):
    """Why a request got no replica: a code, and a sentence without its full stop."""

    NO_REPLICA = ("no_replica", "No replica is ready")
    FULL = ("full", "Every replica is full")
    QUEUE_TIMEOUT = ("queue_timeout", "No replica was free in time")

    @property
    def code(self) -> str:
        return self.value[0]

    @property
    def reason(self) -> str:
        return self.value[1]


class Dispatcher:
    """Policy, roster and central queue in one place; each replica given is released once.

    Args:
        config: limit a replica, and the queue's length and patience.
        policy: chooses.
        roster: says among whom.
    """

    def __init__(self, config: BalancerConfig, policy: Policy, roster: Roster) -> None:
        self._config = config
        self._policy = policy
        self.roster = roster
        self._queue: CentralQueue[asyncio.Future[str]] = CentralQueue(config.queue)
        self.longest_queue = 0

    async def acquire(self, without: frozenset[str] = frozenset()) -> str | Refusal:
        """Return a replica that is none of `without`, perhaps after a wait in line."""
        now_s = time.monotonic()
        if not set(self.roster.ready(now_s)) - without:
            return Refusal.NO_REPLICA
        if not self._queue:
            replica = self._choose(without, now_s)
            if replica is not None:
                return replica
        waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        ticket = Ticket(waiting, now_s + self._config.queue_timeout_s, without)
        if not self._queue.join(ticket):
            return Refusal.FULL
        self.longest_queue = max(self.longest_queue, len(self._queue))
        return await self._wait(ticket)

    def release(self, replica: str, began_s: float, *, failed: bool, answered: bool) -> None:
        """Take note that a request to a replica has ended.

        Args:
            replica: the one that `acquire` gave.
            began_s: when it was asked.
            failed: it counts against the replica.
            answered: its latency says something of the replica.
        """
        now_s = time.monotonic()
        self._policy.outcome(replica, now_s, now_s - began_s if answered else None)
        self.roster.observe(replica, now_s, failed=failed)
        self.serve_queue()

    def cancel(self, replica: str) -> None:
        """Take note that a request has ended of which nothing can be learnt."""
        self._policy.outcome(replica, time.monotonic())
        self.serve_queue()

    def report(self, replica: str, load: LoadReport) -> None:
        """Pass on what a replica says of its load."""
        self._policy.report(replica, load, time.monotonic())

    def ready_count(self) -> int:
        """Return how many replicas may have requests."""
        return len(self.roster.ready(time.monotonic()))

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._queue)

    def outstanding(self, replica: str) -> int:
        """Return how many requests are outstanding on a replica."""
        return self._policy.outstanding(replica)

    def serve_queue(self) -> None:
        """Give replicas to those who wait, as far as there are any."""
        now_s = time.monotonic()
        while self._queue:
            ticket = self._queue.first_for(set(self._open(self.roster.ready(now_s))))
            if ticket is None:
                return
            self._queue.leave(ticket)
            if ticket.waiting.done():
                continue
            replica = self._choose(ticket.without, now_s)
            if replica is not None:
                ticket.waiting.set_result(replica)

    async def _wait(self, ticket: Ticket[asyncio.Future[str]]) -> str | Refusal:
        try:
            async with asyncio.timeout(self._config.queue_timeout_s):
                return await ticket.waiting
        except TimeoutError:
            given = ticket.waiting.done() and not ticket.waiting.cancelled()
            return ticket.waiting.result() if given else Refusal.QUEUE_TIMEOUT
        except asyncio.CancelledError:
            if ticket.waiting.done() and not ticket.waiting.cancelled():
                self.cancel(ticket.waiting.result())
            raise
        finally:
            self._queue.leave(ticket)

    def _choose(self, without: frozenset[str], now_s: float) -> str | None:
        candidates = self._open(self.roster.candidates(now_s), without)
        # Whoever is in slow start was left out by lot; better it than nobody.
        candidates = candidates or self._open(self.roster.ready(now_s), without)
        return self._policy.select(candidates, now_s)

    def _open(self, replicas: list[str], without: frozenset[str] = frozenset()) -> list[str]:
        limit = self._config.replica_limit
        return [
            each
            for each in replicas
            if each not in without and self._policy.outstanding(each) < limit
        ]
