"""An event loop whose timers are right to some tens of microseconds.

asyncio waits with epoll, which counts in whole milliseconds and rounds up; uvloop's timers are no
finer. An open-loop generator would be up to a millisecond late with every request.
"""

import asyncio
import select
import selectors
import sys

if sys.platform == "linux":

    class PreciseSelector(selectors.EpollSelector):
        """Waits for the epoll descriptor with select(2), which counts in microseconds."""

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """Return what is ready, after at most `timeout` seconds."""
            if timeout is None or timeout <= 0:
                return super().select(timeout)
            woken, _, _ = select.select([self], [], [], timeout)
            return super().select(0) if woken else []

else:
    # kqueue counts in nanoseconds as it is.
    PreciseSelector = selectors.DefaultSelector


def precise_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop with precise timers."""
    return asyncio.SelectorEventLoop(PreciseSelector())
