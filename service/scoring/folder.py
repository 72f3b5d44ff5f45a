"""The parts of an unfinished run, beside its output, and whose they are.

    OUT.parts/journal.json     what was asked: input, version, options
              00000007.arrow   the answers to part 7, with the columns that are kept
              .draft-…         what a killed process was writing

A part appears by one rename, complete. Who resumes asks for the same; anything else is refused.
"""

import fcntl
import os
import shutil
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from service.scoring.refusal import ScoringError

JOURNAL = "journal.json"
FORMAT = 1
SAID = {
    "input": "the input was another one, or has changed since",
    "model": "the model was another one",
    "version": "the model's version was another one",
    "manifest": "the version has another manifest",
}
"""What a difference between two runs is called; options have their own names."""


class PartsFolder:
    """Keeps finished parts.

    Args:
        out: where the whole will be.
    """

    def __init__(self, out: Path) -> None:
        self.path = out.with_name(out.name + ".parts")
        self.is_ours = False
        """Whether this run has it."""
        self._lock: int | None = None

    def open(self, asked: dict[str, Any], *, restart: bool) -> None:
        """Take the folder for this run, and nobody else meanwhile.

        Args:
            asked: all on which the parts depend, as JSON has it.
            restart: parts of an earlier run are thrown away, whatever it was.

        Raises:
            ScoringError: another process writes there, or the parts are of another run.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise ScoringError(f"Another process writes to {self.path}.") from None
        asked = {"format": FORMAT, **asked}
        if restart:
            self._clear()
        elif not self.is_empty():
            self._compare(asked)
        for draft in self.path.glob(".draft-*"):
            draft.unlink()
        self._write(JOURNAL, lambda path: path.write_bytes(orjson.dumps(asked)))
        self.is_ours = True

    def close(self) -> None:
        """Let others have the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def is_empty(self) -> bool:
        """Return whether no part is finished."""
        return not any(self.path.glob("[0-9]*.arrow"))

    def remove(self) -> None:
        """Throw everything away, the folder included."""
        self.is_ours = False
        shutil.rmtree(self.path)

    def has(self, number: int, rows: int) -> bool:
        """Return whether a part is finished; one that cannot be read, or has other rows, is not."""
        try:
            return bool(self.read(number).num_rows == rows)
        except (OSError, pa.ArrowException):
            return False

    def read(self, number: int) -> pa.Table:
        """Return a finished part."""
        with pa.OSFile(str(self._part(number))) as file:
            return pa.ipc.open_file(file).read_all()

    def schema(self, number: int) -> pa.Schema:
        """Return the columns of a finished part."""
        with pa.OSFile(str(self._part(number))) as file:
            return pa.ipc.open_file(file).schema

    def write(self, number: int, table: pa.Table) -> None:
        """Keep a part."""

        def write(path: Path) -> None:
            with pa.ipc.new_file(str(path), table.schema) as writer:
                writer.write_table(table)

        self._write(self._part(number).name, write)

    def _part(self, number: int) -> Path:
        return self.path / f"{number:08}.arrow"

    def _write(self, name: str, write: Any) -> None:
        draft = self.path / f".draft-{name}"
        write(draft)
        sync(draft)
        draft.rename(self.path / name)

    def _clear(self) -> None:
        for path in self.path.iterdir():
            path.unlink()

    def _compare(self, asked: dict[str, Any]) -> None:
        try:
            before = orjson.loads((self.path / JOURNAL).read_bytes())
        except (OSError, orjson.JSONDecodeError):
            before = {}
        differs = [key for key in asked if before.get(key) != asked[key]]
        if before.get("on-error") == "stop" and "on-error" in differs:
            differs.remove("on-error")  # none of its parts has a row that failed
        if not asked["input"]:
            raise ScoringError(
                f"{self.path} has parts of an earlier run. Standard input cannot be resumed: throw "
                "them away with --restart."
            )
        if differs:
            what = [SAID.get(key, f"--{key} was another one") for key in differs]
            raise ScoringError(
                f"{self.path} has parts of another run: {'; '.join(what)}. Finish that one with "
                "its own command, or throw its parts away with --restart."
            )


def sync(path: Path) -> None:
    """Have a file's bytes, or a folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
