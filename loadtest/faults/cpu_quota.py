"""Less of a core for one process, by a control group: what a noisy neighbour leaves of it.

Stopping and continuing it would be no slow worker: Percore sees that a worker is stopped, and
replaces it.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from loadtest.errors import LoadTestError

_ROOT = Path("/sys/fs/cgroup")
_PERIOD_US = 20_000


@dataclass(frozen=True)
class _Tree:
    """Where groups are made, and how the two versions of the interface write a quota."""

    root: Path
    quota_file: str
    quota: str
    controller: str
    """As it stands in /proc/PID/cgroup; empty in version 2."""


class CpuQuota:
    """Gives a process a share of one core, until it is taken back.

    Args:
        pid: of whom.
        share: of one core, above 0.

    Raises:
        LoadTestError: this user may make no control group here.
    """

    def __init__(self, pid: int, share: float) -> None:
        self._pid = pid
        tree = _tree(max(1000, round(share * _PERIOD_US)))
        self._home = tree.root / _group_of(pid, tree.controller).lstrip("/")
        self._group = tree.root / f"percore-loadtest-{pid}"
        try:
            self._group.mkdir()
            with contextlib.suppress(FileNotFoundError):  # version 1 has a file of its own for it
                (self._group / "cpu.cfs_period_us").write_text(str(_PERIOD_US), encoding="ascii")
            (self._group / tree.quota_file).write_text(tree.quota, encoding="ascii")
            (self._group / "cgroup.procs").write_text(str(pid), encoding="ascii")
        except OSError as error:
            self.take_back()
            raise LoadTestError(
                f"slow_worker needs a control group, and {self._group} cannot be used:"
                f" {error.strerror}. Run as root, or take cpu_hog."
            ) from error

    def take_back(self) -> None:
        """Let the process have what it had."""
        with contextlib.suppress(OSError):  # it may have ended, which is somebody else's fault
            (self._home / "cgroup.procs").write_text(str(self._pid), encoding="ascii")
        with contextlib.suppress(OSError):
            self._group.rmdir()


def _tree(quota_us: int) -> _Tree:
    old = _ROOT / "cpu"
    if (old / "cgroup.procs").exists():
        return _Tree(old, "cpu.cfs_quota_us", str(quota_us), "cpu")
    if os.access(_ROOT / "cgroup.subtree_control", os.W_OK):
        with contextlib.suppress(OSError):
            (_ROOT / "cgroup.subtree_control").write_text("+cpu", encoding="ascii")
    return _Tree(_ROOT, "cpu.max", f"{quota_us} {_PERIOD_US}", "")


def _group_of(pid: int, controller: str) -> str:
    """Return a process's group; the root if it cannot be told."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "/"
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controller in controllers.split(","):
            return group
    return "/"
