"""Where a version comes from."""

import subprocess
from pathlib import Path
from typing import Final

from models.evidence import Fitted
from models.manifest import Lineage
from models.spec import Specification

GIT_TIMEOUT_S: Final = 5.0
SPECIFICATION: Final = "specification.json"


def lineage(spec: Specification, fitted: Fitted, folder: Path) -> Lineage:
    """Return what a version is told to come from.

    Args:
        spec: what was asked for.
        fitted: what came of it.
        folder: of the specification's file; its git revision is taken.
    """
    best, scores = fitted.chosen.best, fitted.chosen.runs
    return Lineage(
        engine=spec.model.engine,
        rows_read=fitted.counts.read,
        rows_rejected=fitted.counts.rejected,
        runs=len(scores),
        failed_runs=sum(bool(run.error) for run in scores),
        best_run=best.number,
        metric=spec.metric,
        validation_score=best.score,
        held_out_score=fitted.metrics[spec.metric],
        parameters={name: repr(value) for name, value in best.parameters.items()},
        revision=git_revision(folder),
    )


def write_specification(spec: Specification, folder: Path) -> None:
    """Keep what was asked for beside the model; a database's address stays out of it."""
    secret = {"source": {"url"}}
    (folder / SPECIFICATION).write_text(spec.model_dump_json(indent=1, exclude=secret) + "\n")


def git_revision(folder: Path) -> str | None:
    """Return the commit that a folder is at, with + if files differ from it; None if unknown."""
    revision = _git(folder, "rev-parse", "HEAD")
    if not revision:
        return None
    return revision + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *words],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
