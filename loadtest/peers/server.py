"""Starting and ending a peer, and Percore beside it."""

import http.client
import os
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtest.artefact import Artefact
from loadtest.child import Child
from loadtest.fleet import HOST
from loadtest.http1 import Address
from loadtest.peers.catalogue import SHARED, Peer
from loadtest.peers.environment import python_of
from loadtest.peers.ports import free_ports
from loadtest.peers.tagged import TAG, kill_tagged

_STOP_S: Final = 15.0
_POLL_S: Final = 0.1
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_QUIET: Final = {
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "1",
    "GIT_PYTHON_REFRESH": "quiet",
    "LITSERVE_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
}


@dataclass(frozen=True)
class Server:
    """A running server."""

    name: str
    address: Address
    child: Child
    tag: str
    """In the environment of all its processes."""


@contextmanager
def running_peer(peer: Peer, artefact: Artefact, workers: int, folder: Path) -> Iterator[Server]:
    """Run a peer with a stored model; it and everything that it started end on leaving.

    Raises:
        ChildError: its environment cannot be made.
    """
    python = python_of(peer)
    tag = uuid.uuid4().hex
    scratch = folder / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    ports = free_ports(3)
    settings = {
        **dict.fromkeys(_THREADS, "1"),
        **_QUIET,
        "PEER_BATCH": "1",
        **peer.environment,
        "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(SHARED.resolve()),
        "PEER_MODEL": str(artefact.path),
        "PEER_WORKERS": str(workers),
        "PEER_FOLDER": str(scratch.resolve()),
        "PEER_PORT": str(ports[0]),
        "PEER_PORT_2": str(ports[1]),
        "PEER_PORT_3": str(ports[2]),
        TAG: tag,
    }
    there = ["-C", str(peer.app.parent)]
    command = with_settings(settings, [str(python), peer.app.name], there)
    try:
        with Child(peer.name, command, folder, stop_timeout_s=_STOP_S) as child:
            yield Server(peer.name, Address(HOST, ports[0]), child, tag)
    finally:
        kill_tagged(tag)


@contextmanager
def running_percore(
    store: Path, workers: int, folder: Path, more: Sequence[str] = ()
) -> Iterator[Server]:
    """Run one replica of Percore, without a balancer: its peers have none either.

    Args:
        store: with the models.
        workers: worker processes.
        folder: for its log.
        more: further options of `python -m service`.
    """
    (port,) = free_ports(1)
    tag = uuid.uuid4().hex
    options = ["--store", str(store), "--host", HOST, "--port", str(port)]
    options += ["--workers", str(workers), "--drain-delay-s", "0", *more]
    settings = {**dict.fromkeys(_THREADS, "1"), TAG: tag}
    command = with_settings(settings, [sys.executable, "-m", "service", *options])
    try:
        with Child("percore", command, folder, stop_timeout_s=_STOP_S) as child:
            yield Server("percore", Address(HOST, port), child, tag)
    finally:
        kill_tagged(tag)


def with_settings(
    settings: Mapping[str, str], command: Sequence[str], options: Sequence[str] = ()
) -> list[str]:
    """Return a command line that runs a command with these environment variables set."""
    return ["env", *options, *(f"{name}={value}" for name, value in settings.items()), *command]


def wait_answer(server: Server, path: str, body: bytes, patience_s: float) -> None:
    """Wait until the server answers a prediction with 200.

    Raises:
        ChildError: it ended, or gave no good answer in time.
    """
    deadline_s = time.monotonic() + patience_s
    status = 0
    while status != 200:
        code = server.child.exit_code
        if code is not None:
            raise server.child.failure(f"ended with code {code} before it answered")
        if time.monotonic() > deadline_s:
            last = f"its last status was {status}" if status else "it took no connection"
            raise server.child.failure(f"gave no good answer in {patience_s:g} s: {last}")
        time.sleep(_POLL_S)
        status = _status(server.address, path, body)


def _status(address: Address, path: str, body: bytes) -> int:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=10.0)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0
    else:
        return answer.status
    finally:
        connection.close()
