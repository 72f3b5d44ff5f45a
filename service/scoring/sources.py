"""What is to be scored: one file, a folder, a glob, or standard input; and how to know it again."""

import glob
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from service.scoring.refusal import ScoringError

STDIN = "-"
GLOB = "*?["


class Format(StrEnum):
    """How the rows are written."""

    PARQUET = "parquet"
    CSV = "csv"
    ARROW = "arrow"
    JSONL = "jsonl"


SUFFIXES = {
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
    ".csv": Format.CSV,
    ".csv.gz": Format.CSV,
    ".arrow": Format.ARROW,
    ".arrows": Format.ARROW,
    ".feather": Format.ARROW,
    ".ipc": Format.ARROW,
    ".jsonl": Format.JSONL,
    ".jsonl.gz": Format.JSONL,
    ".ndjson": Format.JSONL,
}


class Source(NamedTuple):
    """The files of a run in the order of their rows; none is standard input."""

    paths: tuple[Path, ...]
    format: Format

    def fingerprint(self) -> list[list[str | int]]:
        """Return what differs when the input does: path, bytes and time of change of each file."""
        states = [(path.resolve(), path.stat()) for path in self.paths]
        return [[str(path), state.st_size, state.st_mtime_ns] for path, state in states]

    def size_bytes(self) -> int:
        """Return the bytes of all files."""
        return sum(path.stat().st_size for path in self.paths)


def find_source(text: str, told: Format | None, out: Path) -> Source:
    """Return what a command's first argument means.

    Args:
        text: a file, a folder, a glob, or `-`.
        told: how the rows are written, if the names of the files do not tell.
        out: where the answer goes, which must not be among the input.

    Raises:
        ScoringError: there is no such file, or it cannot be told how its rows are written.
    """
    if text == STDIN:
        if told is None or told is Format.PARQUET:
            raise ScoringError("Standard input needs --format csv, arrow or jsonl.")
        return Source((), told)
    paths = _files(text, told)
    if out.resolve() in {path.resolve() for path in paths}:
        raise ScoringError(f"{out} is among the input: write to another folder.")
    formats = {told or _format_of(path) for path in paths}
    if len(formats) > 1:
        names = ", ".join(sorted(formats))
        raise ScoringError(f"The files of {text} are written in different ways: {names}.")
    return Source(paths, formats.pop())


def _files(text: str, told: Format | None) -> tuple[Path, ...]:
    path = Path(text)
    if path.is_file():
        return (path,)
    if path.is_dir():
        # Hidden files and those with an underscore are notes of who wrote the folder, as Spark's.
        inside = [one for one in path.iterdir() if one.is_file() and one.name[0] not in "._"]
        found = [one for one in inside if told or suffix_of(one) in SUFFIXES]
        if not found:
            raise ScoringError(f"The folder {text} has no files that can be read: {_known()}.")
    elif any(sign in text for sign in GLOB):
        found = [Path(one) for one in glob.glob(text, recursive=True) if Path(one).is_file()]
        if not found:
            raise ScoringError(f"No file matches {text}.")
    else:
        raise ScoringError(f"There is no file or folder {text}.")
    return tuple(sorted(found))


def _format_of(path: Path) -> Format:
    found = SUFFIXES.get(suffix_of(path))
    if found is None:
        raise ScoringError(
            f"How is {path} written? Say it by --format, or by its name: {_known()}."
        )
    return found


def suffix_of(path: Path) -> str:
    """Return a file's suffix in lower case, and the one before it if the file is compressed."""
    suffix = path.suffix.lower()
    return path.with_suffix("").suffix.lower() + suffix if suffix == ".gz" else suffix


def _known() -> str:
    return ", ".join(SUFFIXES)
