"""When a dead worker is replaced: at once, unless workers die too often. A pure function.

After Erlang's supervisors: a burst of deaths is taken as bad luck; more than that in the same time
is a pattern, and each further death doubles the pause. The service goes on with the workers that
it has; it never gives up, and never spends its time on forking.
"""

from collections.abc import Sequence

WINDOW_S = 5.0
BURST = 100
"""Deaths within the window that cost no pause: twenty a second, for as long as somebody likes. So
many different poisonous inputs may come without harm to others; a fork takes 30 ms of a core."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0


def pause_s(deaths: Sequence[float], now: float, jitter: float) -> float:
    """Return how long to wait before the next worker is made.

    Args:
        deaths: when workers died, monotonic seconds, ascending.
        now: monotonic seconds.
        jitter: between 0 and 1, so that many replicas do not restart in step.
    """
    recent = sum(1 for death in deaths if death > now - WINDOW_S)
    excess = recent - BURST
    if excess <= 0:
        return 0.0
    pause = min(FIRST_PAUSE_S * 2.0 ** min(excess - 1, 16), LONGEST_PAUSE_S)
    return float(pause * (0.5 + 0.5 * jitter))
