"""The folders of a life cycle's run."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Where a run reads and writes; nothing outside of these is touched, the store apart.

    Args:
        data: the data root: every path of a source is below it.
        work: this model's folder of things between runs: rejected rows, the journal of fits, the
            high-water mark, the history.
    """

    data: Path
    work: Path
