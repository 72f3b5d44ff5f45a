"""The first half of a life cycle on rows that do not fit into memory: from a source to a winner."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.errors import BadSpecification
from models.evidence import Fitted
from models.extract.batches import Batches, batches
from models.extract.extracted import RowCounts
from models.fit.ahead import refuse_ahead
from models.fit.one import unfitted
from models.fit.progress import Progress as FitProgress
from models.fit.progress import silent as fit_silent
from models.medium.caching import Cached, cache_folder, cache_rows
from models.medium.candidates import candidates_of
from models.medium.judging import judge
from models.medium.kept import all_rows
from models.medium.memory import Budget, peak_bytes
from models.medium.prepared import RAW_COPIES, prepare
from models.medium.progress import Progress, silent
from models.medium.runs import Outcome, fit_all, refuse_unfit
from models.medium.sampling import fit_sampled
from models.metrics import held_out_metrics, metric_named
from models.places import Places
from models.spec import Specification
from models.stages import Stages, plain

CELL_BYTES: Final = 64
"""A guess at a cell, before the first row is read."""
MEGABYTE: Final = 1_000_000


@dataclass(frozen=True)
class BatchEngine:
    """An engine of the life cycle.

    Args:
        tell: told of the passes.
        tell_fits: told of runs and of the learning curve of a sample.
    """

    tell: Progress = silent
    tell_fits: FitProgress = fit_silent

    def __call__(
        self,
        spec: Specification,
        places: Places,
        stages: Stages,
        is_known: Callable[[str], bool],
    ) -> Fitted | None:
        """Return the winner, or None if `is_known` says so of the rows' fingerprint.

        Raises:
            BadSpecification: what is asked for cannot be done batch by batch, or not in so little
                memory; and what can.
            BadData: the rows cannot be read, or do not do.
            FitFailed: every run failed, and why.
        """
        refuse(spec)
        budget = Budget(spec.medium.memory_bytes)
        most = spec.medium.batch_rows
        batch_rows = budget.rows(CELL_BYTES * len(spec.columns), RAW_COPIES, most)
        # Sums of threads differ in their last bits; models.fit has one thread a fit, too.
        with threadpool_limits(1), cache_folder(places) as folder:
            reader = batches(spec, places, batch_rows, self.tell)
            with stages.stage("extract") as out:
                cached = self._cached(spec, places, reader, folder, batch_rows)
                out.shape, out.sample = _rows_words(reader.counts, cached)
            if is_known(cached.fingerprint):
                return None
            outcome = self._fitted(spec, places, stages, cached)
            return self._judged(spec, stages, reader, outcome)

    def _cached(
        self,
        spec: Specification,
        places: Places,
        reader: Batches,
        folder: Path,
        batch_rows: int,
    ) -> Cached:
        rows = all_rows(spec, places, reader, folder, batch_rows)
        return cache_rows(spec, rows, reader.source, folder, batch_rows, self.tell)

    def _fitted(
        self, spec: Specification, places: Places, stages: Stages, cached: Cached
    ) -> Outcome:
        budget = Budget(spec.medium.memory_bytes)
        if spec.medium.strategy == "sample":
            with stages.stage("fit") as out:
                outcome = fit_sampled(spec, cached, places, budget, self.tell_fits)
                out.shape, out.sample = outcome.words, peak_words(spec)
            return outcome
        with stages.stage("features") as out:
            candidates = candidates_of(spec)
            columns = spec.feature_columns()
            features = unfitted(spec, candidates[0].draw)["features"]
            prepared = prepare(
                cached, features, columns, budget, spec.medium.batch_rows, spec.model.seed
            )
            out.shape = f"{prepared.width:,} features, {prepared.features.passes} passes"
            out.sample = f"batches of {prepared.batch_rows:,} rows"
        with stages.stage("fit") as out:
            outcome = fit_all(spec, candidates, prepared, self.tell_fits)
            out.shape, out.sample = outcome.words, peak_words(spec)
        return outcome

    def _judged(
        self, spec: Specification, stages: Stages, reader: Batches, outcome: Outcome
    ) -> Fitted:
        cached, metric = outcome.prepared.cached, metric_named(spec.metric, spec.model.task)
        model = outcome.chosen.model["model"]
        with stages.stage("score") as out:
            judged = judge(outcome.prepared, cached.held_out, [model])
            answers = judged.answers[0]
            metrics = {metric.name: metric.score(answers, judged.y, judged.y)}
            metrics |= held_out_metrics(answers, spec.model.task, judged.y, judged.y)
            out.shape = f"{judged.rows:,} of {len(cached.held_out):,} held-out rows"
            out.sample = ", ".join(f"{name} {plain(value)}" for name, value in metrics.items())
        names, target = spec.feature_columns(), spec.target.column
        known, held_out = cached.known_sample, cached.held_out_sample
        return Fitted(
            chosen=replace(outcome.chosen, notes=(*outcome.chosen.notes, peak_words(spec))),
            counts=reader.counts,
            source=reader.source,
            X=held_out[names],
            y=cached.held_out.targets(held_out[target]),
            known=known[names],
            known_y=cached.fitted.targets(known[target]),
            held_out=held_out,
            metrics=metrics,
            fitted_rows=outcome.fitted_rows,
            held_out_rows=judged.rows,
            fingerprint=cached.fingerprint,
            mark=reader.mark,
            unmarked_rows=reader.unmarked_rows,
        )


def refuse(spec: Specification) -> None:
    """Refuse, before anything is read, what this engine does not do.

    Raises:
        BadSpecification: such a thing, by name.
    """
    if spec.features[0].kind == "picture":
        raise BadSpecification(
            'features: pictures are files, read one by one; engine = "batches" is for tables: take'
            ' engine = "memory"'
        )
    for name in ("held_out", "validation"):
        if getattr(spec.split, name) == 0:
            raise BadSpecification(f"split.{name} is 0; give it a share of the rows")
    if spec.fit.epochs is not None and spec.medium.strategy in ("average", "exact"):
        raise BadSpecification(
            f'fit.epochs: strategy = "{spec.medium.strategy}" fits in one go; take "partial_fit"'
        )
    if spec.fit.curve is not None and spec.medium.strategy != "sample":
        raise BadSpecification(
            "fit.curve: rows are seen batch by batch, all of them; for a learning curve take"
            ' strategy = "sample"'
        )
    refuse_ahead(spec)
    if spec.medium.strategy != "sample":
        refuse_unfit(spec.medium.strategy, candidates_of(spec)[0].model)


def _rows_words(counts: RowCounts, cached: Cached) -> tuple[str, str]:
    shape = (
        f"{counts.read:,} rows read, {counts.taken:,} taken:"
        f" {len(cached.fitted):,} to fit on, {len(cached.validation):,} to compare runs,"
        f" {len(cached.held_out):,} held out"
    )
    return shape, f"{cached.disk_bytes / MEGABYTE:,.0f} MB as Parquet until the end"


def peak_words(spec: Specification) -> str:
    """Return the peak of this process's memory so far, in words."""
    peak, limit = peak_bytes(), spec.medium.memory_bytes
    words = f"peak memory {peak / MEGABYTE:,.0f} MB of {limit / MEGABYTE:,.0f} MB allowed"
    return words if peak <= limit else f"{words}: TOO MUCH; set medium.memory_bytes lower"
