"""A process that gets only a share of the time: stopped and continued many times a second."""

import os
import signal
import threading

_CYCLE_S = 0.05


class SlowedProcess:
    """Stops a process for a share of each cycle, from a thread of its own.

    Args:
        pid: whom.
        stopped_share: of the time, in which it does not run.
    """

    def __init__(self, pid: int, stopped_share: float) -> None:
        self._pid = pid
        self._stopped_s = stopped_share * _CYCLE_S
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let it run again, for good."""
        self._ended.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                os.kill(self._pid, signal.SIGSTOP)
                self._ended.wait(self._stopped_s)
                os.kill(self._pid, signal.SIGCONT)
                self._ended.wait(_CYCLE_S - self._stopped_s)
        except ProcessLookupError:
            return  # it ended, which may be somebody else's fault
