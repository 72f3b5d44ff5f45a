"""Start, memory and rate over the number of models, 1 to 100, all of them served and asked."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from loadtest.artefact import read_artefact
from loadtest.bench.asking import Asking, asking
from loadtest.bench.cells import CELLS
from loadtest.bench.growth.results import Curve, Point, slope
from loadtest.bench.growth.serving import serving, wait_right
from loadtest.bench.shelf import Shelf, Stored
from loadtest.bench.wrk import Measured, has_wrk, run_wrk, write_wires
from loadtest.errors import ChildError
from loadtest.payload import Request
from loadtest.peers.tagged import pss_bytes, tagged

MODEL: Final = "iris"
SIZES: Final = (1, 3, 10, 30, 100)
_CONNECTIONS: Final = 64
_ASKED_OF_EACH: Final = 5
"""Different requests to each model."""


def models_curves(
    shelf: Shelf, workers: int, seconds: int, folder: Path, tell: Callable[[str], None]
) -> Iterator[tuple[str, Curve]]:
    """Yield start, memory and rate.

    Raises:
        ChildError: there is no wrk, the service does not start, or requests fail.
    """
    if not has_wrk():
        raise ChildError("The rate over models takes wrk, which is not installed (Debian: wrk).")
    asked = asking(shelf.stored(MODEL), CELLS["c1"])
    starts, memories, rates = [], [], []
    for size in SIZES:
        tell(f"{size} models")
        store = folder / f"store-{size}"
        copies = copied(shelf.store(MODEL), store, size)
        start_s, measured, memory = _served(store, copies, asked, workers, seconds)
        if measured.errors:
            raise ChildError(f"With {size} models requests failed: {measured.errors}.")
        starts.append(_point(size, start_s))
        memories.append(_point(size, memory / (1 << 20)))
        rates.append(_point(size, measured.rate_per_s))
    note = f"copies of {MODEL}, each asked as often; {_CONNECTIONS} connections, 1 row as JSON"
    for key, words, unit, points in (
        ("models-start", "start until each has answered rightly", "s", starts),
        ("models-memory", "memory of all processes after the load", "MB", memories),
        ("models-rate", "right answers a second", "/s", rates),
    ):
        yield (
            key,
            Curve(
                grows="models",
                measured=words,
                unit=unit,
                points=points,
                slope=slope(points),
                note=note,
            ),
        )


def _served(
    store: Path, copies: list[Stored], asked: Asking, workers: int, seconds: int
) -> tuple[float, Measured, int]:
    """Return the seconds of the start, what the load saw, and the bytes after it."""
    folder = store.parent / f"{store.name}-run"
    began_s = time.monotonic()
    with serving(store, workers, folder) as server:
        requests: list[Request] = []
        answers = asked.answers[:_ASKED_OF_EACH]
        for copy in copies:
            few = Asking(copy, "json", asked.batches[:_ASKED_OF_EACH], answers)
            requests += few.of_percore(server.address)
        for request in requests[::_ASKED_OF_EACH]:
            wait_right(server, request)
        start_s = time.monotonic() - began_s
        write_wires([each.wire for each in requests], folder / "wires")
        run_wrk(server.address, folder / "wires", _CONNECTIONS, 1)
        measured = run_wrk(server.address, folder / "wires", _CONNECTIONS, seconds)
        return start_s, measured, pss_bytes(tagged(server.tag))


def copied(origin: Path, store: Path, size: int) -> list[Stored]:
    """Return the one model of a store, in another store under so many names."""
    copies = []
    for number in range(size):
        name = f"{MODEL}-{number:03}"
        shutil.copytree(origin / MODEL, store / name)
        for path in (store / name).glob("*/manifest.json"):
            manifest = json.loads(path.read_bytes())
            path.chmod(0o644)
            path.write_text(json.dumps(manifest | {"name": name}), encoding="utf-8")
        copies.append(Stored(read_artefact(store, name), []))
    return copies


def _point(size: int, value: float) -> Point:
    return Point(size=size, value=value, low=value, high=value)
