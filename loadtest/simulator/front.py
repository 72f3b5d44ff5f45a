"""The front tier: balancers that send calls, take answers, and try again within their budget."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from loadtest.balancer.budget import Budget
from loadtest.simulator.call import Call, End
from loadtest.simulator.clock import Act, Clock, Countdown
from loadtest.simulator.replica import Answer, Replica
from loadtest.simulator.rules import Rules
from loadtest.simulator.view import NOBODY, View
from loadtest.simulator.views import LeastOutstanding

_RIGHT = End.RIGHT
_STRIDE = 7919
"""A prime: each further attempt of a request draws its size this far from the one before."""


class Front:
    """All balancers. A request comes to one of them, drawn at random, and stays with it.

    Args:
        clock: of the simulation.
        views: what each balancer knows.
        rules: for failures.
        arrivals_s: when the requests come.
        sizes: how much longer each takes than usual; of mean 1.
        random: draws the balancer of each request.
    """

    def __init__(
        self,
        clock: Clock,
        views: Sequence[View],
        rules: Rules,
        arrivals_s: Sequence[float],
        sizes: Sequence[float],
        random: Random,
    ) -> None:
        # for life
        self.views, self._count = list(views), len(views)
        self._rules, self._arrivals_s, self._sizes = rules, arrivals_s, sizes
        self._random = random.random
        self._receive: list[Callable[[float, Call], None]] = []
        self._latest: list[Call | None] = [None] * len(arrivals_s)
        self._tries = bytearray(len(arrivals_s))
        self._queues: list[deque[int]] = [deque() for _ in views]
        self._clocks = self._countdowns(clock)
        self._budget = None if rules.budget is None else Budget(rules.budget)
        self._serving = False
        # Most of a simulation's time is spent between here and the replica: who never asks twice
        # takes the short way.
        patience_s = min(rules.timeout_s, rules.answer_timeout_s)
        self._patience = _countdown(clock, patience_s, self._timed_out, _is_closed)
        self.arrive: Callable[[float, int], None] = (
            self._arrive_once if rules.plain else self._arrive
        )
        """Takes a request in: the time, and which."""
        self.answer: Answer = self._answer_once if rules.plain else self._answer
        """Takes a call's end from its replica."""
        self.on_end: Callable[[float, Call, End], None] | None = None
        """Is told how each call ended; ejects who fails too often."""
        self._on_over: Callable[[float, int], None] | None = None
        # by request
        self.ends = bytearray(len(arrivals_s))
        self.latency_s = [math.inf] * len(arrivals_s)
        self.calls = 0
        """Attempts, all in all."""

    def connect(self, replicas: Sequence[Replica]) -> None:
        """Say who the replicas are."""
        self._receive = [replica.receive for replica in replicas]

    def tell_when_over(self, told: Callable[[float, int], None]) -> None:
        """Tell of every request's end: the time, and which. What is told may not ask at once."""
        self._on_over = told
        # The short way asks nobody who waits for it.
        self.arrive, self.answer = self._arrive, self._answer

    def _arrive_once(self, now: float, index: int) -> None:
        views = self.views
        view = views[0] if self._count == 1 else views[int(self._random() * self._count)]
        replica = view.choose_warily(now) if view.starting else view.choose(now)
        if replica == NOBODY:
            self.ends[index] = End.REFUSED
            return
        view.add(replica)
        call = Call(index, replica, view, self._sizes[index], now)
        self.calls += 1
        if self._patience is not None:
            self._patience.start(now, call)
        self._receive[replica](now, call)

    def _answer_once(self, now: float, call: Call, end: End) -> None:
        if not call.open:
            return
        call.open = False
        took_s = now - call.sent_s
        call.view.remove(call.replica, now, took_s)
        self.ends[call.index] = end
        if end is _RIGHT:
            self.latency_s[call.index] = took_s
        if self.on_end is not None:
            self.on_end(now, call, end)

    def _arrive(self, now: float, index: int) -> None:
        which = 0 if self._count == 1 else int(self._random() * self._count)
        if self._budget is not None:
            self._budget.active += 1
        if self._clocks[0] is not None:
            self._clocks[0].start(now, index)
        if self._clocks[2] is not None:
            self._clocks[2].start(now, (index, which))
        if self._rules.limit is not None:
            self._queues[which].append(index)
            self._serve_queue(now, which)
        else:
            self._send(now, index, self.views[which])

    def _answer(self, now: float, call: Call, end: End) -> None:
        if not call.open:
            return
        view, index = call.view, call.index
        self._close(now, call)
        if self._budget is not None:
            self._budget.observe(failed=end is not _RIGHT)
        if self.on_end is not None:
            self.on_end(now, call, end)
        if not self.ends[index]:
            if end is _RIGHT:
                self._end(now, index, end)
                self.latency_s[index] = now - self._arrivals_s[index]
                if call.before is not None or self._latest[index] is not call:
                    self._give_up(now, index)
                self._latest[index] = None
            else:
                self._failed(now, call, end)
        if self._rules.limit is not None:
            self._serve_queue(now, self.views.index(view))

    def _send(self, now: float, index: int, view: View, before: Call | None = None) -> None:
        replica = (
            view.choose_warily(now) if before is None else view.choose_other(now, before.replica)
        )
        if replica == NOBODY:
            if before is not None and self._budget is not None:
                self._budget.give_back()
            if before is None or not before.open:
                self._end(now, index, End.REFUSED)
            return
        size = self._sizes[index]
        if before is not None:
            self._tries[index] += 1
            size = self._sizes[(index + _STRIDE * self._tries[index]) % len(self._sizes)]
        view.add(replica)
        call = Call(index, replica, view, size, now)
        call.before = before
        self._latest[index] = call
        self.calls += 1
        if self._clocks[1] is not None:
            self._clocks[1].start(now, call)
        self._receive[replica](now, call)

    def _failed(self, now: float, call: Call, end: End) -> None:
        """Try again elsewhere, if that is allowed and no other attempt is under way."""
        index = call.index
        latest = self._latest[index]
        while latest is not None:
            if latest.open:
                return
            latest = latest.before
        again = end is not End.REFUSED or self._rules.retry_refused
        if again and self._tries[index] + 1 < self._rules.tries and self._may():
            self._send(now, index, call.view, call)
        else:
            self._end(now, index, end)

    def _serve_queue(self, now: float, which: int) -> None:
        view, queue = self.views[which], self._queues[which]
        if not isinstance(view, LeastOutstanding) or self._rules.limit is None:
            raise TypeError("a central queue needs the least outstanding")
        # A replica that refuses at once answers within `_send`: the loop goes on with the next.
        if self._serving:
            return
        self._serving = True
        while queue and view.ready and view.least() < self._rules.limit:
            index = queue.popleft()
            if not self.ends[index]:
                self._send(now, index, view)
        self._serving = False

    def _hedge(self, now: float, subject: tuple[int, int]) -> None:
        index, which = subject
        latest = self._latest[index]
        if latest is not None and latest.open and self._may():
            self._send(now, index, self.views[which], latest)

    def _timed_out(self, now: float, call: Call) -> None:
        self.answer(now, call, End.TIMEOUT)

    def _client_left(self, now: float, index: int) -> None:
        self._end(now, index, End.TIMEOUT)
        self._give_up(now, index)

    def _may(self) -> bool:
        """Return whether one more may be asked than requests came, and count it."""
        return self._budget is None or self._budget.take()

    def _end(self, now: float, index: int, end: End) -> None:
        self.ends[index] = end
        if self._budget is not None:
            self._budget.active -= 1
        if self._on_over is not None:
            self._on_over(now, index)

    def _close(self, now: float, call: Call) -> None:
        call.open = False
        call.view.remove(call.replica, now, now - call.sent_s)
        if self._budget is not None and call.before is not None:
            self._budget.give_back()

    def _give_up(self, now: float, index: int) -> None:
        """Close whatever attempts of a request are still open; replicas will not start them."""
        call = self._latest[index]
        while call is not None:
            if call.open:
                self._close(now, call)
            call = call.before

    def _countdowns(self, clock: Clock) -> tuple[Countdown | None, ...]:
        """Return the clocks of client, call and hedge; None for one that never rings."""
        rules = self._rules
        return (
            _countdown(clock, rules.timeout_s, self._client_left, self._is_over),
            _countdown(clock, rules.answer_timeout_s, self._timed_out, _is_closed),
            _countdown(clock, rules.hedge_s, self._hedge, self._is_pair_over),
        )

    def _is_over(self, index: int) -> bool:
        return bool(self.ends[index])

    def _is_pair_over(self, subject: tuple[int, int]) -> bool:
        return bool(self.ends[subject[0]])


def _is_closed(call: Call) -> bool:
    return not call.open


def _countdown(
    clock: Clock, delay_s: float, act: Act, over: Callable[[Any], bool]
) -> Countdown | None:
    return Countdown(clock, delay_s, act, over) if math.isfinite(delay_s) else None
