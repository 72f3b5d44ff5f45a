"""The whole loop unattended: run a specification again and again, and outlive what goes wrong."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from models.lifecycle import Done, Engine, Job, run
from models.publish.history import Entry, History
from models.stages import Stages

PAUSE_S: Final = 60.0
"""After a run that failed: one that could not begin leaves nothing in the history."""
UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])")

Wait = Callable[[float], bool]
"""Waits for seconds; returns whether it was told to stop."""


def read_duration_s(text: str) -> float:
    """Return the seconds of a text such as 30s, 15m, 6h or 1d.

    Raises:
        ValueError: it is none.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no duration; write 30s, 15m, 6h or 1d")
    return float(int(found[1]) * UNITS_S[found[2]])


def next_run_in_s(history: list[Entry], every_s: float, now: float) -> float:
    """Return how long to wait before the next run.

    Args:
        history: of all runs; a failed one counts, so that a broken source is not asked in a loop.
        every_s: from the beginning of one run to the next one's.
        now: seconds since the epoch.
    """
    if not history:
        return 0.0
    last = history[-1]
    began = last.at.timestamp() - last.seconds
    return min(max(began + every_s - now, 0.0), every_s)


@dataclass(frozen=True)
class Told:
    """Who hears what becomes of each run.

    Args:
        done: a run came to its end.
        failed: a run failed, and why; the next one comes all the same.
        waiting: the next run is so many seconds away.
    """

    done: Callable[[Done], None]
    failed: Callable[[Exception], None]
    waiting: Callable[[float], None]


def retrain(
    job: Job,
    engine: Engine,
    every_s: float,
    wait: Wait,
    stages: Callable[[], Stages],
    told: Told,
) -> None:
    """Run a job every so often until `wait` says that it is enough.

    Args:
        job: what to run.
        engine: how.
        every_s: from the beginning of one run to the next one's, restarts of this process
            included: the history knows when the last one was.
        wait: waits, and says when to stop.
        stages: makes what is told of a run's stages.
        told: hears what becomes of each run.
    """
    history = History(job.places.work)
    while True:
        pause_s = next_run_in_s(history.entries(), every_s, time.time())
        told.waiting(pause_s)
        if wait(pause_s):
            return
        try:
            told.done(run(job, engine, stages()))
        except Exception as error:  # the next run may find better data
            told.failed(error)
            if wait(min(every_s, PAUSE_S)):
                return
