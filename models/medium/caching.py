"""The one pass over the source: rows are checked, divided, and written to the cache."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from models.errors import BadData
from models.held_out import held_out_mask
from models.medium.cached import GROUPS_A_BATCH, CachedRows, RowWriter
from models.medium.progress import Progress, silent
from models.medium.sampled import Edges, Sample
from models.places import Places
from models.rows import Array
from models.spec import Specification

SHOWN_ROWS: Final = 5000
"""Rows of each kind that are kept for the schema, the gate and the report."""
MOST_CLASSES: Final = 10_000


@dataclass(frozen=True)
class Cached:
    """What one pass over the source has left.

    Args:
        fitted: rows to fit on.
        validation: rows by which runs are compared.
        held_out: rows that judge the winner.
        known_sample: some of the fitted rows, with all columns, drawn evenly; and those that have
            the lowest, the highest or a missing value of a column, so that ranges are true.
        held_out_sample: some of the held-out rows.
        fingerprint: SHA-256 over the rows that were taken, in order.
        row_bytes: of a row in memory, on average.
        classes: of the target, ascending; None for regression.
    """

    fitted: CachedRows
    validation: CachedRows
    held_out: CachedRows
    known_sample: pd.DataFrame
    held_out_sample: pd.DataFrame
    fingerprint: str
    row_bytes: float
    classes: Array | None

    @property
    def disk_bytes(self) -> int:
        """What the cache takes on disk."""
        return sum(one.path.stat().st_size for one in (self.fitted, self.validation, self.held_out))


@contextmanager
def cache_folder(places: Places) -> Iterator[Path]:
    """Make an empty folder for the cache, and remove it at the end.

    What a killed run left there is removed first.
    """
    folder = places.work / "cache"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def cache_rows(
    spec: Specification,
    frames: Iterable[pd.DataFrame],
    source: str,
    folder: Path,
    batch_rows: int,
    tell: Progress = silent,
) -> Cached:
    """Read the source once, and write its rows to three files.

    Args:
        spec: says which rows are held out, and which are for validation.
        frames: all rows.
        source: where they come from, for a person.
        folder: for the files.
        batch_rows: of the passes to come.
        tell: told of these passes.

    Raises:
        BadData: rows cannot be had, or too many break the contract; a part has no row; there are
            too many classes.
    """
    seen = _Seen(spec)
    group_rows = max(1, batch_rows // GROUPS_A_BATCH)
    with ExitStack() as stack:
        fitted, validation, held_out = (
            stack.enter_context(RowWriter(folder / f"{name}.parquet", spec, group_rows))
            for name in ("fitted", "validation", "held_out")
        )
        for frame in frames:
            judge, compare = _divided(spec, frame)
            fit = ~judge & ~compare
            seen.see(frame, frame[fit], frame[judge])
            held_out.write(frame[judge])
            validation.write(frame[compare])
            fitted.write(frame[fit])
    found = seen.classes.found()
    cached = Cached(
        fitted=fitted.rows(found, tell),
        validation=validation.rows(found, tell),
        held_out=held_out.rows(found, tell),
        known_sample=seen.known_sample(),
        held_out_sample=seen.held_out.frame(),
        fingerprint=seen.digest.hexdigest(),
        row_bytes=seen.row_bytes.value,
        classes=found,
    )
    _refuse_empty(cached, source)
    return cached


def _divided(spec: Specification, frame: pd.DataFrame) -> tuple[Array, Array]:
    """Return which rows are held out, and which of the others are for validation."""
    split, seed = spec.split, spec.model.seed
    columns = [split.group] if split.group else list(spec.columns)
    judge = held_out_mask(frame, columns, split.held_out, seed)
    compare = held_out_mask(frame, columns, split.validation, seed + 1)
    return judge, compare & ~judge


def _refuse_empty(cached: Cached, source: str) -> None:
    parts = {"split.held_out": cached.held_out, "split.validation": cached.validation}
    if not len(cached.fitted):
        raise BadData(f"{source} has no rows to fit on")
    for name, part in parts.items():
        if not len(part):
            raise BadData(
                f"{source}: no row of {len(cached.fitted):,} falls to {name}; rows are drawn one by"
                " one: give more rows, a larger share, or take engine = memory"
            )


class _Seen:
    """What is kept of the rows besides the rows themselves."""

    def __init__(self, spec: Specification) -> None:
        self.digest = hashlib.sha256()
        self.classes = _Classes(spec)
        self.row_bytes = _Mean()
        self.held_out = Sample(SHOWN_ROWS, spec.model.seed)
        self._fitted = Sample(SHOWN_ROWS, spec.model.seed)
        self._edges = Edges()

    def see(self, frame: pd.DataFrame, fitted: pd.DataFrame, held_out: pd.DataFrame) -> None:
        """Take a batch: all of it, what is fitted on, and what is held out."""
        hashed = pd.util.hash_pandas_object(frame, index=False).to_numpy("<u8")
        self.digest.update(hashed.tobytes())
        self.classes.see(frame)
        self.row_bytes.see(frame)
        self._fitted.see(fitted)
        self._edges.see(fitted)
        self.held_out.see(held_out)

    def known_sample(self) -> pd.DataFrame:
        """Return some of the fitted rows, and those at the ends of each column."""
        return pd.concat([self._fitted.frame(), self._edges.rows], ignore_index=True)


class _Mean:
    """The mean size of a row."""

    def __init__(self) -> None:
        self._bytes = self._rows = 0

    @property
    def value(self) -> float:
        """Bytes a row."""
        return self._bytes / max(self._rows, 1)

    def see(self, frame: pd.DataFrame) -> None:
        """Take a batch."""
        self._bytes += int(frame.memory_usage(index=False, deep=True).sum())
        self._rows += len(frame)


class _Classes:
    """The distinct targets of a classification."""

    def __init__(self, spec: Specification) -> None:
        self._target = spec.target.column
        self._known: set[Any] | None = set() if spec.model.task == "classification" else None

    def see(self, frame: pd.DataFrame) -> None:
        """Take the targets of a batch."""
        column = frame[self._target]
        if column.isna().any():
            raise BadData(
                f"the target {self._target!r} is missing in some rows; a row without it teaches"
                " nothing: leave nullable = true out, and such rows are put aside"
            )
        if self._known is None:
            return
        self._known |= set(column.unique().tolist())
        if len(self._known) > MOST_CLASSES:
            raise BadData(
                f"the target {self._target!r} has more than {MOST_CLASSES:,} classes; take"
                " task = regression, or another target"
            )

    def found(self) -> Array | None:
        """Return them, ascending."""
        if self._known is None:
            return None
        ascending = sorted(self._known)
        texts = any(isinstance(one, str) for one in ascending)
        return np.array(ascending, dtype=object if texts else None)
