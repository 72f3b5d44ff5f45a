"""A fit of as many rows as memory allows, for estimators that need all rows at once."""

import io
import warnings
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import Any, Final

import joblib
from sklearn.base import clone

from models.estimators import Estimator
from models.fit.choose import choose
from models.fit.draw import drawn
from models.fit.one import unfitted
from models.fit.progress import Progress as FitProgress
from models.fit.table import Table
from models.medium.batch import Batch
from models.medium.caching import Cached
from models.medium.fitting import FittedFeatures
from models.medium.memory import Budget
from models.medium.prepared import matrix_bytes, measured
from models.medium.runs import Outcome
from models.medium.sampled import Sample
from models.places import Places
from models.rows import Array
from models.spec import Specification
from models.spec.fitting import Curve

RAW_COPIES: Final = 3
"""How often a raw row is in memory at the same time: the sample, its fitted part, and what a step
makes of it."""
FEATURE_COPIES: Final = 4
"""The same of its features: by step, joined, converted and binned by the estimator."""
MODELS: Final = 3
"""Models at the same time: the best so far, the one that is fitted, and a copy of it."""


def fit_sampled(
    spec: Specification, cached: Cached, places: Places, budget: Budget, tell: FitProgress
) -> Outcome:
    """Draw rows evenly over the whole table, and fit them as if they were all.

    The learning curve is always drawn: it says whether the sample was enough.

    Args:
        spec: what to fit. With fit.jobs left at 0 there is one process: each further one would
            need memory of its own, and has it taken from the sample.
        cached: the rows; held-out ones are not touched.
        places: where the journal is.
        budget: of memory.
        tell: told of runs.

    Raises:
        FitFailed: every run failed, and why.
        BadSpecification: the specification names what there is not, or memory is too small.
    """
    jobs = spec.fit.jobs or 1
    curve = spec.fit.curve or Curve(sizes=5, repeats=2)
    fit = spec.fit.model_copy(update={"jobs": jobs, "curve": curve})
    alone = spec.model_copy(update={"fit": fit})
    total = len(cached.fitted) + len(cached.validation)
    processes = 1 if jobs == 1 else jobs + 1
    row_bytes = _row_bytes(alone, cached) * processes
    most = budget.rows(row_bytes, 1, total)
    table = _drawn(alone, cached, most)
    chosen = choose(alone, table, places, tell)
    fitted_rows = round(len(table) * (1 - spec.split.validation))
    share = f"all {total:,}" if len(table) == total else f"{len(table):,} of {total:,}"
    words = f"{share} rows were drawn evenly, as many as fit into memory, and fitted at once"
    why = chosen.curve.words if chosen.curve else "there is no learning curve"
    chosen = replace(chosen, notes=(f"{words}; {why}", *chosen.notes))
    del table
    prepared = measured(
        FittedFeatures(chosen.model["features"], (), 0),
        cached,
        spec.feature_columns(),
        budget,
        spec.medium.batch_rows,
        spec.model.seed,
    )
    return Outcome(chosen, prepared, words, fitted_rows)


def _row_bytes(spec: Specification, cached: Cached) -> float:
    """Return what a row takes while it is fitted, by the first rows."""
    head = next(cached.fitted.batches(spec.feature_columns(), 1))
    trial = unfitted(spec, drawn(spec, 0))
    X = trial["features"].fit_transform(head.X, head.y)
    made = matrix_bytes(X) / len(head.y)
    grown = _growth_bytes(trial["model"], X, head.y)
    return cached.row_bytes * RAW_COPIES + made * FEATURE_COPIES + grown * MODELS


def _growth_bytes(model: Estimator, X: Any, y: Array) -> float:
    """Return by how much a model grows with a row: forests do, linear models do not."""
    half = len(y) // 2
    sizes = []
    for rows in (half, len(y)):
        stored = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the fit itself will tell
            joblib.dump(clone(model).fit(X[:rows], y[:rows]), stored)
        sizes.append(stored.tell())
    return max(0.0, (sizes[1] - sizes[0]) / (len(y) - half))


def _drawn(spec: Specification, cached: Cached, most: int) -> Table:
    columns = list(spec.columns)
    sample = Sample(most, spec.model.seed)
    for batch in _batches(cached, columns, max(1, most // 8)):
        sample.see(batch.X)
    frame = sample.frame()
    group = spec.split.group
    return Table(
        X=frame[spec.feature_columns()],
        y=cached.fitted.targets(frame[spec.target.column]),
        groups=frame[group].to_numpy() if group else None,
    )


def _batches(cached: Cached, columns: list[str], rows: int) -> Iterable[Batch]:
    return chain(cached.fitted.batches(columns, rows), cached.validation.batches(columns, rows))
