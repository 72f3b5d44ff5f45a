"""The best of N runs.

Each run draws its seed and parameters from the specification's seed and its number alone, divides
the known rows by that seed, fits, and is judged on its validation rows. So the outcome does not
depend on how many processes worked or how often they were killed.

The winner's model is not carried through processes and journals: it is fitted again, from its seed
and parameters, on the same rows. That costs one fit more, and memory and disk hold one model,
whatever N is. Where runs are fitted in this process, the best so far stays in memory instead.
"""

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final

from models.errors import FitFailed
from models.estimators import Estimator
from models.fit.ahead import refuse_ahead
from models.fit.draw import Draw, drawn
from models.fit.journal import Journal, journal
from models.fit.one import fit_one
from models.fit.pool import Failure, Pool, processes_for
from models.fit.progress import EpochEnd, Progress, RunEnd, RunsBegin, silent
from models.fit.run import Chosen, Epoch, Run
from models.fit.split import divide
from models.fit.table import Table
from models.metrics import Metric, metric_named
from models.places import Places
from models.spec import Specification

PROBE_ROWS: Final = 20_000
"""Up to so many rows a first fit in this process tells whether others are worth their start."""
START_S: Final = 5.0
"""What processes take until they have imported what they need."""


@dataclass(frozen=True)
class _Attempt:
    """A run, and its model if it is worth keeping here."""

    run: Run
    model: Estimator | None


def best_of(spec: Specification, known: Table, places: Places, tell: Progress = silent) -> Chosen:
    """Fit the runs that a specification asks for, and keep the best.

    The score of the best of N on its own validation rows is an optimistic number: judge the winner
    once more, on rows that are not in `known`.

    Args:
        spec: what to fit, and how often.
        known: rows that runs may see; no held-out ones.
        places: where the journal is.
        tell: told of what happens.

    Raises:
        BadSpecification: the specification names what there is not.
        BadData: the rows cannot be divided as it says.
        FitFailed: every run failed, and why.
    """
    metric = metric_named(spec.metric, spec.model.task)
    _refuse_wrong(spec, known)
    with journal(places.work, spec, known) as kept:
        done = tuple(run for number, run in sorted(kept.runs.items()) if not run.error)
        tell(RunsBegin(spec.fit.runs, done, metric.name, metric.greater_is_better))
        session = _Session(spec, known, metric, kept, tell)
        session.fit_all(places)
        runs = session.outcome()
    best = _best(runs, metric)
    if best is None:
        raise FitFailed(_all_failed(runs))
    model, notes = session.model_of(best)
    return Chosen(model, best, runs, notes=(*_notes(runs), *notes))


def run_once(spec: Specification, tell: Progress, keep: bool, known: Table, draw: Draw) -> _Attempt:
    """Divide, fit and judge for one run.

    Args:
        spec: what to fit.
        tell: told of epochs.
        keep: return the model as well.
        known: rows that runs may see.
        draw: what is particular to this run.
    """
    begin = time.monotonic()

    def epoch_ended(epoch: Epoch) -> None:
        tell(EpochEnd(draw.number, epoch))

    seed = draw.seed if spec.split.resplit else spec.model.seed
    fitted, validation = divide(spec, known, seed)
    one = fit_one(spec, draw, known.take(fitted), known.take(validation), epoch_ended)
    run = Run(
        number=draw.number,
        seed=draw.seed,
        parameters=draw.parameters,
        score=one.score,
        fitted_score=one.fitted_score,
        seconds=time.monotonic() - begin,
        epochs=one.epochs,
        warnings=one.warnings,
    )
    return _Attempt(run, one.model if keep else None)


