"""Files under the data root, and nothing else."""

from pathlib import Path
from typing import Final

from models.errors import BadData

UNFINISHED: Final = (".tmp", ".part", ".partial", ".crdownload", ".swp")
"""What writers call a file that they have not finished."""


def source_files(root: Path, path: str) -> list[Path]:
    """Return the files that a path means, sorted.

    Args:
        root: the data root.
        path: a file, a folder (with all below it) or a pattern, relative to the root. Hidden and
            unfinished files of folders and patterns are left out.

    Raises:
        BadData: there are none, or one of them lies outside of the root, by a link or otherwise.
    """
    base = data_root(root)
    named = base / path
    if any(sign in path for sign in "*?[") and not named.exists():
        found = [file for file in base.glob(path) if is_finished(file.relative_to(base))]
    elif named.is_dir():
        found = [file for file in named.rglob("*") if is_finished(file.relative_to(named))]
    else:
        found = [named]
    files = sorted(file for file in found if not file.is_dir())
    for file in files:
        refuse_outside(base, file)
    if not files or not all(file.is_file() for file in files):
        raise BadData(
            f"the data root {root} has no file {path!r}; it has: {_listing(base, named.parent)}"
        )
    return files


def data_root(root: Path) -> Path:
    """Return the data root, resolved.

    Raises:
        BadData: there is no such folder.
    """
    if not root.is_dir():
        raise BadData(f"the data root {root} is not a folder; name another one with --data")
    return root.resolve()


def refuse_outside(base: Path, file: Path) -> None:
    """Refuse a file that leaves the data root.

    Raises:
        BadData: it does, with its own name or by a link.
    """
    if not file.resolve().is_relative_to(base):
        raise BadData(f"{file.name} leads out of the data root; copy the file into it")


def is_file_below(root: Path, name: str) -> bool:
    """Return whether a name from the data means a file under the data root."""
    try:
        file = (root / name).resolve()
        return file.is_relative_to(root.resolve()) and file.is_file()
    except (OSError, ValueError):
        return False


def is_finished(relative: Path) -> bool:
    """Return whether a file is for readers: not hidden, no marker, and not being written."""
    marked = any(part.startswith((".", "_")) for part in relative.parts)
    return not marked and relative.suffix.lower() not in UNFINISHED


def words(root: Path, file: Path) -> str:
    """Return a file's name as a specification would write it."""
    base = root.resolve()
    return file.relative_to(base).as_posix() if file.is_relative_to(base) else file.name


def _listing(base: Path, folder: Path) -> str:
    near = folder if folder.is_dir() and folder.resolve().is_relative_to(base) else base
    names = sorted(entry.name for entry in near.iterdir() if not entry.name.startswith("."))
    shown = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    return shown or "nothing"
