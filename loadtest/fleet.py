"""The replicas: real services on this machine, each a process with a port of its own."""

import http.client
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtest.child import Child
from loadtest.http1 import Address
from loadtest.scenario import Fleet

HOST = "127.0.0.1"
READY_PATH = "/health/ready"

_POLL_S = 0.05
_ANSWER_S = 1.0


@dataclass(frozen=True)
class Replica:
    """One running replica."""

    name: str
    address: Address
    child: Child


@contextmanager
def running_fleet(fleet: Fleet, folder: Path) -> Iterator[list[Replica]]:
    """Start the replicas, wait until all are ready, and end them all on leaving.

    Args:
        fleet: how many, and of what.
        folder: where their logs go.

    Raises:
        ChildError: one ended or was not ready in time.
    """
    with ExitStack() as stack:
        replicas = []
        for index in range(fleet.replicas):
            address = Address(HOST, _free_port())
            child = Child(
                f"replica-{index}",
                replica_command(fleet, address),
                folder,
                stop_timeout_s=fleet.stop_timeout_s,
            )
            replicas.append(Replica(child.name, address, stack.enter_context(child)))
        deadline_s = time.monotonic() + fleet.ready_timeout_s
        for replica in replicas:
            wait_ready(replica, deadline_s)
        try:
            yield replicas
        finally:
            # All at once: they drain side by side, and each is waited for on leaving the stack.
            for replica in replicas:
                replica.child.terminate()


def replica_command(fleet: Fleet, address: Address) -> list[str]:
    """Return the command line of one replica."""
    options = {
        "--store": str(fleet.store),
        "--host": address.host,
        "--port": str(address.port),
        "--workers": str(fleet.workers),
        "--drain-delay-s": "0",  # the balancer ends with them: nobody has to be told in time
    }
    return [sys.executable, "-m", "service", *(part for pair in options.items() for part in pair)]


def wait_ready(replica: Replica, deadline_s: float) -> None:
    """Wait until the replica says that it is ready.

    Args:
        replica: a started replica.
        deadline_s: by time.monotonic().

    Raises:
        ChildError: it ended, or the deadline passed.
    """
    while not _is_ready(replica.address):
        code = replica.child.exit_code
        if code is not None:
            raise replica.child.failure(f"ended with code {code} before it was ready")
        if time.monotonic() > deadline_s:
            raise replica.child.failure("was not ready in time")
        time.sleep(_POLL_S)


def _is_ready(address: Address) -> bool:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=_ANSWER_S)
    try:
        connection.request("GET", READY_PATH)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
