"""A loader whose workers answer at once, from this process: what remains is the API process."""

import asyncio
import os
import socket
import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from models.manifest import Manifest
from models.store import Store
from service.inference.limits import Limits
from service.inference.messages import (
    PREAMBLE,
    BatchResult,
    Kind,
    Media,
    PredictBatch,
    ResultEntry,
    Status,
    decode_predict,
    encode_result,
    frame,
    read_preamble,
)
from service.inference.process import LOADER, Forked, Loaded, LoaderProcess

CHANCES = (0.75, 0.25, 0.0)
"""What every row is answered; it is what the golden rows say, too."""
_PROBABILITIES = struct.pack("=3d", *CHANCES)
_PIECE_BYTES = 1 << 18


class ScriptedLoader(LoaderProcess):
    """Stands where `LoaderProcess` stands.

    Args:
        store: the store's folder; only manifests are read.
        limits: not used.
        on_ended: not used: no worker ends.
        on_gone: not used.
    """

    def __init__(
        self,
        store: Path,
        limits: Limits,
        on_ended: Callable[[int, int], None],
        on_gone: Callable[[], None],
    ) -> None:
        super().__init__(store, limits, on_ended, on_gone)
        self._read_from = Store(store)
        self._manifests: list[Manifest] = []
        self._workers: list[_Worker] = []

    def start(self) -> None:
        """Do nothing: there is no process."""

    @property
    def is_alive(self) -> bool:
        """Whether it still obeys: it does."""
        return True

    async def load(
        self, name: str, version: int, timeout_s: float, *, plain: bool = False
    ) -> Loaded:
        """Read the manifest, and nothing else."""
        del timeout_s, plain
        self._manifests.append(self._read_from.manifest(name, version))
        return Loaded(len(self._manifests) - 1, 1, {"ranges": (), "reason": "nothing computes"})

    def preload(self, modules: Sequence[str]) -> None:
        """Do nothing."""

    def fall_back(self, model: int, reason: str) -> None:
        """Do nothing."""

    def drop(self, models: Sequence[int]) -> None:
        """Do nothing."""

    async def branch(self, timeout_s: float, name: str = LOADER) -> "ScriptedLoader":
        """Return this loader: a standby that is never needed."""
        del timeout_s, name
        return self

    async def fork(self, worker: int, timeout_s: float) -> Forked:
        """Make a worker: a socket of which this process has both ends, and a process that waits.

        The pool wants to look after a process; nobody talks to that one.
        """
        del worker, timeout_s
        ours, theirs = socket.socketpair()
        scripted = _Worker(theirs, self._manifests)
        self._workers.append(scripted)
        asyncio.get_running_loop().add_reader(theirs, scripted.read)
        return Forked(scripted.process.pid, scripted.pidfd(), ours)

    async def stop(self, timeout_s: float) -> None:
        """End the processes that wait."""
        for worker in self._workers:
            worker.end(timeout_s)
        self._workers.clear()


class _Worker:
    """The far end of a worker's socket; it must read all that has come, and write at once."""

    def __init__(self, connection: socket.socket, manifests: Sequence[Manifest]) -> None:
        connection.setblocking(False)
        connection.sendall(b"".join(frame(Kind.READY)))
        self._connection = connection
        self._manifests = manifests
        self._buffer = b""
        self._pipes: list[int] = []
        self.process = subprocess.Popen(
            # Ends by itself when this process ends, however that may be.
            ["cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def read(self) -> None:
        piece = self._connection.recv(_PIECE_BYTES)
        if not piece:
            asyncio.get_running_loop().remove_reader(self._connection)
            return
        self._buffer += piece
        while len(self._buffer) >= PREAMBLE.size:
            kind, size = read_preamble(self._buffer)
            end = PREAMBLE.size + size
            if len(self._buffer) < end:
                return
            body, self._buffer = memoryview(self._buffer)[PREAMBLE.size : end], self._buffer[end:]
            self._answer(kind, body)

    def _answer(self, kind: Kind, body: memoryview) -> None:
        if kind is Kind.PREDICT:
            parts = encode_result(self._result(decode_predict(body)))
        else:
            parts = frame(Kind.PONG if kind is Kind.PING else kind)
        self._connection.sendall(b"".join(parts))

    def _result(self, batch: PredictBatch) -> BatchResult:
        if batch.entries[0].media is not Media.CELLS:  # the golden rows
            golden = self._manifests[batch.model].golden
            said = {"predictions": golden.predictions, "probabilities": golden.probabilities}
            entry = ResultEntry(0, Status.TEXT, orjson.dumps(said))
            return BatchResult(batch.batch, [entry])
        rows = sum(entry.rows for entry in batch.entries)
        return BatchResult(
            batch.batch,
            [ResultEntry(entry.rows, Status.ROWS, b"") for entry in batch.entries],
            labels=bytes(4 * rows),
            probabilities=_PROBABILITIES * rows,
            classes=len(CHANCES),
        )

    def pidfd(self) -> int:
        """Return what stands for a pidfd, which valgrind does not know: it never has an end."""
        reading, writing = os.pipe()
        self._pipes.append(writing)
        return reading

    def end(self, timeout_s: float) -> None:
        self._connection.close()
        if self.process.stdin is not None:
            self.process.stdin.close()
        for pipe in self._pipes:
            os.close(pipe)
        self.process.wait(timeout_s)
