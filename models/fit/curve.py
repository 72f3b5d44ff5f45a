"""The learning curve: the metric against the number of rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from models.errors import BadData, FitFailed
from models.fit.draw import Draw
from models.fit.one import fit_one
from models.fit.pool import Failure, Pool, processes_for
from models.fit.progress import CurveStep, Progress, silent
from models.fit.recommend import recommend
from models.fit.run import CurvePoint, LearningCurve, Run
from models.fit.split import divide
from models.fit.table import Table
from models.metrics import metric_named
from models.places import Places
from models.rows import Array
from models.spec import Specification
from models.spec.fitting import Curve

LEAST_ROWS = 10
"""Fewer say nothing."""


@dataclass(frozen=True)
class Step:
    """One fit of a curve."""

    rows: int
    repeat: int


@dataclass(frozen=True)
class Scores:
    """What one fit scored."""

    validation: float
    fitted: float


def learning_curve(
    spec: Specification, known: Table, best: Run, places: Places, tell: Progress = silent
) -> LearningCurve:
    """Fit the best run's parameters on more and more of its rows.

    Sizes double up to all rows that the run was fitted on. Within a repeat each draw is part of the
    next larger one; all are judged on the run's validation rows.

    Args:
        spec: whose [fit.curve].
        known: rows that runs may see.
        best: whose parameters and division.
        places: where rows are kept for other processes.
        tell: told of each fit.

    Raises:
        BadData: there are too few rows for two sizes.
        FitFailed: no repeat could be fitted at every size.
    """
    wanted = spec.fit.curve or Curve()
    metric = metric_named(spec.metric, spec.model.task)
    seed = best.seed if spec.split.resplit else spec.model.seed
    fitted, _ = divide(spec, known, seed)
    sizes = doubling_sizes(len(fitted), wanted.sizes)
    steps = [Step(rows, repeat) for rows in sizes for repeat in range(wanted.repeats)]
    processes = processes_for(spec.fit.jobs, len(steps))
    pool = Pool(partial(fit_step, spec, best), processes, places.work)
    found: dict[Step, Scores] = {}
    failures: list[str] = []
    # The largest first: they take longest, and no process is to wait for one alone at the end.
    for done, (step, answer) in enumerate(pool.answers(known, iter(steps[::-1])), 1):
        if isinstance(answer, Failure):
            failures.append(f"{step.rows} rows: {answer.reason}")
        else:
            found[step] = answer
        tell(CurveStep(done, len(steps), step.rows))
    points = tuple(_points(sizes, wanted.repeats, found))
    if not points[0].validation:
        raise FitFailed(f"the learning curve has no repeat without a failure: {failures[0]}")
    advice = recommend(metric, points, wanted.flat)
    return LearningCurve(metric.name, points, advice.rows, advice.words)


def doubling_sizes(rows: int, count: int) -> list[int]:
    """Return ascending numbers of rows, each about twice the one before, the last being all.

    Raises:
        BadData: there is no room for two.
    """
    sizes = [rows // 2**power for power in reversed(range(count))]
    large = [size for size in sizes if size >= LEAST_ROWS]
    if len(large) < 2:
        raise BadData(
            f"{rows} rows to fit on are too few for a learning curve; {2 * LEAST_ROWS} are needed"
        )
    return large


def fit_step(spec: Specification, best: Run, known: Table, step: Step) -> Scores:
    """Fit and judge at one size, for one repeat."""
    seed = best.seed if spec.split.resplit else spec.model.seed
    fitted, validation = divide(spec, known, seed)
    own = int(np.random.default_rng([best.seed, step.repeat]).integers(2**31))
    drawn = fitted[draw_rows(spec, known.y[fitted], step.rows, own)]
    draw = Draw(best.number, own, best.parameters)
    one = fit_one(spec, draw, known.take(drawn), known.take(validation), lambda _: None)
    return Scores(one.score, one.fitted_score)


def draw_rows(spec: Specification, y: Array, rows: int, seed: int) -> Array:
    """Return positions of so many rows, drawn at random; of equal seeds the fewer are part.

    Classes come in about their shares, so that a small draw has all that it has room for.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    if spec.model.task == "classification":
        order = order[_interleaved(y[order])]
    return np.sort(order[:rows])


def _interleaved(y: Array) -> Array:
    """Return an order in which every beginning has the classes in about their shares."""
    _, classes, counts = np.unique(y, return_inverse=True, return_counts=True)
    by_class = np.argsort(classes, kind="stable")
    places = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
    return by_class[np.argsort(places, kind="stable")]


def _points(sizes: list[int], repeats: int, found: dict[Step, Scores]) -> Iterator[CurvePoint]:
    """Give the points, of those repeats alone that were fitted at every size."""
    whole = [
        repeat for repeat in range(repeats) if all(Step(rows, repeat) in found for rows in sizes)
    ]
    for rows in sizes:
        scores = [found[Step(rows, repeat)] for repeat in whole]
        yield CurvePoint(
            rows,
            validation=tuple(one.validation for one in scores),
            fitted=tuple(one.fitted for one in scores),
        )
