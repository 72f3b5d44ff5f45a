"""One run of a specification: extract, fit, judge, publish, promote, and remember.

Engines do the first half, each in its own way (memory, batches, Spark); what follows is the same
for all.
"""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from models.errors import StoreError
from models.evidence import Comparison, Evidence, Fitted
from models.export import Exported, export
from models.extract import commit_mark
from models.manifest import TrainingData
from models.metrics import METRICS, Metric, metric_named
from models.places import Places
from models.policies import read_rule
from models.publish.challenge import challenge
from models.publish.history import Entry, History, Outcome
from models.publish.lineage import lineage, write_specification
from models.publish.lock import only_run
from models.release import Candidate, Facts, Release, release
from models.report import write_report
from models.spec import Specification
from models.stages import Stage, Stages, plain
from models.store import Store


class Engine(Protocol):
    """Does the first half of a run."""

    def __call__(
        self,
        spec: Specification,
        places: Places,
        stages: Stages,
        is_known: Callable[[str], bool],
    ) -> Fitted | None:
        """Return the winner, or None if `is_known` says so of the rows' fingerprint."""


@dataclass(frozen=True)
class Job:
    """What to run.

    Args:
        spec: what is asked for.
        folder: where its file lies; the git revision of it is kept.
        store: where versions go.
        places: where rows come from, and where things are kept between runs.
        only_if_new: make nothing if the same rows and specification made a version already.
    """

    spec: Specification
    folder: Path
    store: Store
    places: Places
    only_if_new: bool = False


@dataclass(frozen=True)
class Done:
    """What came of a run; a release if there was something new."""

    entry: Entry
    release: Release | None = None
    comparison: Comparison | None = None


def run(job: Job, engine: Engine, stages: Stages) -> Done:
    """Run a specification once; what came of it is in the history, failures too.

    Raises:
        StoreError: another run is at work, the data or the specification does not do, or the
            model cannot be served; the text says why.
    """
    with only_run(job.places.work):
        history, begin = History(job.places.work), time.monotonic()
        try:
            done = _run(job, engine, stages, history.last_fingerprint())
        except Exception as error:
            words = str(error) if isinstance(error, StoreError) else repr(error)
            history.add(_entry("failed", words, begin))
            raise
        entry = done.entry.model_copy(update={"seconds": time.monotonic() - begin})
        history.add(entry)
        return Done(entry, done.release, done.comparison)


def _run(job: Job, engine: Engine, stages: Stages, last: str) -> Done:
    begin = time.monotonic()
    told: list[Stage] = []

    def finished(stage: Stage) -> None:
        told.append(stage)
        stages.finished(stage)

    watched = Stages(stages.started, finished)

    def is_known(rows: str) -> bool:
        return job.only_if_new and _fingerprint(job.spec, rows) == last

    fitted = engine(job.spec, job.places, watched, is_known)
    if fitted is None:
        return Done(_entry("nothing_new", "the rows are those of the last version", begin))
    comparison = _compare(job, fitted, watched)
    done = _publish(job, fitted, comparison, told, watched)
    commit_mark(job.spec, job.places, fitted.mark, fitted.unmarked_rows)
    outcome, words = _decide(job, done, comparison)
    entry = _entry(outcome, words, begin)
    more = {
        "version": done.manifest.version,
        "metrics": dict(fitted.metrics),
        "fingerprint": _fingerprint(job.spec, fitted.fingerprint),
    }
    return Done(entry.model_copy(update=more), done, comparison)


def _compare(job: Job, fitted: Fitted, stages: Stages) -> Comparison | None:
    if not job.store.versions(job.spec.model.name):
        return None
    with stages.stage("compare") as out:
        comparison = challenge(job.spec, job.store, fitted, _deciding_first(job.spec, fitted))
        out.shape = f"with version {comparison.version} on {len(fitted.y)} held-out rows"
        ours = {name: values[0] for name, values in comparison.metrics.items()}
        theirs = {name: values[1] for name, values in comparison.metrics.items()}
        out.sample = "; ".join(comparison.refusals) or ", ".join(
            f"{name} {plain(ours[name])} (was {plain(theirs[name])})" for name in ours
        )
    return comparison


