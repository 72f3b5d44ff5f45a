"""How much memory the process takes, how much it may take, and giving back what is not needed."""

import ctypes
import gc
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from models.errors import BadSpecification

RESERVE: Final = 0.2
"""Part of the bound that no plan uses: allocators round up, and libraries make copies."""
LEAST_FREE_BYTES: Final = 64 * 2**20
"""With less room than this there is no room for rows."""

_STATUS: Final = Path("/proc/self/status")


def peak_bytes() -> int:
    """Return the most resident memory that this process ever took (VmHWM)."""
    return _from_status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def resident_bytes() -> int:
    """Return the resident memory that this process takes now; its peak if nobody knows."""
    return _from_status("VmRSS") or peak_bytes()


def free_addresses() -> int:
    """Return the bytes that a limit of the address space (`ulimit -v`) leaves, a reserve left out.

    Libraries that are mapped and never touched count there, too.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    return int(limit * (1 - RESERVE)) - _from_status("VmSize")


def give_back() -> None:
    """Give freed memory back to the system: Python's, Arrow's and the allocator's."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@dataclass(frozen=True)
class Budget:
    """What the process may take at its peak.

    Args:
        limit_bytes: resident memory.
    """

    limit_bytes: int

    def free_bytes(self) -> int:
        """Return what may still be taken, a reserve left out.

        Raises:
            BadSpecification: the bound leaves no room for rows.
        """
        give_back()
        taken = resident_bytes()
        free = min(int(self.limit_bytes * (1 - RESERVE)) - taken, free_addresses())
        if free < LEAST_FREE_BYTES:
            needed = int((taken + LEAST_FREE_BYTES) / (1 - RESERVE))
            raise BadSpecification(
                f"medium.memory_bytes = {self.limit_bytes:,}, or the limit of the address space, is"
                f" too little: the process with its libraries and models takes {taken:,} already;"
                f" allow {needed:,} at least"
            )
        return free

    def rows(self, row_bytes: float, copies: float, most: int) -> int:
        """Return how many rows fit.

        Args:
            row_bytes: of one row.
            copies: how often each is in memory at the same time.
            most: never more than this.
        """
        return max(1, min(most, int(self.free_bytes() / (row_bytes * copies))))


def _from_status(field: str) -> int:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return 0
    for line in lines:
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0
