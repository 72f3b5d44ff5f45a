"""The open loop: requests are taken up when they are due, whether or not answers have come."""

import asyncio
import time

from loadtest.plan import OpenPlan
from loadtest.record import Outcome
from loadtest.sending import Sender

_AT_ONCE = 8
"""So many are taken up before the answers that are there have their turn. Answers free connections,
and a late loop that lets them wait opens hundreds that it does not need, and is later still."""


class OpenLoop:
    """Paces a schedule of arrivals.

    Args:
        sender: takes them up; the load is over when all that it took up has ended.
        planned: when, and which.
        began_s: the start of the load, by time.monotonic().
        stop: when set, nothing more is taken up.
    """

    def __init__(
        self, sender: Sender, planned: OpenPlan, began_s: float, stop: asyncio.Event
    ) -> None:
        self._sender = sender
        self._starts_s = [began_s + start_s for start_s in planned.starts_s]
        self._picks = planned.picks
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None
        self._next = 0

    def begin(self) -> None:
        """Start the clock."""
        self._pace()

    def stop(self) -> None:
        """Notice at once that `stop` is set."""
        self.close()
        self._pace()

    def close(self) -> None:
        """Take nothing up any more, whatever is still due."""
        if self._timer is not None:
            self._timer.cancel()

    def _pace(self) -> None:
        """Take up all that is due, and come again when the next one is."""
        for _ in range(_AT_ONCE):
            if self._next == len(self._starts_s) or self._stop.is_set():
                break
            intended_s, pick = self._starts_s[self._next], self._picks[self._next]
            if intended_s > time.monotonic():
                self._timer = self._loop.call_at(intended_s, self._pace)
                return
            self._next += 1
            self._sender.take(pick, self._ended, intended_s)
        else:
            self._timer = self._loop.call_soon(self._pace)
            return
        self._next = len(self._starts_s)
        self._look()

    def _ended(self, outcome: Outcome) -> None:
        del outcome
        self._look()

    def _look(self) -> None:
        """Say that the load is over, if it is."""
        all_ended = self._next == len(self._starts_s) and not self._sender.outstanding
        if all_ended and not self._sender.over.done():
            self._sender.over.set_result(None)
