"""What a proxy of others is configured from."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest.errors import LoadTestError
from loadtest.http1 import Address
from loadtest.scenario.balancing import Balancing

KEPT_IDLE_S = 4
"""Proxies drop an idle connection to a replica after this long. Replicas do so later; where they
do it first, a request meets a connection that is just being closed, and the client gets a 502."""
CLIENT_IDLE_S = 75
MAX_BODY_MIB = 256


class ProxyMissingError(LoadTestError):
    """The program is not installed."""


@dataclass(frozen=True)
class Plan:
    """Where a proxy listens, and what stands behind it."""

    listen: Address
    replicas: Sequence[tuple[str, Address]]
    """Name and address of each."""
    balancing: Balancing
    folder: Path
    """Of the run; everything that the proxy writes goes there."""

    def weight(self, replica: str) -> int:
        """Return the weight of a replica, a whole number as both programs want it."""
        return max(1, round(self.balancing.policy_settings.weights.get(replica, 1.0)))


def find(program: str) -> str:
    """Return the path of a program.

    Raises:
        ProxyMissingError: it is not installed.
    """
    # Debian puts both into a folder that only root has on its path.
    path = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if path is None:
        raise ProxyMissingError(
            f"{program} is not installed: apt-get install {program}, or take another balancer.kind."
        )
    return path


def version(command: Sequence[str]) -> str:
    """Return the first line that a program says of its version, on whichever output."""
    done = subprocess.run(  # noqa: S603 - a program that `find` found
        command, capture_output=True, text=True, timeout=10, check=False
    )
    lines = (done.stdout + done.stderr).splitlines()
    return lines[0].strip() if lines else "unknown version"


def current_user() -> str:
    """Return the name of whoever runs this; a proxy started by root would else become another."""
    return pwd.getpwuid(os.getuid()).pw_name


def seconds(value_s: float) -> str:
    """Return a time as both programs read it: whole milliseconds, 1 at the least."""
    return f"{max(1, round(value_s * 1000))}ms"
