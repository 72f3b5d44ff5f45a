"""A process of the run: started in a session of its own, logged to a file, ended for certain."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from loadtest.deferred import deferred
from loadtest.errors import ChildError

_KILLED_S = 10.0
"""How long the kernel may take to bury a killed process."""


class Child:
    """One process. Leaving the context ends it: SIGTERM, and SIGKILL when the time is over.

    Args:
        name: for messages and the log file's name.
        command: what to run.
        folder: where its log goes.
        stop_timeout_s: how long it may take to end by itself.
        piped: standard input and output are pipes; otherwise output goes to the log.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        *,
        stop_timeout_s: float = 10.0,
        piped: bool = False,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = list(command)
        self._stop_timeout_s = stop_timeout_s
        self._piped = piped
        self._process: subprocess.Popen[bytes] | None = None

    def again(self, name: str) -> "Child":
        """Return a new process, not started, of the same command under another name."""
        return Child(
            name,
            self._command,
            self.log.parent,
            stop_timeout_s=self._stop_timeout_s,
            piped=self._piped,
        )

    def __enter__(self) -> Self:
        try:
            with self.log.open("wb") as log, deferred():
                self._process = subprocess.Popen(  # noqa: S603 - our own commands
                    self._command,
                    stdin=subprocess.PIPE if self._piped else subprocess.DEVNULL,
                    stdout=subprocess.PIPE if self._piped else log,
                    stderr=log,
                    # Ctrl-C reaches the runner alone, which then ends everybody in order.
                    start_new_session=True,
                )
        except BaseException:
            # A signal came meanwhile: nobody is inside the context yet who would leave it.
            if self._process is not None:
                self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.terminate()
        if self.wait(self._stop_timeout_s) is None:
            self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Return the running process.

        Raises:
            RuntimeError: it was never started.
        """
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process

    @property
    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs."""
        return self.process.poll()

    def wait(self, timeout_s: float) -> int | None:
        """Wait until it ends and return its exit code; None if it still runs after the time."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self) -> None:
        """Ask it to end; nothing happens if it has."""
        self.process.terminate()

    def kill(self) -> None:
        """Kill it and whatever it left in its session's first group."""
        if self.exit_code is None:
            # Its process group bears its id, because it leads a session, and it is not reaped yet.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(_KILLED_S)

    def write_line(self, line: str) -> None:
        """Write one line to its standard input, which stays open."""
        if self.process.stdin is None:
            raise RuntimeError(f"{self.name} has no pipes")
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def read_line(self, timeout_s: float) -> str:
        """Read one line of its standard output.

        Raises:
            ChildError: it ended, or wrote no line in time.
        """
        if self.process.stdout is None:
            raise RuntimeError(f"{self.name} has no pipes")
        deadline_s = time.monotonic() + timeout_s
        line = b""
        while not line.endswith(b"\n"):
            left_s = deadline_s - time.monotonic()
            descriptor = self.process.stdout.fileno()
            if left_s <= 0 or not select.select([descriptor], [], [], left_s)[0]:
                raise self.failure(f"was not ready after {timeout_s:g} s")
            chunk = os.read(descriptor, 1)
            if not chunk:
                raise self.failure("ended before it was ready")
            line += chunk
        return line.decode().rstrip("\n")

    def failure(self, what: str) -> ChildError:
        """Return an error that says what happened and how the log ends."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        said = "\n".join(f"    {line}" for line in lines[-8:]) or "    (nothing)"
        return ChildError(f"{self.name} {what}. Its log, {self.log}, ends with:\n{said}")
