"""The first half of a life cycle on Spark: extract, split, features, fits, and the way back."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

import pyspark.sql.functions as F
from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, SparkSession

from models.errors import BadData, BadSpecification
from models.evidence import Fitted
from models.fit.run import Chosen
from models.places import Places
from models.rows import Array
from models.spark.contract import Checked, check, highest_mark, write_rejected
from models.spark.frames import (
    FITTED,
    HELD_OUT,
    ORDER,
    PART,
    VALIDATION,
    collected,
    quoted,
    targets,
    with_places,
)
from models.spark.learners import FOREST_DEPTH, learner
from models.spark.preparation import (
    LABEL,
    Preparation,
    featured,
    fit_features,
    refuse_unsupported,
)
from models.spark.runs import Vectors, Winner, best_of
from models.spark.scores import metrics_of, refuse_unknown
from models.spark.session import Session, spark_session
from models.spark.source import raw_rows, source_words
from models.spark.way_back import prove_same, to_pipeline
from models.spec import Specification
from models.stages import Stages, plain

SAMPLE_ROWS: Final = 5000
"""Held-out and fitted rows that come to the driver, drawn evenly; the metrics are of all."""


@dataclass(frozen=True)
class SparkEngine:
    """An engine of the life cycle.

    Args:
        session: how to reach Spark.
    """

    session: Session = field(default_factory=Session)

    def __call__(
        self,
        spec: Specification,
        places: Places,
        stages: Stages,
        is_known: Callable[[str], bool],
    ) -> Fitted | None:
        """Return the winner, or None if `is_known` says so of the rows' fingerprint.

        Raises:
            BadSpecification: something that is asked for cannot be done on Spark, by name.
            BadData: the rows cannot be read, or do not do.
            ArtefactError: the model that came back answers something else than Spark's.
        """
        refuse(spec)
        with ExitStack() as open_session:
            with stages.stage("spark") as out:
                session = spark_session(self.session, spec.model.name)
                spark = open_session.enter_context(session)
                out.shape = f"Spark {spark.version}, {spark.sparkContext.master}"
            return _run(spark, spec, places, stages, is_known)


def refuse(spec: Specification) -> None:
    """Refuse, before Spark starts, what this engine does not do.

    Raises:
        BadSpecification: such a thing, by name.
    """
    for part in ("epochs", "curve"):
        if getattr(spec.fit, part) is not None:
            raise BadSpecification(
                f'fit.{part}: MLlib fits in one go; engine = "spark" has no {part}'
            )
    refuse_unsupported(spec)
    refuse_unknown(spec)
    learner(spec)


@dataclass(frozen=True)
class _Parts:
    """Typed rows with label, order and part; cached."""

    rows: DataFrame
    counts: dict[str, int]
    classes: Array | None

    def of(self, part: str) -> DataFrame:
        return self.rows.where(F.col(PART) == part).drop(PART)


def _run(
    spark: SparkSession,
    spec: Specification,
    places: Places,
    stages: Stages,
    is_known: Callable[[str], bool],
) -> Fitted | None:
    with stages.stage("extract") as out:
        checked = check(raw_rows(spark, spec, places), spec, places)
        side = write_rejected(checked, spec, places)
        counts = checked.counts
        out.shape = f"{counts.read:,} rows read, {counts.taken:,} taken"
        out.sample = f"{counts.rejected:,} rejected: {side}" if side else "none rejected"
    try:
        fingerprint = _fingerprint(checked, spec)
        if is_known(fingerprint):
            return None
        with _divided(checked, spec, stages) as parts:
            prepared, winner = _fit(parts, spec, stages)
            return _fitted(spec, checked, parts, (prepared, winner), fingerprint)
    finally:
        checked.close()


@contextmanager
def _divided(checked: Checked, spec: Specification, stages: Stages) -> Iterator[_Parts]:
    with stages.stage("split") as out:
        classes = _classes(checked, spec)
        rows = with_places(checked.taken, spec).withColumn(LABEL, _label(spec, classes))
        rows = rows.persist(StorageLevel.MEMORY_AND_DISK)
        found = rows.groupBy(PART, *([LABEL] if classes is not None else [])).count().collect()
        counts = dict.fromkeys((FITTED, VALIDATION, HELD_OUT), 0)
        for row in found:
            counts[row[PART]] += int(row["count"])
        out.shape = ", ".join(f"{rows:,} {part}" for part, rows in counts.items())
    _refuse_empty(counts)
    if classes is not None:
        fitted = {row[LABEL] for row in found if row[PART] == FITTED}
        absent = [label for at, label in enumerate(classes) if at not in fitted]
        if absent or len(classes) < 2:
            raise BadData(
                f"class {plain(absent[0])!r} is in no row to fit on; it is too rare"
                if absent
                else f"all rows have the class {plain(classes[0])!r}; two are needed"
            )
    try:
        yield _Parts(rows, counts, classes)
    finally:
        rows.unpersist()


def _fit(parts: _Parts, spec: Specification, stages: Stages) -> tuple[Preparation, Winner]:
    with stages.stage("features") as out:
        prepared = fit_features(parts.of(FITTED), spec, parts.classes)
        fitted = featured(parts.of(FITTED), spec, prepared, fitting=True)
        fitted = fitted.persist(StorageLevel.MEMORY_AND_DISK)
        fitted.count()
        width = len(prepared.features.get_feature_names_out())
        out.shape = f"{width} features of {len(spec.feature_columns())} columns"
        out.sample = ", ".join(map(str, prepared.features.get_feature_names_out()[:4])) + ", …"
    vectors = Vectors(
        fitted,
        featured(parts.of(VALIDATION), spec, prepared, fitting=False),
        featured(parts.of(HELD_OUT), spec, prepared, fitting=False),
        parts.counts[FITTED],
    )
    try:
        winner = best_of(spec, vectors, parts.classes, stages)
        with stages.stage("score") as out:
            metrics = metrics_of(winner.model.transform(vectors.held_out), parts.classes)
            winner = winner.judged(metrics, vectors.held_out)
            out.shape = f"on {parts.counts[HELD_OUT]:,} held-out rows"
            out.sample = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    finally:
        fitted.unpersist()
    return prepared, winner


def _fitted(
    spec: Specification,
    checked: Checked,
    parts: _Parts,
    made: tuple[Preparation, Winner],
    fingerprint: str,
) -> Fitted:
    prepared, winner = made
    model = to_pipeline(prepared, winner, parts.classes)
    held_out = _sample(parts.of(HELD_OUT), spec)
    known = _sample(parts.of(FITTED), spec, ends=True)
    names = spec.feature_columns()
    prove_same(model, winner, held_out[names], SAMPLE_ROWS, parts.classes)
    return Fitted(
        chosen=Chosen(model, winner.run, winner.runs, notes=_notes(spec, winner)),
        counts=checked.counts,
        source=source_words(spec.source),
        X=held_out[names],
        y=targets(held_out, spec),
        known=known[names],
        known_y=targets(known, spec),
        held_out=held_out,
        metrics=winner.metrics,
        fitted_rows=parts.counts[FITTED],
        held_out_rows=parts.counts[HELD_OUT],
        fingerprint=fingerprint,
        mark=highest_mark(checked, spec),
    )


def _sample(rows: DataFrame, spec: Specification, *, ends: bool = False) -> Any:
    """Return rows drawn evenly; with `ends`, those too that have a number's least or most."""
    chosen = rows.orderBy(ORDER).limit(SAMPLE_ROWS).select(*map(quoted, spec.columns))
    numbers = [name for name, one in spec.columns.items() if one.type in ("integer", "number")]
    if ends and numbers:
        whole = F.struct(*map(quoted, spec.columns))
        extremes = [by(whole, quoted(name)) for name in numbers for by in (F.min_by, F.max_by)]
        found = rows.agg(F.array_compact(F.array_distinct(F.array(*extremes))).alias("rows"))
        chosen = chosen.unionByName(found.select(F.inline("rows")).subtract(chosen))
    return collected(chosen, spec.columns)


