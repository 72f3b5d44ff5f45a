"""Which API process takes the next connection. A pure choice."""

from collections.abc import Mapping


def choose(open_connections: Mapping[int, int], last: int) -> int:
    """Return who has the fewest connections; of several, the next in turn.

    So a number of connections that stay differs by one at the most between processes, and short
    ones go round.

    Args:
        open_connections: process's number → its open connections; not empty.
        last: who took the last one.
    """
    fewest = min(open_connections.values())
    able = sorted(one for one, count in open_connections.items() if count == fewest)
    return next((one for one in able if one > last), able[0])
