"""One request, as many attempts as are allowed: first, retries, and a hedge beside each.

Attempts.settle ──▶ Dispatcher.acquire ──▶ Upstream.ask ──▶ End
│  no answer within hedge_after_s: the same of another replica, the first answer wins
└─ an end that may be tried again: once more, elsewhere, if the budget allows
"""

import asyncio
import time
from dataclasses import dataclass, field

from loadtest.balancer.budget import Budget, Retries
from loadtest.balancer.config import BalancerConfig
from loadtest.balancer.dispatcher import Dispatcher, Refusal
from loadtest.balancer.load_header import LOAD_HEADER, load_report
from loadtest.balancer.relay import OpenReply
from loadtest.balancer.stream import BodyStream
from loadtest.balancer.tally import Tally
from loadtest.balancer.upstream import Upstream
from loadtest.http1 import Loss, LossCause, Reply


@dataclass(frozen=True, slots=True)
class Ask:
    """What is sent to a replica."""

    wire: bytes
    body: BodyStream | None = None
    """Follows the wire as it comes; such a request is asked once."""
    bodiless: bool = False
    streamable: bool = False
    beside: set[str] = field(default_factory=set)
    """Replicas that have other parts of the same request; another one is better, if there is."""


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt ended."""

    replica: str
    """Empty if it got none."""
    what: Reply | OpenReply | Loss | Refusal

    @property
    def good(self) -> bool:
        return isinstance(self.what, Reply) and self.what.status < 500


class Attempts:
    """Asks replicas until an end is final.

    Args:
        config: retries, hedging and time-outs.
        dispatcher: gives replicas.
        tally: counts.
    """

    def __init__(self, config: BalancerConfig, dispatcher: Dispatcher, tally: Tally) -> None:
        self._config = config
        self._dispatcher = dispatcher
        self._tally = tally
        self.budget = Budget(config.retries or Retries())
        self._upstreams = {each.name: Upstream(each, config) for each in config.replicas}

    async def settle(self, ask: Ask, retries: Retries | None) -> End:
        """Return how a request ended in the end; without `retries` its first end is final."""
        tried: set[str] = set()
        end = await self._hedged(ask, tried)
        if retries is None or ask.body is not None:
            return end
        for _ in range(retries.attempts - 1):
            if not _again(end, retries) or not self.budget.take():
                break
            try:
                self._tally.retries += 1
                following = await self._hedged(ask, tried)
            finally:
                self.budget.give_back()
            if isinstance(following.what, Refusal):
                break  # nobody else is there: the first end says more
            end = following
        return end

    def close(self) -> None:
        for upstream in self._upstreams.values():
            upstream.close()

    async def _hedged(self, ask: Ask, tried: set[str]) -> End:
        """Attempt once, and once more beside it if the first takes long."""
        patience_s = self._config.hedge_after_s
        if patience_s is None or ask.body is not None:
            return await self._attempt(ask, tried)
        first = asyncio.ensure_future(self._attempt(ask, tried))
        running = {first}
        try:
            done, _ = await asyncio.wait(running, timeout=patience_s)
            if done or not self.budget.take():
                return await first
            try:
                self._tally.hedges += 1
                hedge = asyncio.ensure_future(self._attempt(ask, tried))
                running.add(hedge)
                winner = await _first_good(first, hedge)
                self._tally.hedges_won += winner is hedge
                _drop(hedge if winner is first else first)
                return winner.result()
            finally:
                self.budget.give_back()
        finally:
            for each in running:
                each.cancel()

    async def _attempt(self, ask: Ask, tried: set[str]) -> End:
        replica = await self._dispatcher.acquire(frozenset(tried | ask.beside))
        if replica is Refusal.NO_REPLICA and ask.beside:
            replica = await self._dispatcher.acquire(frozenset(tried))
        if isinstance(replica, Refusal):
            return End("", replica)
        tried.add(replica)
        ask.beside.add(replica)
        self._tally.upstream[replica] += 1
        began_s = time.monotonic()
        try:
            answer = await self._upstreams[replica].ask(
                ask.wire, ask.body, bodiless=ask.bodiless, streamable=ask.streamable
            )
        except BaseException:
            self._dispatcher.cancel(replica)
            raise
        end = End(replica, answer)
        if isinstance(answer, OpenReply):
            answer.rest.at_end(
                lambda whole: self._release(replica, began_s, failed=not whole, answered=whole)
            )
        else:
            answered = isinstance(answer, Reply)
            self._release(replica, began_s, failed=not end.good, answered=answered)
        self._learn(replica, answer)
        return end

    def _release(self, replica: str, began_s: float, *, failed: bool, answered: bool) -> None:
        self.budget.observe(failed=failed)
        self._dispatcher.release(replica, began_s, failed=failed, answered=answered)

    def _learn(self, replica: str, answer: Reply | Loss) -> None:
        if isinstance(answer, Reply):
            report = load_report(answer.header(LOAD_HEADER))
            if report is not None:
                self._dispatcher.report(replica, report)
        elif answer.cause is LossCause.CONNECT:
            # It fails faster than the others work, and would draw the load to itself until the
            # next probe. The next probe that is answered brings it back.
            self._dispatcher.roster.set_ready(replica, time.monotonic(), ready=False)


def _again(end: End, retries: Retries) -> bool:
    if isinstance(end.what, Refusal):
        return False
    reason = end.what.cause.value if isinstance(end.what, Loss) else str(end.what.status)
    return reason in retries.on


def _drop(loser: "asyncio.Future[End]") -> None:
    """Stop an answer that has begun and that nobody wants; one that has not is cancelled."""
    if loser.done() and not loser.cancelled():
        what = loser.result().what
        if isinstance(what, OpenReply):
            what.rest.abandon()


async def _first_good(
    first: "asyncio.Future[End]", second: "asyncio.Future[End]"
) -> "asyncio.Future[End]":
    """Return the one that ends first with an answer; if neither does, the first."""
    done, _ = await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)
    for each in (first, second):
        if each in done and each.result().good:
            return each
    await asyncio.wait({first, second})
    return second if second.result().good and not first.result().good else first
