"""The worker's loop, in a process that is forked for it."""

import os
import socket
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from service.codecs.cells import Cells
from service.inference.messages import (
    PREAMBLE,
    BatchResult,
    Kind,
    PredictBatch,
    ResultEntry,
    Status,
    encode_cells,
    frame,
    read_preamble,
)
from service.inference.worker import run_worker

LIMIT_S = 20.0
MODULE = "percore_imported_late"


class Importer:
    """A model that imports a module at its first prediction."""

    @property
    def predictor(self) -> "Importer":
        return self

    def watch(self, offer: Any) -> None:
        del offer

    def answer(self, batch: PredictBatch) -> BatchResult:
        import_module(MODULE)
        return BatchResult(batch.batch, [ResultEntry(0, Status.TEXT, b"{}")])


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Fork a worker with that model, and return its socket when it is ready."""
    (tmp_path / f"{MODULE}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        status = 1
        try:
            run_worker(theirs, [Importer()])  # type: ignore[list-item]
            status = 0
        finally:
            os._exit(status)
    theirs.close()
    ours.settimeout(LIMIT_S)
    assert received(ours) == (Kind.READY, b"")
    yield ours
    ours.close()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def received(connection: socket.socket) -> tuple[Kind, bytes]:
    kind, size = read_preamble(connection.recv(PREAMBLE.size, socket.MSG_WAITALL))
    return kind, connection.recv(size, socket.MSG_WAITALL) if size else b""


def imports(connection: socket.socket) -> list[str]:
    connection.sendall(b"".join(frame(Kind.IMPORTS)))
    kind, names = received(connection)
    assert kind is Kind.IMPORTS
    return names.decode().split()


def test_it_tells_what_it_imported_since_it_was_forked(worker: socket.socket) -> None:
    assert imports(worker) == []
    worker.sendall(b"".join(encode_cells(1, 0, [Cells(1, bytes(8))], [False])))
    assert received(worker)[0] is Kind.RESULT
    assert imports(worker) == [MODULE]
