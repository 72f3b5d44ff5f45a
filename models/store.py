"""The store: immutable versions in directories, and aliases that point at them.

    store/<name>/<version>/model.joblib, manifest.json, …
    store/<name>/aliases.json            {"production": 2, "previous": 1}

A version appears by one rename, complete; nothing in it changes afterwards. Whoever is killed
while publishing leaves a hidden folder that nobody reads and the next publisher removes.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import TypeAdapter, ValidationError

from models.errors import ArtefactError, StoreError, UnknownModel
from models.manifest import FileEntry, Manifest, ModelName

MANIFEST = "manifest.json"
ARTEFACT = "model.joblib"
ALIASES = "aliases.json"
PRODUCTION = "production"
PREVIOUS = "previous"

_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_CHUNK_BYTES = 1 << 20
_name = TypeAdapter(ModelName)
_aliases = TypeAdapter(dict[str, int])

Describe = Callable[[int, dict[str, FileEntry]], Manifest]
"""Makes a version's manifest from its number and its files."""


class Store:
    """A folder of model versions.

    Args:
        root: the store's folder; it need not exist before the first publication.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        """Return the names that have at least one version, sorted."""
        if not self.root.is_dir():
            return []
        return sorted(
            entry.name
            for entry in self.root.iterdir()
            if _is_name(entry.name) and entry.is_dir() and self.versions(entry.name)
        )

    def versions(self, name: str) -> list[int]:
        """Return the visible versions of `name`, ascending; empty if there is none."""
        try:
            entries = os.listdir(self._folder(name))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(int(entry) for entry in entries if _VERSION.fullmatch(entry))

    def aliases(self, name: str) -> dict[str, int]:
        """Return alias → version, without aliases whose version is not there."""
        try:
            stored = _aliases.validate_json((self._folder(name) / ALIASES).read_bytes())
        except FileNotFoundError:
            return {}
        except ValidationError as error:
            raise ArtefactError(f"{name}: {ALIASES} is not a table of versions") from error
        visible = set(self.versions(name))
        return {alias: version for alias, version in stored.items() if version in visible}

    def state(self) -> list[tuple[str, list[int], dict[str, int], list[int]]]:
        """Return what tells one state of the store from the next: compare two of them.

        Each name has its versions, its aliases, and when the aliased manifests were written.
        """
        states = []
        for name in self.names():
            try:
                aliases = self.aliases(name)
            except ArtefactError:
                aliases = {}
            written = []
            for version in aliases.values():
                try:
                    written.append((self.folder(name, version) / MANIFEST).stat().st_mtime_ns)
                except OSError:
                    written.append(0)
            states.append((name, self.versions(name), aliases, written))
        return states

    def resolve(self, name: str, which: int | str = PRODUCTION) -> int:
        """Return the version that a number or an alias of `name` means.

        Raises:
            UnknownModel: there is no such name, version or alias.
        """
        versions = self.versions(name)
        if not versions:
            raise UnknownModel(
                f"there is no model {name!r}; the store has: {_listing(self.names())}"
            )
        if isinstance(which, str):
            version = self.aliases(name).get(which)
            if version is None:
                raise UnknownModel(
                    f"{name} has no alias {which!r}; it has: {_listing(self.aliases(name))}"
                )
            return version
        if which not in versions:
            raise UnknownModel(f"{name} has no version {which}; it has: {_listing(versions)}")
        return which

    def folder(self, name: str, version: int) -> Path:
        """Return the folder of a version that was resolved before."""
        return self._folder(name) / str(version)

    def manifest(self, name: str, version: int) -> Manifest:
        """Read a version's manifest.

        Raises:
            UnknownModel: there is no such version.
            ArtefactError: the manifest is missing, unreadable or speaks of another version.
        """
        self.resolve(name, version)
        try:
            manifest = Manifest.from_json((self.folder(name, version) / MANIFEST).read_bytes())
        except (OSError, ValidationError) as error:
            raise ArtefactError(f"{name} {version}: {MANIFEST} cannot be read: {error}") from error
        if (manifest.name, manifest.version) != (name, version):
            raise ArtefactError(
                f"{name} {version}: {MANIFEST} speaks of {manifest.name} {manifest.version}"
            )
        return manifest

    def check_files(self, name: str, version: int) -> Manifest:
        """Compare every file of a version with its manifest.

        Raises:
            ArtefactError: a file is missing, extra, a link, or has other bytes.
        """
        manifest = self.manifest(name, version)
        folder = self.folder(name, version)
        present = {str(path.relative_to(folder)) for path in _files(folder)} - {MANIFEST}
        for problem, paths in (
            ("is missing", manifest.files.keys() - present),
            ("does not belong there", present - manifest.files.keys()),
        ):
            if paths:
                raise ArtefactError(f"{name} {version}: {min(paths)} {problem}")
        for path, entry in manifest.files.items():
            if describe_file(folder / path) != entry:
                raise ArtefactError(f"{name} {version}: {path} was changed after it was published")
        return manifest

    def publish(self, name: str, write: Callable[[Path], None], describe: Describe) -> Manifest:
        """Take a new version into the store; it becomes visible complete or not at all.

        The first version of a name becomes its production version.

        Args:
            name: the model's name.
            write: puts the version's files, `model.joblib` among them, into the given folder.
            describe: makes the manifest from the version's number and the files that were written.

        Raises:
            StoreError: the name is not a valid one, or `write` wrote no artefact.
        """
        if not _is_name(name):
            raise StoreError(
                f"{name!r} is no model name: use lower case letters, digits, '.', '_' and '-'"
            )
        parent = self._folder(name)
        parent.mkdir(parents=True, exist_ok=True)
        with _locked(parent):
            for left_over in parent.glob(".staging-*"):
                shutil.rmtree(left_over)
            staging = parent / f".staging-{os.getpid()}"
            staging.mkdir()
            try:
                return self._publish(name, staging, write, describe)
            except BaseException:
                shutil.rmtree(staging, ignore_errors=True)
                raise

    def promote(self, name: str, version: int) -> dict[str, int]:
        """Make `version` the production version; the former one becomes `previous`."""
        self.resolve(name, version)
        with _locked(self._folder(name)):
            aliases = self.aliases(name)
            former = aliases.get(PRODUCTION)
            if former != version:
                aliases |= {PRODUCTION: version}
                aliases |= {PREVIOUS: former} if former is not None else {}
                self._write_aliases(name, aliases)
            return aliases

    def roll_back(self, name: str) -> dict[str, int]:
        """Swap production and previous.

        Raises:
            UnknownModel: the name has no previous version.
        """
        return self.promote(name, self.resolve(name, PREVIOUS))

    def _publish(
        self, name: str, staging: Path, write: Callable[[Path], None], describe: Describe
    ) -> Manifest:
        write(staging)
        files = {str(path.relative_to(staging)): describe_file(path) for path in _files(staging)}
        if ARTEFACT not in files:
            raise StoreError(f"{name}: no {ARTEFACT} was written")
        version = max(self.versions(name), default=0) + 1
        manifest = describe(version, files)
        _write_synced(staging / MANIFEST, manifest.to_json())
        _sync_tree(staging)
        if version == 1:
            # Before the rename: an alias of a version that never appears means nothing.
            self._write_aliases(name, {PRODUCTION: 1})
        staging.rename(self.folder(name, version))
        _sync(self._folder(name))
        _sync(self.root)
        return manifest

    def _write_aliases(self, name: str, aliases: dict[str, int]) -> None:
        path = self._folder(name) / ALIASES
        draft = path.with_name(f".{ALIASES}.draft")
        _write_synced(draft, json.dumps(aliases) + "\n")
        draft.replace(path)
        _sync(path.parent)

    def _folder(self, name: str) -> Path:
        if not _is_name(name):
            raise UnknownModel(f"there is no model {name!r}")
        return self.root / name


def describe_file(path: Path) -> FileEntry:
    """Return size and SHA-256 of a regular file; a link is refused.

    Raises:
        ArtefactError: the file cannot be read, or is a link.
    """
    with open_artefact(path) as file:
        return describe_open(file)


def open_artefact(path: Path) -> BinaryIO:
    """Open a stored file for reading without following a link.

    Raises:
        ArtefactError: the file cannot be read, or is a link.
    """
    try:
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
    except OSError as error:
        raise ArtefactError(f"{path.name} cannot be read: {error.strerror}") from error


def describe_open(file: BinaryIO) -> FileEntry:
    """Return size and SHA-256 of what is left to read of an open file."""
    digest, size_bytes = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        size_bytes += len(chunk)
    return FileEntry(sha256=digest.hexdigest(), size_bytes=size_bytes)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel frees it if the holder dies."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            yield path


def _sync_tree(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_synced(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _is_name(text: str) -> bool:
    try:
        _name.validate_python(text)
    except ValidationError:
        return False
    return True


def _listing(items: Iterable[object]) -> str:
    return ", ".join(map(str, items)) or "nothing"
