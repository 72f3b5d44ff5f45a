"""`python -m service score` as a process, and what joblib says of the same rows."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from tests.integration.conftest import FIXTURES
from tests.integration.reference import matrix
from tests.integration.rows import columns, draw
from tests.integration.server import ROOT

LIMIT_S = 300.0
ENV = {"PYTHONPATH": f"{FIXTURES}{os.pathsep}{ROOT}"}


def frame(store: Path, model: str, count: int, seed: int, nulls: float = 0.1) -> pd.DataFrame:
    """Return rows of a model with its training's dtypes, and an id before and a note behind."""
    manifest = json.loads((store / model / "1" / "manifest.json").read_text())
    rows = matrix(columns(manifest), draw(manifest, count, seed, nulls))
    rows.insert(0, "id", range(count))
    rows["note"] = [f"row {i}" if i % 3 else None for i in range(count)]
    return rows


def told(store: Path, model: str, rows: pd.DataFrame) -> tuple[Any, Any]:
    """Return what joblib's model says of a whole table: predictions, and probabilities if any."""
    estimator = joblib.load(store / model / "1" / "model.joblib")
    X = rows.drop(columns=["id", "note"])
    chances = estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else None
    return estimator.predict(X), chances


def agree(got: Any, wanted: Any) -> bool:
    """Return whether labels are equal, or values within 1e-12."""
    if np.asarray(wanted).dtype.kind == "f":
        return bool(np.allclose(np.asarray(got, float), wanted, rtol=1e-12, atol=1e-12))
    return list(got) == list(wanted)


class Scoring:
    """A scoring process.

    Args:
        store: where the models are.
        arguments: the words behind `score`.
        data: standard input.
    """

    def __init__(self, store: Path, *arguments: object, data: bytes | None = None) -> None:
        command = [sys.executable, "-m", "service", "score", *map(str, arguments)]
        if "--workers" not in arguments:
            command += ["--workers", "2"]
        self.process = subprocess.Popen(
            [*command, "--store", str(store)],
            cwd=ROOT,
            env=os.environ | ENV,
            stdin=subprocess.DEVNULL if data is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._data = data

    def end(self) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error."""
        try:
            out, errors = self.process.communicate(self._data, timeout=LIMIT_S)
        finally:
            self.process.kill()
        return self.process.returncode, out.decode(), errors.decode()

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + LIMIT_S
        while not reached():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(self.end())
            time.sleep(0.01)

    def descendants(self) -> dict[int, str]:
        """Return the processes below this one, by pid, with their names."""
        parents: dict[int, list[int]] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
        found, left = {}, [self.process.pid]
        while left:
            for pid in parents.get(left.pop(), []):
                found[pid] = process_name(pid)
                left.append(pid)
        return found

    def workers(self) -> list[int]:
        """Return the workers' pids."""
        return [pid for pid, name in self.descendants().items() if name.startswith("percore-w")]

    def signal(self, which: signal.Signals) -> None:
        self.process.send_signal(which)


def process_name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def all_gone(pids: dict[int, str]) -> bool:
    """Return whether processes end soon; a pid that has another name by now is another process."""
    deadline = time.monotonic() + LIMIT_S
    while left := [pid for pid, name in pids.items() if process_name(pid) == name]:
        states = [Path(f"/proc/{pid}/stat") for pid in left]
        if all(_is_zombie(path) for path in states):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_zombie(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def summary(ended: tuple[int, str, str]) -> dict[str, Any]:
    """Return the summary of a run that must have gone well."""
    assert ended[0] == 0, ended
    said: dict[str, Any] = json.loads(ended[1])
    return said


def parts_of(out: Path) -> int:
    """Return how many parts are finished beside an output."""
    return len(list(out.with_name(out.name + ".parts").glob("0*.arrow")))
