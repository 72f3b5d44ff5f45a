"""The replicas: real services or emulated ones, each with a port of its own on this machine."""

import http.client
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtest.child import Child
from loadtest.emulated.answers import Table
from loadtest.emulated.config import EmulatedConfig, ServiceLaw
from loadtest.emulated.service_time import read_table
from loadtest.http1 import Address
from loadtest.pinning import pinned
from loadtest.scenario import Emulated, Fleet

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
    """Its process; several emulated replicas may share one."""


@contextmanager
def running_fleet(
    fleet: Fleet, folder: Path, answers: Table | None = None
) -> Iterator[list[Replica]]:
    """Start the replicas, wait until all are ready, and end them all on leaving.

    Args:
        fleet: how many, and of what.
        folder: where their logs go.
        answers: what emulated replicas answer from.

    Raises:
        ChildError: one ended or was not ready in time.
        ScenarioError: a core or a table of the scenario is not there.
    """
    with ExitStack() as stack:
        if fleet.emulated is None:
            replicas = [_real(fleet, index, folder, stack) for index in range(fleet.replicas)]
        else:
            replicas = _emulated(fleet, fleet.emulated, answers or {}, folder, stack)
        deadline_s = time.monotonic() + fleet.ready_timeout_s
        for replica in replicas:
            wait_ready(replica, deadline_s)
        try:
            yield replicas
        finally:
            # All at once: they drain side by side, and each is waited for on leaving the stack.
            for child in {id(replica.child): replica.child for replica in replicas}.values():
                child.terminate()


def replica_command(fleet: Fleet, address: Address) -> list[str]:
    """Return the command line of one real replica."""
    options = {
        "--store": str(fleet.store),
        "--host": address.host,
        "--port": str(address.port),
        "--workers": str(fleet.workers),
        "--drain-delay-s": "0",  # the balancer ends with them: nobody has to be told in time
    }
    return [sys.executable, "-m", "service", *(part for pair in options.items() for part in pair)]


def _real(fleet: Fleet, index: int, folder: Path, stack: ExitStack) -> Replica:
    address = Address(HOST, _free_ports(1)[0])
    child = Child(
        f"replica-{index}",
        replica_command(fleet, address),
        folder,
        stop_timeout_s=fleet.stop_timeout_s,
    )
    with pinned(fleet.cores_of(index)):
        return Replica(child.name, address, stack.enter_context(child))


def _emulated(
    fleet: Fleet, emulated: Emulated, answers: Table, folder: Path, stack: ExitStack
) -> list[Replica]:
    measured = read_table(emulated.table) if emulated.table is not None else {}
    law = ServiceLaw(emulated.base_s, emulated.row_s, emulated.law, emulated.cv, measured)
    ports = _free_ports(fleet.replicas)
    replicas = []
    for first in range(0, fleet.replicas, emulated.replicas_per_process):
        mine = range(first, min(first + emulated.replicas_per_process, fleet.replicas))
        config = EmulatedConfig(
            host=HOST,
            ports={f"replica-{index}": ports[index] for index in mine},
            workers=fleet.workers,
            max_batch_rows=emulated.max_batch_rows,
            max_queue=emulated.max_queue,
            seed=emulated.seed,
            service=law,
            answers=answers,
        )
        child = _emulated_child(config, _name(mine), folder, fleet.stop_timeout_s)
        with pinned(fleet.cores_of(first // emulated.replicas_per_process)):
            stack.enter_context(child)
        replicas += [
            Replica(name, Address(HOST, port), child) for name, port in config.ports.items()
        ]
    return replicas


def _name(replicas: Sequence[int]) -> str:
    alone = len(replicas) == 1
    return f"replica-{replicas[0]}" if alone else f"replicas-{replicas[0]}-{replicas[-1]}"


def _emulated_child(
    config: EmulatedConfig, name: str, folder: Path, stop_timeout_s: float
) -> Child:
    path = folder / f"{name}.json"
    config.write(path)
    command = [sys.executable, "-m", "loadtest.emulated", str(path)]
    return Child(name, command, folder, stop_timeout_s=stop_timeout_s)


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


def _free_ports(count: int) -> list[int]:
    """Return ports that are free; all are held until the last is found, lest one come twice."""
    with ExitStack() as stack:
        ports = []
        for _ in range(count):
            probe = stack.enter_context(socket.socket())
            probe.bind((HOST, 0))
            ports.append(int(probe.getsockname()[1]))
        return ports
