"""Where faults happen: the replicas as they run now, and what stands between them and the front."""

import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from loadtest.child import Child
from loadtest.faults.pipe import Weather
from loadtest.fleet import Replica, wait_ready
from loadtest.front import Front
from loadtest.http1 import Address
from loadtest.pinning import pinned
from loadtest.scenario import Fleet
from loadtest.scenario.faults import SHIMMED, Fault, fault_replica

_ORDER_S = 10.0


class Site:
    """The fleet while faults happen; everything that it starts, it ends on leaving.

    Args:
        fleet: for how long a replica may take.
        replicas: as they were started.
        shims: by replica, for those that need one.
        folder: where logs go.
    """

    def __init__(
        self,
        fleet: Fleet,
        replicas: Sequence[Replica],
        shims: dict[str, Child],
        folder: Path,
        stack: ExitStack,
    ) -> None:
        self.fleet = fleet
        self.folder = folder
        self.stack = stack
        self.front: Front | None = None
        self.swap: tuple[str, int] | None = None
        """Model and version that swap_version promotes."""
        self.ended_on_purpose: set[str] = set()
        """Names of processes that a fault ended."""
        self._replicas = {replica.name: replica for replica in replicas}
        self._shims = shims
        self._talking = threading.Lock()
        self._starts = dict.fromkeys(self._replicas, 1)

    @property
    def names(self) -> list[str]:
        return list(self._replicas)

    @property
    def children(self) -> list[Child]:
        """Every replica's process of now, and the shims."""
        return [each.child for each in self._replicas.values()] + list(self._shims.values())

    def child(self, replica: str) -> Child:
        """Return the process that is the replica now."""
        return self._replicas[replica].child

    def pid(self, replica: str) -> int:
        return self.child(replica).process.pid

    def end(self, replica: str) -> None:
        """Take note that a fault ends a replica's process."""
        self.ended_on_purpose.add(self.child(replica).name)

    def restart(self, replica: str) -> None:
        """Start a replica anew, at the same address, and wait until it is ready.

        Raises:
            ChildError: it is not ready in time.
        """
        old = self._replicas[replica]
        self._starts[replica] += 1
        child = old.child.again(f"{replica}-start-{self._starts[replica]}")
        with pinned(self.fleet.cores_of(self.names.index(replica))):
            self.stack.enter_context(child)
        self._replicas[replica] = Replica(replica, old.address, child)
        wait_ready(self._replicas[replica], time.monotonic() + self.fleet.ready_timeout_s)

    def weather(self, replica: str, weather: Weather) -> None:
        """Change what happens between the balancer and a replica."""
        shim = self._shims[replica]
        with self._talking:
            shim.write_line(json.dumps(asdict(weather)))
            if shim.read_line(_ORDER_S) != "DONE":
                raise shim.failure("did not do what it was told")

    def drain(self, replica: str, timeout_s: float) -> None:
        """Have the front give a replica nothing new, if it can."""
        if self.front is not None:
            with self._talking:
                self.front.drain(replica, timeout_s)

    def undrain(self, replica: str) -> None:
        """Have the front give a replica requests again."""
        if self.front is not None:
            with self._talking:
                self.front.undrain(replica)


@contextmanager
def running_site(
    fleet: Fleet, faults: Sequence[Fault], replicas: Sequence[Replica], folder: Path
) -> Iterator[tuple[Site, list[tuple[str, Address]]]]:
    """Put shims before the replicas that need one; give the site, and where the front shall ask."""
    shimmed = {fault_replica(fault) for fault in faults if isinstance(fault, SHIMMED)}
    shims: dict[str, Child] = {}
    addresses: list[tuple[str, Address]] = []
    with ExitStack() as stack:
        for number, replica in enumerate(replicas):
            address = replica.address
            if replica.name in shimmed:
                command = [sys.executable, "-m", "loadtest.faults.shim"]
                command += [address.host, str(address.port), str(number)]
                shim = Child(f"shim-{replica.name}", command, folder, piped=True)
                shims[replica.name] = stack.enter_context(shim)
                word, _, port = shim.read_line(_ORDER_S).partition(" ")
                if word != "READY":
                    raise shim.failure("did not say READY")
                address = Address("127.0.0.1", int(port))
            addresses.append((replica.name, address))
        yield Site(fleet, replicas, shims, folder, stack), addresses
