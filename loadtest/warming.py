"""Before a load begins every worker of every real replica has answered: none is measured cold.

Replicas are asked directly, not through the balancer, with more requests outstanding than they have
workers. An answer does not say which worker it came from; so what is looked at is the CPU time of
the processes that the replica lists: a worker counts as heard when it has worked for as long as so
many of the fastest predictions take.
"""

import asyncio
import http.client
import json
import re
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from loadtest.connection import Connection, connect
from loadtest.http1 import Address, Reply
from loadtest.payload import Request

PATIENCE_S = 15.0
"""A worker that is not heard by then is told of; it may be that nothing keeps it busy."""
_ANSWER_S = 10.0
_PREDICT = re.compile(rb"predict;dur=([0-9.]+)")


class _Tally:
    """Answers of one replica and what they tell of its time."""

    def __init__(self) -> None:
        self.answers = 0
        self.fastest_s = float("inf")

    def add(self, reply: Reply) -> None:
        self.answers += 1
        found = _PREDICT.search(reply.header(b"server-timing"))
        if found is not None:
            self.fastest_s = min(self.fastest_s, float(found[1]) / 1000)


def warm(
    name: str, address: Address, requests: Sequence[Request], workers: int, answers: int
) -> list[str]:
    """Ask a replica until each of its workers has answered about `answers` requests.

    Args:
        name: of the replica, for the warning.
        address: where it listens.
        requests: what to ask, in turn; addressed to it.
        workers: how many it has.
        answers: of each worker.

    Returns:
        A warning for each worker that was not heard.
    """
    return asyncio.run(_warm(name, address, requests, workers, answers))


async def _warm(
    name: str, address: Address, requests: Sequence[Request], workers: int, answers: int
) -> list[str]:
    deadline_s = time.monotonic() + PATIENCE_S
    pids = await asyncio.to_thread(worker_pids, address)
    before_s = {pid: cpu_s(pid) for pid in pids}
    tally = _Tally()
    wires = cycle([request.wire for request in requests])

    def unheard() -> list[int]:
        needed_s = 0.0 if tally.fastest_s == float("inf") else answers * tally.fastest_s
        return [pid for pid in pids if cpu_s(pid) - before_s[pid] < needed_s]

    async def client() -> None:
        connection = await connect(address, _ANSWER_S)
        # A replica that does not answer is the load's to tell of.
        while isinstance(connection, Connection) and connection.usable:
            if time.monotonic() > deadline_s:
                break
            if tally.answers >= answers * workers and not unheard():
                break
            reply = await connection.ask(next(wires), _ANSWER_S)
            if not isinstance(reply, Reply) or reply.status != 200:
                break
            tally.add(reply)
        if isinstance(connection, Connection):
            connection.abort()

    async with asyncio.TaskGroup() as clients:
        for _ in range(2 * workers):
            clients.create_task(client())
    return [f"Worker {pid} of {name} was not heard before the load began." for pid in unheard()]


def worker_pids(address: Address, timeout_s: float = _ANSWER_S) -> list[int]:
    """Return the processes that a replica says predict; none if it does not say."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)
    try:
        connection.request("GET", "/v1/models")
        content = json.loads(connection.getresponse().read())
        return [int(pid) for pid in content["workers"]["pids"]]
    except (OSError, http.client.HTTPException, KeyError, TypeError, ValueError):
        return []
    finally:
        connection.close()


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process, to the nanosecond; infinity once it is gone."""
    try:
        spent_ns = Path(f"/proc/{pid}/schedstat").read_text(encoding="utf-8").split()[0]
    except (OSError, IndexError):
        return float("inf")
    return int(spent_ns) / 1e9
