"""Processes by their pidfds: no other can be hit, whoever has a pid by now."""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Callable


def kill(pidfd: int) -> None:
    """Kill the process behind a pidfd; no other can be hit, even if it has ended already."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def bury(pidfd: int, on_ended: Callable[[int], None]) -> None:
    """Wait for the end of the process behind a pidfd, without blocking, and close the pidfd.

    Its parent reaps it, unless that has died before: then this process is the parent now, and
    `on_ended` hears the exit status (negative: the signal).
    """
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(pidfd)
        status = reap(pidfd)
        os.close(pidfd)
        if status is not None:
            on_ended(status)

    loop.add_reader(pidfd, ended)


def reap(pidfd: int) -> int | None:
    """Reap an ended process, if it is this process's child, and return its exit status."""
    try:
        ended = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return None
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def adopt_orphans() -> None:
    """Become the parent of workers whose loader has died, so that none becomes a zombie."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)
