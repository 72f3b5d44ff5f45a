"""The way of the data through training, told stage by stage."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import pandas as pd

from models.pictures import opened
from models.rows import Rows

SHOWN: Final = 4
SHOWN_CHARS: Final = 60


@dataclass(frozen=True)
class Stage:
    """One stage, finished.

    Args:
        name: input, split, fit, score, save, load or predict.
        shape: sizes and types of what came out of it.
        sample: some of the values.
        seconds: how long it took.
    """

    name: str
    shape: str
    sample: str
    seconds: float


@dataclass
class Draft:
    """A stage under way: whoever does the work fills in what came out."""

    shape: str = ""
    sample: str = ""


Report: TypeAlias = Callable[[Stage], None]


@dataclass
class Stages:
    """Times stages and reports each as it ends.

    Args:
        started: told a stage's name when it begins.
        finished: told the stage when it has ended.
    """

    started: Callable[[str], None] = field(default=lambda _: None)
    finished: Report = field(default=lambda _: None)

    def report(self, stage: Stage) -> None:
        """Tell a stage that somebody else has timed."""
        self.started(stage.name)
        self.finished(stage)

    @contextmanager
    def stage(self, name: str) -> Iterator[Draft]:
        """Run one stage."""
        self.started(name)
        begin = time.monotonic()
        draft = Draft()
        yield draft
        self.finished(Stage(name, draft.shape, draft.sample, time.monotonic() - begin))


def shape_of(X: Rows) -> str:
    """Return rows, columns and dtypes in words."""
    if not isinstance(X, pd.DataFrame):
        if X.ndim == 1:
            return f"{len(X)} {'texts' if isinstance(X[0], str) else 'pictures'}"
        return f"{X.shape} {X.dtype}"
    counts = X.dtypes.astype(str).value_counts()
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    return f"{len(X)} rows x {X.shape[1]} columns: {kinds}"


def sample_of(X: Rows) -> str:
    """Return some values of the first row."""
    if isinstance(X, pd.DataFrame):
        first = X.iloc[0]
        shown = [f"{name}={plain(first[name])}" for name in X.columns[:SHOWN]]
        return ", ".join(shown) + (", …" if X.shape[1] > SHOWN else "")
    first = X[0]
    if isinstance(first, str):
        return f"{first[:SHOWN_CHARS]}…" if len(first) > SHOWN_CHARS else first
    if X.ndim == 1:
        values = np.asarray(opened(first))
        middle = values[len(values) // 2].ravel()[: 2 * SHOWN]
        width, height = values.shape[1], values.shape[0]
        return f"{width}x{height} picture, middle row: {' '.join(map(str, middle))}"
    return ", ".join(map(plain, first[:SHOWN]))


def plain(value: object) -> str:
    """Return a value in few characters."""
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    return str(value)
