"""Following a folder: each file that arrives is read once, and its rows become a Parquet part."""

import fcntl
import os
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from models.errors import BadData, BadSpecification
from models.extract.batches import Batches
from models.extract.extracted import RowCounts
from models.extract.journal import Journal, Seen, sha256_of
from models.extract.opened import open_files
from models.extract.parts import write_parquet
from models.extract.paths import data_root, is_finished, refuse_outside, words
from models.extract.progress import Progress, Reading, silent
from models.places import Places
from models.spec import Specification
from models.spec.sources import FileSource

_BATCH_ROWS: Final = 50_000


class Stopped(Exception):
    """The watcher was asked to stop in the middle of a file; the next one reads it."""


@dataclass
class Watcher:
    """Reads the files of one folder.

    Args:
        spec: kind of the files, and the contract of their columns.
        places: `work` gets parts/, watch.jsonl (the journal) and rejected/.
        folder: the watched one, under the data root.
        stop: ends a reading between two chunks.
        progress: told after every chunk.
    """

    spec: Specification
    places: Places
    folder: Path
    stop: threading.Event = field(default_factory=threading.Event)
    progress: Progress = silent
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.spec.source, FileSource):
            raise BadSpecification("only csv, jsonl and parquet files can be watched")
        base = data_root(self.places.data)
        below = base / self.folder
        folder = below if below.is_dir() else self.folder
        if not folder.is_dir():
            raise BadData(f"the data root {self.places.data} has no folder {self.folder}")
        refuse_outside(base, folder)
        self.folder = folder.resolve()
        self._parts = self.places.work / "parts"
        self._journal = Journal(self.places.work / "watch.jsonl")

    def poll(self) -> Iterator[Seen]:
        """Read the files that are new and have not changed since the last poll.

        Raises:
            Stopped: `stop` was set in between; what was begun is undone.
        """
        before, self._sizes = self._sizes, {}
        for path in sorted(self.folder.iterdir()):
            if not self._is_wanted(path):
                continue
            now = _state(path)
            if now is None:
                continue
            self._sizes[path.name] = now
            if before.get(path.name) != now or self._is_known(path.name, now):
                continue
            entry = self._read(path, now)
            if entry is not None:
                self._journal.add(entry)
                yield entry

    def remove_orphans(self) -> None:
        """Remove what a killed watcher has left: parts that the journal does not know."""
        known = {entry.part for entry in self._journal.entries}
        for path in self._parts.iterdir() if self._parts.is_dir() else ():
            if path.name not in known:
                path.unlink()

    def _is_wanted(self, path: Path) -> bool:
        assert isinstance(self.spec.source, FileSource)  # noqa: S101  # __post_init__ has looked
        pattern = PurePosixPath(self.spec.source.path).name
        shaped = PurePosixPath(path.name).match(pattern) if "*" in pattern else True
        return shaped and is_finished(Path(path.name)) and not path.is_dir()

    def _is_known(self, name: str, now: tuple[int, int]) -> bool:
        last = self._journal.last_of(name)
        return last is not None and (last.size_bytes, last.mtime_ns) == now

    def _read(self, path: Path, now: tuple[int, int]) -> Seen | None:
        """Return what became of a file; None if it changed meanwhile."""
        seen = Seen(file=path.name, size_bytes=now[0], mtime_ns=now[1], outcome="refused")
        try:
            refuse_outside(data_root(self.places.data), path)
            seen = seen.model_copy(update={"sha256": sha256_of(path)})
            same = self._journal.taken_with(seen.sha256)
            if same is not None:
                reason = f"has the same bytes as {same.file}, which was read"
                return seen.model_copy(update={"outcome": "repeated", "reason": reason})
            if self._journal.taken_as(path.name) is not None:
                reason = "has changed since it was read; new rows need a file of another name"
                return seen.model_copy(update={"reason": reason})
            part = f"{len(self._journal.entries) + 1:08d}-{seen.sha256[:12]}.parquet"
            counts = self._take(path, self._parts / part)
        except (BadData, OSError) as error:
            return seen.model_copy(update={"reason": str(error)})
        if _state(path) not in (now, None):
            (self._parts / part).unlink()
            return None
        what = {"outcome": "taken", "part": part, "read": counts.read, "taken": counts.taken}
        return seen.model_copy(update=what)

    def _take(self, path: Path, part: Path) -> RowCounts:
        opened = open_files(self.spec, [(path, words(self.places.data, path))], path.name)
        reader = Batches(self.spec, self.places, _BATCH_ROWS, self._watched, opened)
        write_parquet(part, reader, self.spec.columns)
        return reader.counts

    def _watched(self, reading: Reading) -> None:
        self.progress(reading)
        if self.stop.is_set():
            raise Stopped


def watch(
    watcher: Watcher, every_s: float, for_s: float | None = None
) -> Generator[Seen, None, None]:
    """Poll until `watcher.stop` is set, yielding each file as it was read.

    Args:
        watcher: the folder.
        every_s: the pause between two polls; a file counts when two polls in a row see it alike.
        for_s: end after this time and at least two polls; None is without end.

    Raises:
        BadData: another watcher is at work on the same places.
    """
    end_s = None if for_s is None else time.monotonic() + for_s
    with _only_watcher(watcher.places.work):
        watcher.remove_orphans()
        polls = 0
        while not watcher.stop.is_set():
            try:
                yield from watcher.poll()
            except Stopped:
                return
            polls += 1
            if end_s is not None and polls >= 2 and time.monotonic() >= end_s:
                return
            watcher.stop.wait(every_s)


def _state(path: Path) -> tuple[int, int] | None:
    """Return a file's size and time; None if it is gone."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns


@contextmanager
def _only_watcher(work: Path) -> Iterator[None]:
    work.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(work / ".watch.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise BadData(f"another watcher is at work in {work}") from error
    finally:
        os.close(descriptor)
