"""Takes what replicas need: `python -m loadtest.faults.hog cpu`, or `memory BYTES`.

Runs until it is ended, or until its standard input ends: with whoever started it.
"""

import select
import sys
import time

_PAGE_BYTES = 4096
_TOUCH_S = 0.1
_LOOK_S = 0.05


def hog_cpu() -> None:
    """Keep a core busy."""
    while not _told_to_end(0.0):
        ends_s = time.monotonic() + _LOOK_S
        while time.monotonic() < ends_s:
            pass


def hog_memory(size_bytes: int) -> None:
    """Hold memory and touch every page of it, so that it cannot be swapped out quietly."""
    held = bytearray(size_bytes)
    touch = bytes((size_bytes + _PAGE_BYTES - 1) // _PAGE_BYTES)
    while not _told_to_end(_TOUCH_S):
        held[::_PAGE_BYTES] = touch


def _told_to_end(wait_s: float) -> bool:
    # Nothing is ever sent, so readable means ended.
    return bool(select.select([sys.stdin], [], [], wait_s)[0])


if __name__ == "__main__":
    if sys.argv[1] == "cpu":
        hog_cpu()
    else:
        hog_memory(int(sys.argv[2]))
