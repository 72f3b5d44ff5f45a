"""A model that does as its rows say: it answers, takes its time, dies, hangs or lies.

A row is (id, command). A good row has command 0 and is answered with id + constant, so that every
answer tells which row and which version it belongs to. Nothing happens but answering where
CHAOS_FAULTS is not set: the reference process and the registration stay harmless and quick.
"""

import ctypes
import os
import signal
import time
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin

FAULTS = "CHAOS_FAULTS"
"""Environment variable: set, commands are obeyed and time is spent."""
LEDGER = "CHAOS_LEDGER"
"""Environment variable: a file that gets a line for every row that a worker began."""


class Command(IntEnum):
    """What a row makes the model do."""

    ANSWER = 0
    EXIT = 1
    SEGFAULT = 2
    KILL = 3
    INTERRUPT = 4
    """Raises what no `except Exception` catches."""
    SHORTEN = 5
    """Answers one row too few."""
    SLEEP = 6
    SPIN = 7
    RAISE = 8
    ABORT = 9


DEADLY = (Command.EXIT, Command.SEGFAULT, Command.KILL, Command.ABORT)


class Obedient(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Answers id + constant.

    Args:
        constant: tells versions apart.
        call_s: CPU time of a call.
        row_s: CPU time of a row, beside its call's.
        nap_s: time of a row without CPU: capacity is then exact, whoever else is on the cores.
        width: values a row.
    """

    def __init__(
        self,
        constant: float = 0.0,
        call_s: float = 0.0,
        row_s: float = 0.0,
        nap_s: float = 0.0,
        width: int = 1,
    ) -> None:
        self.constant = constant
        self.call_s = call_s
        self.row_s = row_s
        self.nap_s = nap_s
        self.width = width

    def fit(self, X: Any, y: Any = None) -> "Obedient":
        self.n_features_in_ = np.asarray(X).shape[1]
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        rows = np.asarray(X, dtype=float)
        answers = rows[:, 0] + self.constant
        if self.width > 1:
            answers = np.repeat(answers[:, None], self.width, axis=1)
        if FAULTS not in os.environ:
            return np.asarray(answers)
        _note(rows[:, 0])
        for command in rows[:, 1][rows[:, 1] != 0]:
            answers = _obey(Command(int(command)), answers)
        _burn(self.call_s + self.row_s * len(rows))
        time.sleep(self.nap_s * len(rows))
        return np.asarray(answers)


def _obey(command: Command, answers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if command is Command.EXIT:
        os._exit(9)
    if command is Command.SEGFAULT:
        ctypes.string_at(0)
    if command is Command.KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    if command is Command.ABORT:
        os.abort()
    if command is Command.INTERRUPT:
        raise KeyboardInterrupt
    if command is Command.RAISE:
        raise RuntimeError("a fault that was asked for")
    if command is Command.SLEEP:
        time.sleep(3600)
    while command is Command.SPIN:
        pass
    return answers[:-1] if command is Command.SHORTEN else answers


def _burn(seconds: float) -> None:
    """Use CPU time, not wall time: a shared core makes the model slower, as it would a real one."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def _note(ids: npt.NDArray[Any]) -> None:
    """Write id, process and time of every row: one write, so that no line is torn."""
    path = os.environ.get(LEDGER)
    if path is None:
        return
    end = f" {os.getpid()} {time.monotonic():.6f}\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, "".join(f"{int(one)}{end}" for one in ids).encode())
    os.close(file)
