"""The first half of a life cycle on rows that fit into memory: from a source to a winner."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from models.errors import BadData
from models.evidence import Fitted
from models.extract import extract
from models.extract.kept import with_kept_rows
from models.extract.progress import Progress as ReadProgress
from models.extract.progress import silent as read_silent
from models.fit.ahead import refuse_ahead
from models.fit.choose import choose
from models.fit.progress import Progress as FitProgress
from models.fit.progress import silent as fit_silent
from models.fit.run import Chosen
from models.fit.table import Table
from models.held_out import held_out_mask
from models.metrics import held_out_metrics, metric_named
from models.places import Places
from models.rows import Array
from models.spec import Specification
from models.stages import Stages, plain, sample_of, shape_of
from models.transform.inputs import model_rows

SHOWN_ROWS: Final = 5000
"""Held-out rows at most that prove the stored copy, and are drawn; the metrics are of all."""


@dataclass(frozen=True)
class MemoryEngine:
    """An engine of the life cycle.

    Args:
        tell_reading: told of every chunk that is read.
        tell_fits: told of runs, epochs and the learning curve.
    """

    tell_reading: ReadProgress = read_silent
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
            BadSpecification: the specification names what there is not.
            BadData: the rows cannot be read, or do not do.
            FitFailed: every run failed, and why.
        """
        refuse_ahead(spec)
        with stages.stage("extract") as out:
            rows = with_kept_rows(spec, places, extract(spec, places, self.tell_reading))
            counts = rows.counts
            out.shape = f"{counts.read:,} rows read, {counts.taken:,} taken"
            out.sample = f"{counts.rejected:,} rejected: {rows.rejected_file}"
            if rows.rejected_file is None:
                out.sample = "none rejected"
        fingerprint = _fingerprint(rows.frame)
        if is_known(fingerprint):
            return None
        known, held_out, judge = _divided(spec, places, rows.frame, stages)
        with stages.stage("fit") as out:
            chosen = choose(spec, known, places, self.tell_fits)
            out.shape, out.sample = _words(spec, chosen)
        with stages.stage("score") as out:
            metrics = _metrics(spec, chosen, held_out)
            out.shape = f"on {len(held_out):,} held-out rows"
            out.sample = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        shown = _spread(len(held_out))
        return Fitted(
            chosen=chosen,
            counts=rows.counts,
            source=rows.source,
            X=held_out.take(shown).X,
            y=held_out.y[shown],
            known=known.X,
            known_y=known.y,
            held_out=rows.frame[judge].iloc[shown].reset_index(drop=True),
            metrics=metrics,
            fitted_rows=len(known),
            held_out_rows=len(held_out),
            fingerprint=fingerprint,
            mark=rows.mark,
            unmarked_rows=rows.unmarked_rows,
        )


def _divided(
    spec: Specification, places: Places, frame: pd.DataFrame, stages: Stages
) -> tuple[Table, Table, Array]:
    """Return the rows that runs may see, those that judge the winner, and which these are."""
    with stages.stage("split") as out:
        telling = [spec.split.group] if spec.split.group else list(spec.columns)
        judge = held_out_mask(frame, telling, spec.split.held_out, spec.model.seed)
        if not judge.any() or judge.all():
            raise BadData(
                f"of {len(frame)} rows {int(judge.sum())} are held out; give more rows, or another"
                " split.held_out"
            )
        X = model_rows(spec, frame, places.data)
        y = frame[spec.target.column].to_numpy()
        groups = frame[spec.split.group].to_numpy() if spec.split.group else None
        whole = Table(X, y, groups)
        known, held_out = whole.take(np.flatnonzero(~judge)), whole.take(np.flatnonzero(judge))
        out.shape = f"{len(known):,} rows for the runs, {len(held_out):,} held out"
        out.sample = f"{shape_of(X)}; {sample_of(X)}"
    return known, held_out, judge


def _metrics(spec: Specification, chosen: Chosen, held_out: Table) -> dict[str, float]:
    deciding = metric_named(spec.metric, spec.model.task)
    score = deciding.score(chosen.model, held_out.X, held_out.y)
    usual = held_out_metrics(chosen.model, spec.model.task, held_out.X, held_out.y)
    return {deciding.name: score, **usual}


def _words(spec: Specification, chosen: Chosen) -> tuple[str, str]:
    """Return what the runs came to, and the winner's parameters."""
    scores = [run.score for run in chosen.runs if not run.error]
    best = f"{spec.metric} {chosen.best.score:.4f} on its validation rows"
    if len(scores) > 1:
        best = f"best of {len(scores)}: {best}, from {min(scores):.4f} to {max(scores):.4f}"
    drawn = ", ".join(f"{name} {plain(value)}" for name, value in chosen.best.parameters.items())
    return best, drawn or spec.fit.estimator.name


def _spread(rows: int) -> Array:
    """Return indices of rows, all of them or so many evenly over all."""
    return np.unique(np.linspace(0, rows - 1, min(rows, SHOWN_ROWS)).astype(int))


def _fingerprint(frame: pd.DataFrame) -> str:
    digest = hashlib.sha256()
    for name, column in frame.items():
        digest.update(f"{name}\0{column.dtype}\0".encode())
        digest.update(pd.util.hash_pandas_object(column, index=False).to_numpy("<u8").tobytes())
    return digest.hexdigest()