class _Session:
    """The runs of one call, those of interrupted ones before it included."""

    def __init__(
        self, spec: Specification, known: Table, metric: Metric, kept: Journal, tell: Progress
    ) -> None:
        self._spec, self._known, self._metric = spec, known, metric
        self._journal, self._tell = kept, tell
        self._kept: _Attempt | None = None

    def fit_all(self, places: Places) -> None:
        """Fit what is missing; in this process, if that is done before others have started."""
        draws = self._missing()
        missing = sum(1 for _ in self._missing())
        processes = processes_for(self._spec.fit.jobs, missing)
        if processes > 1 and self._spec.fit.jobs == 0 and len(self._known) <= PROBE_ROWS:
            begin = time.monotonic()
            self._fit(islice(draws, 1), 1, places)
            if (time.monotonic() - begin) * (missing - 1) < START_S:
                processes = 1
        self._fit(draws, processes, places)

    def _fit(self, draws: Iterator[Draw], processes: int, places: Places) -> None:
        here = processes == 1
        work = partial(run_once, self._spec, self._tell if here else silent, here)
        pool = Pool(work, processes, places.work)
        for draw, answer in pool.answers(self._known, draws):
            attempt = _attempt(draw, answer)
            self._journal.add(attempt.run)
            self._keep_if_best(attempt)
            self._tell(RunEnd(attempt.run))

    def outcome(self) -> tuple[Run, ...]:
        """Return the runs that count: with `stop_at`, none after the first that was as good."""
        last = self._first_that_reached()
        runs = sorted(self._journal.runs.items())
        return tuple(run for number, run in runs if number < self._spec.fit.runs and number <= last)

    def model_of(self, best: Run) -> tuple[Estimator, tuple[str, ...]]:
        """Return the fitted model of a run, and what is to be said of it."""
        if self._kept is not None and self._kept.run.number == best.number:
            return self._kept.model, ()
        draw = drawn(self._spec, best.number)
        again = run_once(self._spec, silent, True, self._known, draw)
        if again.run.score == best.score:
            return again.model, ()
        return again.model, (
            f"fitted again from the same seed, the best run scores {again.run.score:g} and not"
            f" {best.score:g}: its estimator depends on more than its random_state",
        )

    def _missing(self) -> Iterator[Draw]:
        for number in range(self._spec.fit.runs):
            # Asked anew each time: a run that has ended meanwhile may have been good enough.
            if number > self._first_that_reached():
                return
            run = self._journal.runs.get(number)
            if run is None or run.error:
                yield drawn(self._spec, number)

    def _first_that_reached(self) -> float:
        goal = self._spec.fit.stop_at
        if goal is None:
            return math.inf
        reached = (
            number
            for number, run in self._journal.runs.items()
            if not run.error and self._metric.reaches(run.score, goal)
        )
        return min(reached, default=math.inf)

    def _keep_if_best(self, attempt: _Attempt) -> None:
        if attempt.model is None:
            return
        if self._kept is None or _best([self._kept.run, attempt.run], self._metric) is attempt.run:
            self._kept = attempt


def _refuse_wrong(spec: Specification, known: Table) -> None:
    """Find what is wrong with the specification before the first run."""
    refuse_ahead(spec)
    divide(spec, known, drawn(spec, 0).seed)


def _best(runs: Iterable[Run], metric: Metric) -> Run | None:
    """Return the best run; of equals, the first."""
    best: Run | None = None
    for run in runs:
        if not run.error and (best is None or metric.is_better(run.score, best.score)):
            best = run
    return best


def _attempt(draw: Draw, answer: _Attempt | Failure) -> _Attempt:
    if not isinstance(answer, Failure):
        return answer
    nan = float("nan")
    failed = Run(draw.number, draw.seed, draw.parameters, nan, nan, seconds=0.0)
    return _Attempt(replace(failed, error=answer.reason), None)


def _all_failed(runs: tuple[Run, ...]) -> str:
    reason, count = Counter(run.error for run in runs).most_common(1)[0]
    which = "the run" if len(runs) == 1 else f"all {len(runs)} runs"
    same = "" if count == len(runs) else f" ({count} of them)"
    return f"{which} failed{same}: {reason}"


def _notes(runs: tuple[Run, ...]) -> tuple[str, ...]:
    failures = Counter(run.error for run in runs if run.error)
    warned = Counter(text for run in runs for text in run.warnings)
    return (
        *(f"{count} of {len(runs)} runs failed: {why}" for why, count in failures.most_common()),
        *(f"{count} of {len(runs)} runs warned: {text}" for text, count in warned.most_common()),
    )
