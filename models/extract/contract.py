"""The contract of all columns: which rows are taken, and why the others are not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.extract.cells import Typed
from models.extract.chunk import Chunk
from models.extract.frames import frame_of
from models.extract.mark import Watermark
from models.extract.rules import ColumnRule
from models.extract.uniqueness import Uniqueness
from models.rows import Array
from models.spec.columns import ColumnContract


@dataclass(frozen=True)
class Rejection:
    """A row that was not taken.

    Args:
        number: its place in its file.
        reason: the first one.
        original: its cells, or its text if it had none.
    """

    number: int
    reason: str
    original: dict[str, Any] | str


@dataclass(frozen=True)
class Checked:
    """What became of a chunk; rows that an earlier run has had are in neither."""

    frame: pd.DataFrame
    rejections: list[Rejection]


@dataclass
class Verdicts:
    """The first reason against each row; 0 is none."""

    codes: Array
    reasons: list[str] = field(default_factory=lambda: [""])

    def add(self, reason: str, where: Array) -> None:
        """Note a reason against the rows that have none yet."""
        new = where & (self.codes == 0)
        if new.any():
            self.reasons.append(reason)
            self.codes[new] = len(self.reasons) - 1


class Contract:
    """Checks rows against the declared columns.

    Args:
        columns: name → contract, in the order of the frames.
        missing_words: texts of the source that stand for a missing value.
        root: the data root, for pictures.
        watermark: what was read before, and the highest value that this run sees.
    """

    def __init__(
        self,
        columns: Mapping[str, ColumnContract],
        missing_words: tuple[str, ...],
        root: Path,
        watermark: Watermark,
    ) -> None:
        self._columns = columns
        self._rules = [
            ColumnRule(name, rule, missing_words, root) for name, rule in columns.items()
        ]
        self._uniqueness = Uniqueness(tuple(name for name, rule in columns.items() if rule.unique))
        self._watermark = watermark

    def check(self, chunk: Chunk) -> Checked:
        """Return the rows that keep the contract, and the others with their reasons."""
        read = {
            rule.name: rule.read(chunk.columns[rule.contract.source or rule.name])
            for rule in self._rules
        }
        old, unmarked = self._marked(read, len(chunk.numbers))
        verdicts = Verdicts(np.zeros(len(chunk.numbers), dtype=np.int32))
        for rule in self._rules:
            for reason, where in rule.breaches(read[rule.name]):
                verdicts.add(reason, where & ~old)
        self._repeats(read, verdicts, old)
        kept = (verdicts.codes == 0) & ~old
        frame = frame_of(self._columns, {name: item.values for name, item in read.items()}, kept)
        if self._watermark.column:
            self._watermark.see(read[self._watermark.column].values.filter(kept))
        return Checked(frame, self._rejections(chunk, verdicts, unmarked))

    def close(self) -> None:
        """Forget the values of unique columns."""
        self._uniqueness.close()

    def _marked(self, read: Mapping[str, Typed], rows: int) -> tuple[Array, Array]:
        """Return which rows an earlier run has taken, and which do not say."""
        if not self._watermark.column:
            return np.zeros(rows, dtype=bool), np.zeros(rows, dtype=bool)
        column = read[self._watermark.column]
        return self._watermark.old(column.values), column.missing | column.unfit

    def _repeats(self, read: Mapping[str, Typed], verdicts: Verdicts, old: Array) -> None:
        names = self._uniqueness.names
        if not names:
            return
        (places,) = np.nonzero((verdicts.codes == 0) & ~old)
        values = {name: read[name].values.take(places).to_pylist() for name in names}
        for name, repeated in self._uniqueness.repeats(values, len(places)).items():
            where = np.zeros(len(old), dtype=bool)
            where[places[repeated]] = True
            verdicts.add(f"{name} repeats an earlier row's", where)

    def _rejections(self, chunk: Chunk, verdicts: Verdicts, unmarked: Array) -> list[Rejection]:
        (places,) = np.nonzero(verdicts.codes)
        originals = chunk.originals(places) if len(places) else []
        found = [
            (
                Rejection(
                    int(chunk.numbers[place]), verdicts.reasons[verdicts.codes[place]], cells
                ),
                bool(unmarked[place]),
            )
            for place, cells in zip(places, originals, strict=True)
        ]
        found += [(Rejection(row.number, row.reason, row.text), True) for row in chunk.broken]
        found.sort(key=lambda pair: pair[0].number)
        if not self._watermark.column:
            return [rejection for rejection, _ in found]
        return [
            rejection
            for rejection, blank in found
            if not (blank and self._watermark.is_known_unmarked())
        ]