def _publish(
    job: Job,
    fitted: Fitted,
    comparison: Comparison | None,
    told: Sequence[Stage],
    stages: Stages,
) -> Release:
    spec = job.spec

    def write_more(folder: Path, facts: Facts) -> None:
        write_specification(spec, folder)
        if spec.publish.export:
            with stages.stage("export") as out:
                out.shape, out.sample = _export(spec, fitted, facts, folder)
        if spec.publish.report:
            with stages.stage("report") as out:
                try:
                    write_report(_evidence(job, fitted, comparison, told), folder)
                    out.shape = "report/index.html"
                except StoreError as error:  # no reason to lose the fits
                    out.shape, out.sample = "none", str(error)

    candidate = Candidate(
        model=fitted.chosen.model,
        known=fitted.known,
        held_out=fitted.X,
        description=spec.model.description,
        rules=tuple(map(read_rule, spec.publish.policies)),
        metrics=dict(fitted.metrics),
        training=TrainingData(
            source=fitted.source,
            rows=fitted.fitted_rows,
            held_out_rows=fitted.held_out_rows,
            fingerprint=fitted.fingerprint,
        ),
        lineage=lineage(spec, fitted, job.folder),
        write_more=write_more,
    )
    return release(job.store, spec.model.name, candidate, stages)


def _export(spec: Specification, fitted: Fitted, facts: Facts, folder: Path) -> tuple[str, str]:
    """Write what can be exported; what cannot is told, and no reason to lose the fits."""
    written: list[Exported] = []
    refused: list[str] = []
    for kind in spec.publish.export:
        try:
            written += export(fitted.chosen.model, [kind], facts, folder)
        except StoreError as error:
            refused.append(str(error))
    files = sum(len(one.files) for one in written)
    return f"{files} files", "; ".join([*(one.words for one in written), *refused])


def _decide(job: Job, done: Release, comparison: Comparison | None) -> tuple[Outcome, str]:
    """Promote the version, or say why not."""
    name, version = done.manifest.name, done.manifest.version
    if comparison is None:
        return "promoted", "the first version serves"
    rule = job.spec.publish.promote
    if rule == "never":
        return "kept", f"promote = never; version {comparison.version} goes on serving"
    if rule == "if_better" and comparison.refusals:
        return "refused", "; ".join(comparison.refusals)
    job.store.promote(name, version)
    better = "better by what was asked" if not comparison.refusals else "promote = always"
    return "promoted", f"{better}; version {comparison.version} is the previous one"


def _evidence(
    job: Job, fitted: Fitted, comparison: Comparison | None, told: Sequence[Stage]
) -> Evidence:
    spec = job.spec
    # The store holds its lock while files are written: nobody else takes this number.
    version = max(job.store.versions(spec.model.name), default=0) + 1
    return Evidence(
        specification=spec,
        version=version,
        stages=tuple(_without_folder(stage, job.places.work) for stage in told),
        counts=fitted.counts,
        chosen=fitted.chosen,
        X=fitted.X,
        y=fitted.y,
        known=fitted.known_rows(spec.target.column),
        metrics=fitted.metrics,
        comparison=comparison,
    )


def _without_folder(stage: Stage, work: Path) -> Stage:
    """Return a stage for readers elsewhere, to whom this machine's folders say nothing."""
    return replace(stage, sample=stage.sample.replace(f"{work}{os.sep}", ""))


def _deciding_first(spec: Specification, fitted: Fitted) -> list[Metric]:
    deciding = metric_named(spec.metric, spec.model.task)
    return [deciding, *(METRICS[name] for name in fitted.metrics if name != deciding.name)]


def _fingerprint(spec: Specification, rows: str) -> str:
    return hashlib.sha256(f"{spec.model_dump_json()}\n{rows}".encode()).hexdigest()


def _entry(outcome: Outcome, words: str, begin: float) -> Entry:
    seconds = time.monotonic() - begin
    return Entry(at=datetime.now(UTC), outcome=outcome, words=words, seconds=seconds)