def _classes(checked: Checked, spec: Specification) -> Array | None:
    if spec.model.task == "regression":
        if spec.columns[spec.target.column].type not in ("integer", "number"):
            raise BadSpecification(f"target: {spec.target.column!r} is no number")
        return None
    target = spec.target.column
    distinct = checked.taken.select(quoted(target)).distinct().limit(MOST_CLASSES + 1)
    found = collected(distinct, {target: spec.columns[target]}).sort_values(target)
    if len(found) > MOST_CLASSES:
        raise BadData(f"{target!r} has more than {MOST_CLASSES} classes; is it a number?")
    return targets(found, spec)


MOST_CLASSES: Final = 1000


def _label(spec: Specification, classes: Array | None) -> Column:
    target = quoted(spec.target.column)
    if classes is None:
        return cast("Column", target.cast("double"))
    known = F.array(*(F.lit(plain_value) for plain_value in classes.tolist()))
    return (F.array_position(known, target) - 1).cast("double")


def _refuse_empty(counts: dict[str, int]) -> None:
    for part in (FITTED, HELD_OUT):
        if not counts[part]:
            raise BadData(f"no rows are {part}; there are too few, or split leaves none")


def _fingerprint(checked: Checked, spec: Specification) -> str:
    """Return SHA-256 of the rows that were taken, whatever their order."""
    hashed = [
        F.sum(F.xxhash64(F.lit(salt), *map(quoted, spec.columns)).cast("decimal(38,0)"))
        for salt in range(2)
    ]
    sums = checked.taken.agg(*hashed).first()
    text = f"{sorted(spec.columns)} {checked.counts.taken} {tuple(sums or ())}"
    return hashlib.sha256(text.encode()).hexdigest()


def _notes(spec: Specification, winner: Winner) -> tuple[str, ...]:
    notes = [f"fitted by Spark's MLlib ({winner.words}) and carried over to scikit-learn"]
    if winner.learner.name.startswith("RandomForest") and "max_depth" not in winner.given:
        notes.append(f"max_depth is {FOREST_DEPTH}: nothing was said, and MLlib's has an end")
    if spec.split.stratified:
        notes.append("stratified: classes are divided by chance here, evenly where rows are many")
    if spec.split.resplit and spec.fit.runs > 1:
        notes.append("all runs had the same fitting and validation rows")
    return tuple(notes)
