"""wrk, a load generator in C: the least that a client can cost a server beside it."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loadtest.errors import ChildError
from loadtest.http1 import Address

_SCRIPT: Final = Path(__file__).with_name("load.lua")
_PATIENCE_S: Final = 30.0
_TIMEOUT_S: Final = 10
ERRORS: Final = ("connect", "read", "write", "status", "timeout")


@dataclass(frozen=True)
class Measured:
    """What one run of a generator saw."""

    rate_per_s: float
    """Answers with a good status a second."""
    p50_s: float
    p99_s: float
    errors: dict[str, int]
    """Kind → how many, of those that there were."""


def has_wrk() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def write_wires(wires: Sequence[bytes], path: Path) -> None:
    """Write requests as load.lua reads them."""
    path.write_bytes(b"".join(b"%d\n%b" % (len(wire), wire) for wire in wires))


def run_wrk(address: Address, wires: Path, connections: int, seconds: int) -> Measured:
    """Load a server: a closed loop on one thread.

    Args:
        address: of the server.
        wires: what `write_wires` wrote.
        connections: each sends its next request when it has its answer.
        seconds: how long.

    Raises:
        ChildError: wrk failed.
    """
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={_TIMEOUT_S}s"]
    command = ["wrk", *options, "-s", str(_SCRIPT), f"http://{address}/", "--", str(wires)]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            capture_output=True,
            text=True,
            timeout=seconds + _PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ChildError(f"wrk did not end within {seconds + _PATIENCE_S:g} s.") from error
    said = [line[1:] for line in done.stdout.splitlines() if line.startswith("@")]
    if done.returncode != 0 or not said:
        last = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise ChildError(f"wrk failed with code {done.returncode}; it said last: {last}")
    return read_summary(json.loads(said[-1]))


def read_summary(said: dict[str, Any]) -> Measured:
    """Return what load.lua's line says.

    Raises:
        ChildError: no time passed, so that there is no rate.
    """
    if said["elapsed_us"] <= 0:
        raise ChildError("wrk says that it ran for no time at all.")
    # wrk counts an answer with a bad status among its requests.
    good = said["requests"] - said["status"]
    return Measured(
        rate_per_s=good / (said["elapsed_us"] / 1e6),
        p50_s=said["p50_us"] / 1e6,
        p99_s=said["p99_us"] / 1e6,
        errors={kind: said[kind] for kind in ERRORS if said[kind]},
    )
