"""Why a worker died: by its batch's doing, or by somebody else's.

An exit status, a segmentation fault, an abort or running out of memory is the doing of what the
worker computed, as far as anybody can tell. SIGKILL is not, unless we sent it for a batch that
hung, the kernel sent it for want of memory, or the worker sent it to itself.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

VMSTAT = Path("/proc/vmstat")
SUICIDE_STATUS = 128 + signal.SIGKILL
"""What a worker exits with instead of killing itself: what shells call that signal's death."""


def is_outside(status: int, is_ours: bool, oom_kills: int) -> bool:
    """Return whether somebody else ended a worker, and not what it computed.

    Args:
        status: its exit status (negative: the signal).
        is_ours: whether we killed it for its batch.
        oom_kills: processes that the kernel has killed since the last look, for want of memory.
    """
    return status == -signal.SIGKILL and not is_ours and not oom_kills


class OomKills:
    """Counts the processes that this machine's kernel kills for want of memory.

    Args:
        source: in the form of /proc/vmstat; where there is none, nothing is counted.
    """

    def __init__(self, source: Path = VMSTAT) -> None:
        self._source = source
        self._seen = self._total()

    def since_last_look(self) -> int:
        """Return how many there were since this was asked last."""
        before, self._seen = self._seen, self._total()
        return self._seen - before

    def _total(self) -> int:
        try:
            lines = self._source.read_text().splitlines()
        except OSError:
            return 0
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def is_stopped(pid: int) -> bool:
    """Return whether a process is stopped by a signal: it does not hang by itself."""
    try:
        # The name is in brackets, and may have brackets and spaces in it.
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state == "T"  # and not "t", which a tracer's look makes of it for a moment


def confess_suicide() -> None:
    """Make this process exit with `SUICIDE_STATUS` where Python code would have it kill itself.

    From outside, its own SIGKILL could not be told from another's.
    """
    kills: dict[str, Callable[[tuple[Any, ...]], bool]] = {
        "os.kill": lambda args: args[0] in {0, os.getpid()},
        "os.killpg": lambda args: args[0] in {0, os.getpgrp()},
        "signal.pthread_kill": lambda args: True,
    }

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in kills and args[1] == signal.SIGKILL and kills[event](args):
            os._exit(SUICIDE_STATUS)

    sys.addaudithook(hook)
