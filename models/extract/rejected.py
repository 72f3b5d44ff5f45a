"""The side file of rejected rows: nothing that was read is lost."""

import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from models.errors import BadData
from models.extract.contract import Rejection
from models.extract.extracted import RowCounts

_TOP_REASONS = 3


class SideFile:
    """Writes rejected rows, a JSON object a line: file, row, reason, and cells or text.

    The file appears with the first of them.

    Args:
        path: where.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons: Counter[str] = Counter()
        self._file: TextIO | None = None

    def write(self, source: str, rejections: Sequence[Rejection]) -> None:
        """Keep rows of one file."""
        if rejections and self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # What a codec could not read comes as lone surrogates; JSON has an escape for them.
            self._file = self.path.open("w", encoding="utf-8", errors="backslashreplace")
        for rejection in rejections:
            self.reasons[rejection.reason] += 1
            print(_line(source, rejection), file=self._file)

    @property
    def written(self) -> Path | None:
        """The file, if a row was rejected."""
        return self.path if self.reasons else None

    def close(self) -> None:
        """Write out what is buffered."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _line(source: str, rejection: Rejection) -> str:
    entry: dict[str, Any] = {"file": source, "row": rejection.number, "reason": rejection.reason}
    if isinstance(rejection.original, str):
        entry["text"] = rejection.original
    else:
        entry["cells"] = {
            name: str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell
            for name, cell in rejection.original.items()
        }
    return json.dumps(entry, default=str, ensure_ascii=False)


def side_path(work: Path) -> Path:
    """Return a path for a run's rejected rows; it sorts by time."""
    now = datetime.now(UTC)
    return work / "rejected" / f"{now:%Y%m%dT%H%M%S.%f}-{os.getpid()}.jsonl"


def judge(counts: RowCounts, limit: float, side_file: Path | None, source: str) -> None:
    """Stop a run that rejects too much.

    Raises:
        BadData: the share of rejected rows is above the limit.
    """
    if counts.rejected <= limit * counts.read:
        return
    top = sorted(counts.reasons.items(), key=lambda pair: -pair[1])
    shown = "; ".join(f"{reason} ({rows:,} rows)" for reason, rows in top[:_TOP_REASONS])
    more = f"; and {len(top) - _TOP_REASONS} more reasons" if len(top) > _TOP_REASONS else ""
    share = counts.rejected / counts.read
    raise BadData(
        f"{source}: {counts.rejected:,} of {counts.read:,} rows ({share:.2%})"
        f" break the contract, and source.max_rejected_share is {limit:.2%}: {shown}{more}."
        f" Each row with its reason is in {side_file}"
    )
