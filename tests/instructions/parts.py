"""The parts whose instructions are counted, one after the other in one process.

Run as a program, under callgrind without counting from the start: `python -m
tests.instructions.parts FOLDER`. What each part does is warm by then: it was done before.
"""

import asyncio
import hashlib
import json
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import uvloop

import service.batching.batcher
import service.builder
import service.inference.pool
import service.protocols.edge_state
from models.manifest import Manifest
from service.app import serve
from service.codecs.cells import CellPacker
from service.inference.messages import encode_cells
from service.inference.model import Model
from service.inference.worker import run_worker
from service.log import configure_logging
from service.settings import Settings
from tests.instructions.asking import Wave
from tests.instructions.counting import UNITS
from tests.instructions.instrumentation import counted
from tests.instructions.reference import reference
from tests.instructions.scripted import CHANCES, ScriptedLoader

MANIFEST: Final = Path(__file__).with_name("iris.json")
ROW: Final = (5.1, 3.5, 1.4, 0.2)
BODY: Final = json.dumps({"instances": [ROW]}).encode()
HOST: Final = "127.0.0.1"
START_S: Final = 120.0
WARMING: Final = 3
NEVER_S: Final = 3600.0


def main() -> None:
    """Do each part twice, and count the second time."""
    reference(UNITS["reference"] // 10)
    with counted("reference"):
        reference(UNITS["reference"])
    manifest = Manifest.model_validate_json(MANIFEST.read_bytes())
    for rows in (1, 64):
        name = f"batch-of-{rows}"
        work(manifest, rows, WARMING)
        model, frames = prepared(manifest, rows, UNITS[name])
        with counted(name):
            run_worker(frames, [model])
    # As the command line does, whose log goes to standard error.
    vars(service.builder)["LoaderProcess"] = ScriptedLoader
    vars(signal)["pidfd_send_signal"] = unheard
    stop_clocks()
    configure_logging("info")
    uvloop.run(ask(stored(manifest, Path(sys.argv[1]))))


def stop_clocks() -> None:
    """Let nothing be done every so often: how often in a request is a matter of the machine."""
    vars(service.batching.batcher)["SWEEP_S"] = NEVER_S
    vars(service.protocols.edge_state)["SWEEP_S"] = NEVER_S
    vars(service.inference.pool)["PING_EVERY_S"] = NEVER_S


def unheard(pidfd: int, number: int) -> None:
    """Stand for the signal to a process by its pidfd, which valgrind does not know."""
    del pidfd, number


def stored(manifest: Manifest, folder: Path) -> Path:
    """Return a store with this one version, of a model that is empty: nobody loads it."""
    version = folder / "store" / manifest.name / str(manifest.version)
    version.mkdir(parents=True)
    (version / "model.joblib").touch()
    entry = {"sha256": hashlib.sha256(b"").hexdigest(), "size_bytes": 0}
    content = json.loads(manifest.model_dump_json()) | {"files": {"model.joblib": entry}}
    (version / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    aliases = json.dumps({"production": manifest.version})
    (version.parent / "aliases.json").write_text(aliases, encoding="utf-8")
    return folder / "store"


async def ask(store: Path) -> None:
    """Serve, ask from this very loop, and count."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    # How many requests are logged, whether the queue looks long to a slowed process, and how often
    # the store is looked at, are matters of time, and would be of the machine.
    settings = Settings(
        store=store,
        host=HOST,
        port=port,
        workers=1,
        drain_delay_s=0,
        access_log_per_s=0,
        max_queue_wait_s=60,
        watch_store_s=0,
    )
    serving = asyncio.create_task(serve(settings))
    head = (
        f"POST /v1/models/iris:predict?probabilities=true HTTP/1.1\r\nHost: {HOST}:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    request = head.encode() + BODY
    await served(port, request, serving)
    for name, connections in (("request-alone", 1), ("request-of-64", 64)):
        wave = Wave(HOST, port, request)
        await wave.connect(connections)
        await wave.run(WARMING * 5)
        with counted(name):
            await wave.run(UNITS[name] // connections)
        wave.close()
    serving.cancel()


async def served(port: int, request: bytes, serving: "asyncio.Task[int]") -> None:
    """Wait until a request is answered.

    Raises:
        TimeoutError: it is not, in time.
        RuntimeError: the service ended.
    """
    async with asyncio.timeout(START_S):
        while True:
            await asyncio.sleep(0.2)
            if serving.done():
                raise RuntimeError(f"the service ended with code {serving.result()}")
            wave = Wave(HOST, port, request)
            try:
                await wave.connect(1)
                await wave.run(1)
            except (OSError, RuntimeError):
                continue
            finally:
                wave.close()
            return


class ScriptedEstimator:
    """Answers every row the same: the model's own computing is not what is counted."""

    def __init__(self, rows: int) -> None:
        self._chances = np.tile(np.array(CHANCES), (rows, 1))
        self._labels = np.zeros(rows, np.int64)

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        return self._labels[: len(X)]

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        return self._chances[: len(X)]


def work(manifest: Manifest, rows: int, batches: int) -> None:
    """Let a worker answer so many batches."""
    model, frames = prepared(manifest, rows, batches)
    run_worker(frames, [model])


def prepared(manifest: Manifest, rows: int, batches: int) -> tuple[Model, socket.socket]:
    """Return a model, and a worker's end of a socket on which all batches have come.

    All frames and all answers fit into the socket's buffers; its other end is closed for writing,
    so that the worker ends after them, and stays open for what it writes.
    """
    ours, theirs = socket.socketpair()
    for number in range(batches):
        ours.sendall(b"".join(batch(manifest, number, rows)))
    ours.shutdown(socket.SHUT_WR)
    _open.append(ours)
    return Model(ScriptedEstimator(rows), manifest, 100_000, 16_000_000), theirs


_open: list[socket.socket] = []


def batch(manifest: Manifest, number: int, rows: int) -> Sequence[bytes]:
    """Return the frame of so many requests of one row."""
    if manifest.input.kind != "tabular":
        raise TypeError("the manifest is of a table")
    cells = CellPacker(manifest.input).pack([ROW])
    return encode_cells(number, 0, [cells] * rows, [True] * rows)


if __name__ == "__main__":
    main()
