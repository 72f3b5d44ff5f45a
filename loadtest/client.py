"""The generator's inside: paces a load, open or closed, and returns what became of it.

Chaos tests use `run_load` as a library, under the event loop that they already have.
"""

import asyncio
import random
import time
from bisect import bisect
from collections.abc import Sequence
from contextlib import suppress

from loadtest.http1 import Address
from loadtest.payload import Request
from loadtest.plan import ClosedPlan, OpenPlan, Share, cumulated_weights, plan
from loadtest.record import LoadResult, Outcome
from loadtest.scenario import Load
from loadtest.sending import Due, Sender, Target

_PAUSE_S = 0.01
"""After a refused or lost connection a closed loop's connection rests this long: a dead target
answers in microseconds, and an unpaced loop would count its own speed."""


async def run_load(
    target: Address,
    requests: Sequence[Request],
    load: Load,
    stop: asyncio.Event | None = None,
    source: str | None = None,
    share: Share | None = None,
) -> LoadResult:
    """Put a load on a target and return what happened to every request.

    Args:
        target: where to connect.
        requests: what to send; each request draws one of them by weight, with replacement.
        load: open or closed, and how much.
        stop: when set, nothing new is sent; what is outstanding is still waited for.
        source: the address that the target shall see as the client's.
        share: the part of the load that is ours; None: all of it.

    Raises:
        ScenarioError: a trace cannot be read.
        ValueError: there is nothing to send, or the sums do not hold.
    """
    if not requests:
        raise ValueError("there are no requests to send")
    share = share or Share()
    stop = stop or asyncio.Event()
    planned = plan(load, requests, share)
    sender = Sender(Target(target, load.timeout_s, source), requests, share)
    if isinstance(planned, ClosedPlan):
        await sender.warm(planned.connections)
    else:
        await sender.warm(min(planned.max_connections, 16))
    began_s = await sender.begin()
    cpu_s = time.process_time()
    if isinstance(planned, ClosedPlan):
        await _closed(sender, planned, began_s, cumulated_weights(requests), stop)
    else:
        await _open(sender, planned, began_s, stop)
    # What must make a number of requests, and no more, is over with the last of them.
    counted = isinstance(planned, ClosedPlan) and planned.at_least == planned.at_most
    return sender.result(
        time.process_time() - cpu_s, 0.0 if stop.is_set() or counted else load.duration_s
    )


async def _closed(
    sender: Sender,
    planned: ClosedPlan,
    began_s: float,
    weights: Sequence[float],
    stop: asyncio.Event,
) -> None:
    ends_s, gives_up_s = began_s + planned.ends_s, began_s + planned.gives_up_s
    draw = random.Random(repr(planned.seed))  # noqa: S311 - reproducible, not secret
    last = len(weights) - 1

    def goes_on() -> bool:
        now_s = time.monotonic()
        wanted = now_s < ends_s or sender.sent < planned.at_least
        return wanted and now_s < gives_up_s and sender.sent < planned.at_most and not stop.is_set()

    async def client() -> None:
        free_s = began_s
        while True:
            if planned.think_s:
                free_s += (
                    draw.expovariate(1 / planned.think_s)
                    if planned.exponential
                    else (planned.think_s)
                )
                with suppress(TimeoutError):
                    async with asyncio.timeout(free_s - time.monotonic()):
                        await stop.wait()
            if not goes_on():
                return
            pick = min(bisect(weights, draw.random() * weights[-1]), last)
            record = await sender.end(sender.take(pick, free_s if planned.think_s else None))
            free_s = time.monotonic()
            if record.outcome in {Outcome.LOST, Outcome.REFUSED}:
                await asyncio.sleep(_PAUSE_S)

    async with asyncio.TaskGroup() as clients:
        for _ in range(planned.connections):
            clients.create_task(client())


async def _open(sender: Sender, planned: OpenPlan, began_s: float, stop: asyncio.Event) -> None:
    slots = asyncio.Semaphore(planned.max_connections)

    async def request(due: Due) -> None:
        async with slots:
            await sender.end(due)

    # Bounded by the schedule, whose length the scenario bounds.
    async with asyncio.TaskGroup() as outstanding:
        for arrival_s, pick in zip(planned.starts_s, planned.picks, strict=True):
            with suppress(TimeoutError):
                # The task of the arrival before only writes when the loop turns, and a late pacer
                # must let it: a time-out of nothing still turns the loop once.
                async with asyncio.timeout(began_s + arrival_s - time.monotonic()):
                    await stop.wait()
            if stop.is_set():
                return
            outstanding.create_task(request(sender.take(pick, began_s + arrival_s)))
