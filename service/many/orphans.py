"""Processes whose parents have ended, and that have ended since: the supervisor buries them."""

import os
from collections.abc import Set as AbstractSet


def reap_orphans(others: AbstractSet[int]) -> None:
    """Reap every child that has ended, so that none stays a zombie.

    Loaders and workers are grandchildren that a loader has forked; when it ends before them, they
    become children of this process, which never started them.

    Args:
        others: children that somebody else waits for; the rest is looked at when these are gone.
    """
    look = os.WEXITED | os.WNOHANG
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, look | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in others:
            return
        os.waitid(os.P_PID, ended.si_pid, look)
