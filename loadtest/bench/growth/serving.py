"""One replica of Percore that is to be measured, and the time of one request."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from loadtest.bench.growth.results import Point
from loadtest.bench.sampling import ask, exchange
from loadtest.errors import ChildError
from loadtest.payload import Request
from loadtest.peers.server import Server, running_percore

_READY_S: Final = 300.0
_POLL_S: Final = 0.02
LEAST: Final = 5
"""Requests of which a median is made at least."""


@contextmanager
def serving(store: Path, workers: int, folder: Path, more: Sequence[str] = ()) -> Iterator[Server]:
    """Run a replica; it may not be ready yet."""
    folder.mkdir(parents=True, exist_ok=True)
    with running_percore(store, workers, folder, more) as server:
        yield server


def wait_right(server: Server, request: Request) -> float:
    """Wait until a request is answered rightly; return the seconds that it took.

    Raises:
        ChildError: it is not, in time.
    """
    began_s = time.monotonic()
    while fault := ask(server.address, request):
        if time.monotonic() - began_s > _READY_S or server.child.exit_code is not None:
            raise server.child.failure(f"gave no right answer: {fault}")
        time.sleep(_POLL_S)
    return time.monotonic() - began_s


def timed(server: Server, request: Request, rows: int, seconds: float) -> Point:
    """Return the median time of a request, one after the other, the connection's setup included.

    Raises:
        ChildError: an answer is not right, or not good.
    """
    fault = ask(server.address, request)
    if fault:
        raise ChildError(f"The answer to {rows:,} rows is not right: {fault}.")
    times_s: list[float] = []
    until_s = time.monotonic() + seconds
    while len(times_s) < LEAST or time.monotonic() < until_s:
        began_s = time.perf_counter()
        status, _ = exchange(server.address, request)
        times_s.append(time.perf_counter() - began_s)
        if status != 200:
            raise ChildError(f"{rows:,} rows were answered with status {status}.")
    return Point(size=rows, value=median(times_s), low=min(times_s), high=max(times_s))
