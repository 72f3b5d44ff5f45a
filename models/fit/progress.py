"""What is told while models are fitted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from models.fit.run import Epoch, Run


@dataclass(frozen=True)
class RunsBegin:
    """Runs are about to be fitted.

    Args:
        total: how many there will be at most.
        known: those that an interrupted session has finished.
        metric: what decides.
        greater_is_better: its direction.
    """

    total: int
    known: tuple[Run, ...]
    metric: str
    greater_is_better: bool


@dataclass(frozen=True)
class RunEnd:
    """A run has ended, or failed."""

    run: Run


@dataclass(frozen=True)
class EpochEnd:
    """An epoch has ended; told while it happens if runs are fitted one after the other."""

    run: int
    epoch: Epoch


@dataclass(frozen=True)
class CurveStep:
    """A fit of the learning curve has ended."""

    done: int
    total: int
    rows: int


Event: TypeAlias = RunsBegin | RunEnd | EpochEnd | CurveStep

Progress: TypeAlias = Callable[[Event], None]


def silent(_: Event) -> None:
    """Tell nobody."""
