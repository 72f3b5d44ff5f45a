"""The journal of runs: a line a finished run, safe on the disk before the next one counts.

    <work>/runs/<fingerprint>.jsonl

The fingerprint is of everything that a run's result follows from. So a journal never serves another
specification or other data, and a session after a kill goes on where the last line is. A line that
was half written, and all that follows it, does not count.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

from models.errors import FitFailed
from models.fingerprint import fingerprint
from models.fit.run import Epoch, Run
from models.fit.table import Table
from models.libraries import ALWAYS, installed_versions
from models.spec import Specification

KEPT: Final = 20
"""Journals; older ones are of data and specifications that have passed."""

_LIBRARIES: Final = (*ALWAYS, "xgboost", "xgboost-cpu", "lightgbm")


class Journal:
    """The finished runs of one specification on the same rows.

    Args:
        file: open for reading and writing, at its beginning.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.runs: dict[int, Run] = {}
        valid_bytes = 0
        for line in file:
            run = _read(line)
            if run is None:
                break
            self.runs[run.number] = run
            valid_bytes += len(line)
        file.truncate(valid_bytes)
        file.seek(valid_bytes)

    def add(self, run: Run) -> None:
        """Write a run; when this returns, it outlives a kill and a loss of power."""
        self._file.write(json.dumps(asdict(run), default=_plain).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.runs[run.number] = run


@contextmanager
def journal(work: Path, spec: Specification, known: Table) -> Iterator[Journal]:
    """Open the journal of a specification and its rows, for this process alone.

    Args:
        work: the model's folder of things between runs.
        spec: what is fitted.
        known: the rows that runs see.

    Raises:
        FitFailed: another process fits the same just now.
    """
    folder = work / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run_fingerprint(spec, known)}.jsonl"
    path.touch()
    _forget_old(folder)
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FitFailed(
                f"another process is fitting {spec.model.name} on the same rows; wait for it, or"
                " stop it"
            ) from error
        yield Journal(file)


def run_fingerprint(spec: Specification, known: Table) -> str:
    """Return a hash of all that a run's result follows from, but its number."""
    # More runs, on more processes, go on with what there is.
    fit = spec.fit.model_dump(mode="json", exclude={"runs", "jobs", "stop_at", "curve", "metric"})
    parts = {
        "fit": fit,
        "metric": spec.metric,
        "split": spec.split.model_dump(mode="json"),
        "features": [rule.model_dump(mode="json") for rule in spec.features],
        "types": {name: column.type for name, column in spec.columns.items()},
        "task": spec.model.task,
        "seed": spec.model.seed,
        "rows": fingerprint(known.X, known.y),
        "groups": None if known.groups is None else [str(one) for one in known.groups],
        "versions": installed_versions(_LIBRARIES),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _read(line: bytes) -> Run | None:
    try:
        fields: dict[str, Any] = json.loads(line)
        epochs = tuple(Epoch(**epoch) for epoch in fields.pop("epochs"))
        warnings = tuple(fields.pop("warnings"))
        run = Run(**fields, epochs=epochs, warnings=warnings)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return run if line.endswith(b"\n") else None


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def _forget_old(folder: Path) -> None:
    by_age = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[KEPT:]:
        path.unlink(missing_ok=True)
