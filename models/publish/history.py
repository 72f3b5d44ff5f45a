"""What became of each run of a life cycle, a line each, for people and for the next run."""

import os
from pathlib import Path
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

HISTORY: Final = "history.jsonl"

Outcome = Literal["promoted", "kept", "refused", "nothing_new", "failed"]
"""kept: published, but the production version stays, as was asked for; refused: published, and
the gate said no."""


class Entry(BaseModel):
    """One run."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    outcome: Outcome
    words: str
    """Why, in a sentence."""
    version: int | None = None
    fingerprint: str = ""
    """Of the rows; a run with the same rows and specification makes nothing new."""
    metrics: dict[str, float] = {}
    seconds: float = 0.0


class History:
    """The runs of one model.

    Args:
        work: the model's work folder.
    """

    def __init__(self, work: Path) -> None:
        self._path = work / HISTORY

    def add(self, entry: Entry) -> None:
        """Write a line that a crash cannot take back."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(entry.model_dump_json() + "\n")
            file.flush()
            os.fsync(file.fileno())

    def entries(self) -> list[Entry]:
        """Return all runs, the oldest first; a line that was cut off is left out."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                found.append(Entry.model_validate_json(line))
            except ValidationError:
                continue
        return found

    def last_fingerprint(self) -> str:
        """Return the fingerprint of the last run that came to a version; empty if none did."""
        done = [one for one in self.entries() if one.version is not None]
        return done[-1].fingerprint if done else ""
