"""The generator's inside: puts a load, open or closed, on a target, and returns what came of it.

Chaos tests use `run_load` as a library, under the event loop that they already have.
"""

import asyncio
import time
from collections.abc import Sequence

from loadtest.closed_loop import ClosedLoop
from loadtest.http1 import Address
from loadtest.open_loop import OpenLoop
from loadtest.payload import Request
from loadtest.plan import ClosedPlan, OpenPlan, Share, cumulated_weights, plan
from loadtest.record import LoadResult
from loadtest.recording import Recorder
from loadtest.scenario import Load
from loadtest.sending import Sender, Target

_WARM_CONNECTIONS = 16
"""An open loop has so many before its clock starts; it opens more as it needs them."""


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
    recorder = Recorder(requests, share)
    to = Target(target, load.timeout_s, planned.max_connections, source)
    sender = Sender(to, [request.wire for request in requests], recorder)
    try:
        await sender.warm(_warm(planned))
        began_s = time.monotonic() if share.start is None else await share.start()
        cpu_s = time.process_time()
        await _paced(sender, planned, cumulated_weights(requests), began_s, stop)
        cpu_s = time.process_time() - cpu_s
    finally:
        sender.close()
    records = await recorder.records(began_s)
    last_s = max((record.done_s for record in records), default=0.0)
    # What must make a number of requests, and no more, is over with the last of them.
    counted = isinstance(planned, ClosedPlan) and planned.at_least == planned.at_most
    planned_s = 0.0 if stop.is_set() or counted else load.duration_s
    result = LoadResult(recorder.taken, records, max(last_s, planned_s), cpu_s)
    _ = result.counts  # raises if the sums do not hold
    return result


def _warm(planned: OpenPlan | ClosedPlan) -> int:
    """Return how many connections are there before the clock starts."""
    if isinstance(planned, ClosedPlan):
        return planned.max_connections
    return min(planned.max_connections, _WARM_CONNECTIONS)


async def _paced(
    sender: Sender,
    planned: OpenPlan | ClosedPlan,
    weights: Sequence[float],
    began_s: float,
    stop: asyncio.Event,
) -> None:
    """Put the load on, until it is over."""
    loop = (
        ClosedLoop(sender, planned, weights, began_s, stop)
        if isinstance(planned, ClosedPlan)
        else OpenLoop(sender, planned, began_s, stop)
    )

    async def stopped() -> None:
        await stop.wait()
        loop.stop()

    stopping = asyncio.create_task(stopped())
    try:
        loop.begin()
        await sender.over
    finally:
        stopping.cancel()
        loop.close()
