"""What stands in front of the replicas of a run: our balancer, nginx, HAProxy, or nothing."""

import http.client
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtest.balancer.config import BalancerConfig
from loadtest.balancer.config import Replica as Upstream
from loadtest.child import Child
from loadtest.http1 import Address
from loadtest.pinning import pinned
from loadtest.proxies.haproxy import haproxy_command, haproxy_order, haproxy_version
from loadtest.proxies.nginx import nginx_command, nginx_version
from loadtest.proxies.plan import Plan
from loadtest.scenario.balancing import Balancing

_HOST = "127.0.0.1"
_READY_S = 20.0
_POLL_S = 0.02


@dataclass(frozen=True)
class Front:
    """Where requests go, and who takes them there."""

    address: Address
    product: str
    """What the report calls it, with its version."""
    child: Child | None = None
    events: Path | None = None
    """Where our own balancer writes what it sees of the replicas."""
    plan: Plan | None = None
    """What HAProxy was configured from."""

    @property
    def children(self) -> list[Child]:
        """Its processes."""
        return [] if self.child is None else [self.child]

    def drain(self, replica: str, timeout_s: float) -> bool:
        """Give a replica nothing new; with our own balancer, wait for what it has.

        Returns:
            Whether the front can do that at all.
        """
        if self.events is not None and self.child is not None:
            self.child.write_line(f"drain {replica} {timeout_s}")
            self.child.read_line(timeout_s + _READY_S)
            return True
        if self.plan is not None:
            haproxy_order(self.plan, f"set server fleet/{replica} state drain")
            return True
        return False

    def undrain(self, replica: str) -> None:
        """Let a replica have requests again."""
        if self.events is not None and self.child is not None:
            self.child.write_line(f"undrain {replica}")
            self.child.read_line(_READY_S)
        elif self.plan is not None:
            haproxy_order(self.plan, f"set server fleet/{replica} state ready")


@dataclass(frozen=True)
class FrontFigures:
    """What the front says of itself after a run."""

    product: str
    totals: dict[str, Any] = field(default_factory=dict)
    """Our own balancer's sums; empty for the others."""

    @property
    def amplification(self) -> float | None:
        """Return how many requests replicas got for each one of a client; None: nobody counted."""
        clients = self.totals.get("clients", 0)
        return sum(self.totals["upstream"].values()) / clients if clients else None


@contextmanager
def running_front(
    balancing: Balancing,
    replicas: Sequence[tuple[str, Address]],
    folder: Path,
    cores: Sequence[int] = (),
) -> Iterator[Front]:
    """Start what stands in front of ready replicas, and end it on leaving.

    Args:
        balancing: what, and how it spreads requests.
        replicas: name and address of each.
        folder: where its configuration and logs go.
        cores: to which it is pinned; none pins it to none.

    Raises:
        LoadTestError: it is not installed, or was not ready in time.
    """
    if balancing.kind == "none":
        yield Front(replicas[0][1], f"none: all to {replicas[0][0]}")
    elif balancing.kind == "own":
        with _own(balancing, replicas, folder, cores) as front:
            yield front
    else:
        plan = Plan(Address(_HOST, _free_port()), replicas, balancing, folder)
        with _foreign(plan, cores) as front:
            yield front


@contextmanager
def _own(
    balancing: Balancing,
    replicas: Sequence[tuple[str, Address]],
    folder: Path,
    cores: Sequence[int],
) -> Iterator[Front]:
    events = folder / "balancer.jsonl"
    settings: dict[str, Any] = balancing.model_dump(exclude={"kind"})
    config = BalancerConfig(
        replicas=tuple(Upstream(name=name, host=at.host, port=at.port) for name, at in replicas),
        events=events,
        **settings,
    )
    with Child(
        "balancer", [sys.executable, "-m", "loadtest.balancer"], folder, piped=True
    ) as child:
        child.write_line(config.model_dump_json())
        word, _, port = child.read_line(_READY_S).partition(" ")
        if word != "READY" or not port.isdigit():
            raise child.failure("did not say READY")
        yield Front(Address(config.host, int(port)), "own", child, events)


@contextmanager
def _foreign(plan: Plan, cores: Sequence[int]) -> Iterator[Front]:
    nginx = plan.balancing.kind == "nginx"
    command = nginx_command(plan) if nginx else haproxy_command(plan)
    product = nginx_version() if nginx else haproxy_version()
    with _pinned_child(Child(plan.balancing.kind, command, plan.folder), cores) as child:
        _wait_ready(child, plan.listen, plan.balancing.probes.path)
        yield Front(plan.listen, product, child, plan=None if nginx else plan)


@contextmanager
def _pinned_child(child: Child, cores: Sequence[int]) -> Iterator[Child]:
    """Run a process that inherits the cores it is started on."""
    with ExitStack() as stack:
        with pinned(cores):
            stack.enter_context(child)
        yield child


def _wait_ready(child: Child, address: Address, path: str) -> None:
    """Wait until a replica answers through the proxy.

    Raises:
        ChildError: it ended, or the time is over.
    """
    deadline_s = time.monotonic() + _READY_S
    while not _answers(address, path):
        if child.exit_code is not None:
            raise child.failure(f"ended with code {child.exit_code} before it was ready")
        if time.monotonic() > deadline_s:
            raise child.failure(f"was not ready after {_READY_S:g} s")
        time.sleep(_POLL_S)


def _answers(address: Address, path: str) -> bool:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=2.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
