"""Rate, latency and memory over connections, 1 to 10,000, all of them asking all the time."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from loadtest.bench.asking import asking
from loadtest.bench.cells import CELLS
from loadtest.bench.growth.results import Curve, Point, slope
from loadtest.bench.growth.serving import serving, wait_right
from loadtest.bench.shelf import Shelf
from loadtest.bench.wrk import Measured, has_wrk, run_wrk, write_wires
from loadtest.errors import ChildError
from loadtest.peers.server import Server
from loadtest.peers.tagged import pss_bytes, tagged

MODEL: Final = "iris"
SIZES: Final = (1, 10, 100, 1_000, 10_000)
_OPENED_PER_S: Final = 1_000
ROOM: Final = ("--max-connections", "12000", "--max-waiting", "16384", "--max-queue-wait-s", "30")
"""By default more than 4,096 waiting requests are refused, which would make the curve look flat."""


def connections_curves(
    shelf: Shelf, workers: int, seconds: int, folder: Path, tell: Callable[[str], None]
) -> Iterator[tuple[str, Curve]]:
    """Yield rate, 99th percentile and memory.

    Raises:
        ChildError: there is no wrk, the service does not start, or requests fail.
    """
    if not has_wrk():
        raise ChildError("10,000 connections take wrk, which is not installed (Debian: wrk).")
    asked = asking(shelf.stored(MODEL), CELLS["c1"])
    rates, p99s, memories = [], [], []
    with serving(shelf.store(MODEL), workers, folder, ROOM) as server:
        requests = asked.of_percore(server.address)
        wait_right(server, requests[0])
        write_wires([each.wire for each in requests], folder / "wires")
        run_wrk(server.address, folder / "wires", 64, 1)
        for size in SIZES:
            tell(f"{size:,} connections")
            # They have to be opened first, and that is not what is measured.
            long = max(seconds, size // _OPENED_PER_S)
            measured, memory = _loaded(server, folder / "wires", size, long)
            if measured.errors:
                raise ChildError(f"At {size:,} connections requests failed: {measured.errors}.")
            rates.append(_point(size, measured.rate_per_s))
            p99s.append(_point(size, measured.p99_s))
            memories.append(_point(size, memory / (1 << 20)))
    note = f"{MODEL}, 1 row as JSON, a closed loop; {' '.join(ROOM)}"
    for key, measured_words, unit, points in (
        ("connections-rate", "right answers a second", "/s", rates),
        ("connections-p99", "99th percentile of the latency", "s", p99s),
        ("connections-memory", "memory of all processes while they are open", "MB", memories),
    ):
        yield (
            key,
            Curve(
                grows="connections",
                measured=measured_words,
                unit=unit,
                points=points,
                slope=slope(points),
                note=note,
            ),
        )


def _point(size: int, value: float) -> Point:
    return Point(size=size, value=value, low=value, high=value)


def _loaded(server: Server, wires: Path, size: int, seconds: int) -> tuple[Measured, int]:
    """Load the server, and look at its memory in the middle of it."""
    memory: list[int] = []

    def look() -> None:
        time.sleep(seconds / 2)
        memory.append(pss_bytes(tagged(server.tag)))

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    measured = run_wrk(server.address, wires, size, seconds)
    looking.join(timeout=seconds + 10.0)
    if not memory:
        raise ChildError("The memory of the service could not be read in time.")
    return measured, memory[0]
