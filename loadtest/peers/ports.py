"""Ports that nobody listens on."""

import socket
from contextlib import ExitStack

from loadtest.fleet import HOST


def free_ports(count: int) -> list[int]:
    """Return so many different free ports."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
