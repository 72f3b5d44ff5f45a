"""The journal of files that a watcher has seen: a JSON object a line, in the order of reading."""

import hashlib
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import BadData


class Seen(BaseModel):
    """What became of one file.

    Args:
        file: its name in the watched folder.
        size_bytes: its size when it was read.
        mtime_ns: when it was written last.
        sha256: of its bytes, "" if they could not be had.
        outcome: taken: its rows are in `part`; repeated: another file had the same bytes;
            refused: `reason` says why.
        part: the file of its taken rows, "" if there is none.
        read: rows that were read.
        taken: rows that keep the contract.
        reason: a sentence, if it was not taken.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    size_bytes: int
    mtime_ns: int
    sha256: str = ""
    outcome: Literal["taken", "repeated", "refused"]
    part: str = ""
    read: int = 0
    taken: int = 0
    reason: str = ""


class Journal:
    """What was seen, on the disk before anybody hears of it.

    Args:
        path: the file; what a killed writer has left of a last line is cut off.

    Raises:
        BadData: a line of it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        content = path.read_bytes() if path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            os.truncate(path, len(whole))
        try:
            entries = [Seen.model_validate_json(line) for line in whole.splitlines()]
        except ValidationError as error:
            raise BadData(
                f"{path} is not a journal; remove it and {path.parent / 'parts'} to read all"
                " files again"
            ) from error
        self.entries: list[Seen] = []
        self._last: dict[str, Seen] = {}
        self._taken_names: dict[str, Seen] = {}
        self._taken_bytes: dict[str, Seen] = {}
        for entry in entries:
            self._keep(entry)

    def last_of(self, file: str) -> Seen | None:
        """Return what became of a file of this name, the last time."""
        return self._last.get(file)

    def taken_as(self, file: str) -> Seen | None:
        """Return the entry of rows that were taken from a file of this name."""
        return self._taken_names.get(file)

    def taken_with(self, sha256: str) -> Seen | None:
        """Return the entry of rows that were taken from the same bytes."""
        return self._taken_bytes.get(sha256)

    def add(self, entry: Seen) -> None:
        """Write an entry, and wait until the disk has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(entry.model_dump_json() + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._keep(entry)

    def _keep(self, entry: Seen) -> None:
        self.entries.append(entry)
        self._last[entry.file] = entry
        if entry.outcome == "taken":
            self._taken_names[entry.file] = entry
            self._taken_bytes[entry.sha256] = entry


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
