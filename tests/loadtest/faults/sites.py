"""One replica that stands in for the real one, as faults find it."""

import http.client
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtest.child import Child
from loadtest.faults.site import Site, running_site
from loadtest.faults.tree import descendants
from loadtest.fleet import Replica, wait_ready
from loadtest.http1 import Address
from loadtest.scenario import Fleet
from loadtest.scenario.faults import (
    Fault,
)
from tests.loadtest.faults.ports import free_port

FAMILY = Path(__file__).with_name("family.py")


def wait_until(condition: Callable[[], bool], timeout_s: float = 15.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


@contextmanager
def replica_running(folder: Path, *faults: Fault) -> Iterator[tuple[Site, Address]]:
    """Run one replica, its site, and give the address that a front would ask."""
    address = Address("127.0.0.1", free_port())
    command = [sys.executable, str(FAMILY), str(address.port)]
    script = ["sh", "-c", f'cd "{folder}" && exec "$@"', "sh", *command]
    with Child("replica-0", script, folder) as child:
        replica = Replica("replica-0", address, child)
        wait_ready(replica, time.monotonic() + 20)
        wait_until(lambda: len(descendants(child.process.pid)) == 3)
        with running_site(Fleet(replicas=1), faults, [replica], folder) as (site, addresses):
            yield site, addresses[0][1]


def ask(address: Address, timeout_s: float = 5.0) -> int:
    """Send a prediction and return its status."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)
    try:
        connection.request("POST", "/v1/models/m:predict", body=b"{}")
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2][0]
