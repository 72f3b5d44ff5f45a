"""Whether a large request is worth cutting, and into how many parts. No clock in here.

Cut for its own sake if workers are free to share it; for the sake of others if it is long: a small
request that comes meanwhile waits for a part, not for all of it.
"""

from typing import NamedTuple

PAYS_S = 0.008
"""A request that a worker does in less is not cut: each part costs a turn of the loop."""
LONG_S = 0.06
"""One that takes longer is cut even if nobody is free to share it."""
AIM_S = 0.025
"""What a part shall take of a worker."""
CALLS = 4.0
"""But at least so many times what it takes however few rows it has."""
LEAST_BYTES = 16 << 10
MOST_PARTS = 64


class Outlook(NamedTuple):
    """What would become of a request that is computed now."""

    idle: int
    """Workers that have nothing to do."""
    expected_s: float
    """What one worker would take for all of it, in seconds."""
    call_s: float = 0.0
    """How much of that each part takes anew, however few rows it has."""


def parts_wanted(outlook: Outlook, workers: int, size_bytes: int) -> int:
    """Return how many parts a request is cut into; 1: it is not.

    Args:
        outlook: what would become of it.
        workers: how many there are.
        size_bytes: the length of its body.
    """
    work_s = outlook.expected_s - outlook.call_s
    shared = outlook.idle > 1 and work_s >= PAYS_S
    long = outlook.expected_s >= LONG_S and work_s >= CALLS * outlook.call_s
    if not shared and not long:
        return 1
    aim_s = max(AIM_S, CALLS * outlook.call_s) - outlook.call_s
    short = int(min(work_s / aim_s, MOST_PARTS)) + 1
    even = -(-short // workers) * workers  # all end together
    return max(min(even, MOST_PARTS, size_bytes // LEAST_BYTES), 1)
