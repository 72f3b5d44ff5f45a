"""The best of N fits by MLlib, one after the other: each of them has the whole cluster."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyspark.sql.functions as F
from pyspark.sql import DataFrame

from models.errors import BadSpecification
from models.fit.draw import Draw, drawn
from models.fit.run import Run
from models.rows import Array
from models.spark.learners import Facts, Given, Learner, learner, mllib_estimator
from models.spark.scores import is_better, metrics_of
from models.spec import Specification
from models.stages import Stages


@dataclass(frozen=True)
class Vectors:
    """`features` and `label` of the three parts.

    Args:
        fitted: cached.
        validation: may be empty.
        held_out: seen by no fit.
        rows: how many are fitted.
    """

    fitted: DataFrame
    validation: DataFrame
    held_out: DataFrame
    rows: int


@dataclass(frozen=True)
class Winner:
    """The best fit.

    Args:
        learner: what was fitted.
        given: its parameters, drawn ones among them.
        model: MLlib's.
        run: its scores.
        runs: all of them.
        metrics: on all held-out rows.
        held_out: the rows that gave them.
    """

    learner: Learner
    given: Given
    model: Any
    run: Run
    runs: tuple[Run, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)
    held_out: DataFrame | None = None

    @property
    def words(self) -> str:
        """MLlib's class."""
        return type(self.model).__name__

    def judged(self, metrics: Mapping[str, float], held_out: DataFrame) -> "Winner":
        """Return the winner with its metrics."""
        return replace(self, metrics=metrics, held_out=held_out)


def best_of(spec: Specification, vectors: Vectors, classes: Array | None, stages: Stages) -> Winner:
    """Fit `runs` times and keep the best by the validation rows.

    Raises:
        BadSpecification: a parameter, or the number of classes, is not MLlib's.
    """
    found = learner(spec)
    if found.classes and classes is not None and len(classes) > found.classes:
        raise BadSpecification(
            f"fit.estimator: {found.name} by MLlib is for {found.classes} classes, and there are"
            f" {len(classes)}; take RandomForestClassifier or LogisticRegression"
        )
    deviation = _deviation(vectors) if classes is None else 1.0
    best: Winner | None = None
    runs: list[Run] = []
    for number in range(spec.fit.runs):
        with stages.stage(f"fit {number + 1} of {spec.fit.runs}") as out:
            draw = drawn(spec, number)
            facts = Facts(vectors.rows, draw.seed, deviation)
            one = _fit(spec, vectors, classes, draw, facts)
            runs.append(one.run)
            out.shape, out.sample = one.words, f"{spec.metric} {one.run.score:.4f}"
        if best is None or is_better(spec.metric, one.run.score, best.run.score):
            best = one
        if _is_enough(spec, one.run):
            break
    if best is None:
        raise BadSpecification("fit.runs is 0")
    return replace(best, runs=tuple(runs))


def _fit(
    spec: Specification, vectors: Vectors, classes: Array | None, draw: Draw, facts: Facts
) -> Winner:
    begin, found = time.monotonic(), learner(spec)
    given = {**spec.fit.estimator.parameters, **draw.parameters}
    estimator = mllib_estimator(found, given, facts)
    model = estimator.fit(vectors.fitted)
    fitted = metrics_of(model.transform(vectors.fitted), classes)[spec.metric]
    score = metrics_of(model.transform(vectors.validation), classes)[spec.metric]
    seconds = time.monotonic() - begin
    run = Run(draw.number, draw.seed, draw.parameters, score, fitted, seconds)
    return Winner(found, given, model, run, (run,))


def _deviation(vectors: Vectors) -> float:
    row = vectors.fitted.agg(F.stddev_pop("label")).first()
    # MLlib scales a constant target by its mean, or not at all.
    return 1.0 if row is None or not row[0] else float(row[0])


def _is_enough(spec: Specification, run: Run) -> bool:
    wanted = spec.fit.stop_at
    return wanted is not None and not is_better(spec.metric, wanted, run.score)
