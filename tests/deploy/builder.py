"""Does in a folder what a Dockerfile says, as there is not a container engine everywhere.

A stage is a folder that stands for the root of its image. RUN runs in a shell with the image's
Python first on the PATH; what an engine would isolate, this does not.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.dockerfile import Instruction, Stage


def image_python(folder: Path) -> Path:
    """Copy this Python, without its packages, to where any user can run it; return its bin."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base, library = Path(sys.base_prefix), Path("lib") / version
    (folder / "bin").mkdir(parents=True)
    shutil.copy(base / "bin" / version, folder / "bin" / version)
    (folder / "bin" / "python").symlink_to(version)
    unneeded = shutil.ignore_patterns(
        "site-packages", "dist-packages", "test", "idlelib", "config-*", "__pycache__"
    )
    shutil.copytree(base / library, folder / library, ignore=unneeded)
    for shared in (base / "lib").glob("libpython3*"):
        shutil.copy(shared, folder / "lib")
    (folder / library / "site-packages").mkdir()
    pip = [str(folder / "bin" / "python"), "-m", "ensurepip", "--upgrade"]
    subprocess.run(pip, check=True, capture_output=True, timeout=300)
    return folder / "bin"


class Ignore:
    """Which paths of the context .dockerignore keeps from the builder: the last match decides."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        self.rules = [
            (not line.startswith("!"), _pattern(line.lstrip("!").strip("/")))
            for line in lines
            if line and not line.startswith("#")
        ]

    def __call__(self, path: str) -> bool:
        """Say whether a file is kept away; a pattern that matches its folder matches it."""
        parts = path.split("/")
        prefixes = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
        ignored = False
        for ignores, pattern in self.rules:
            if any(pattern.fullmatch(prefix) for prefix in prefixes):
                ignored = ignores
        return ignored


def _pattern(text: str) -> re.Pattern[str]:
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]*\])", text)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile(
        "".join(
            known.get(piece, piece if piece.startswith("[") else re.escape(piece))
            for piece in pieces
        )
    )


class Builder:
    """Builds the stages of one Dockerfile.

    Args:
        context: the folder that the engine would be given.
        folder: where the stages' folders go.
        python_bin: the folder of the image's Python.
    """

    def __init__(self, context: Path, folder: Path, python_bin: Path) -> None:
        self.context = context
        self.folder = folder
        self.python_bin = python_bin
        self.ignored = Ignore((context / ".dockerignore").read_text())
        self.workdirs: dict[str, Path] = {}

    def root(self, stage: str) -> Path:
        """Return the folder that stands for the root of a stage."""
        return self.folder / stage

    def build(self, stage: Stage) -> Path:
        """Do what the stage's instructions say and return its root."""
        root = self.root(stage.name)
        if stage.base:
            shutil.copytree(self.root(stage.base.name), root, symlinks=True, copy_function=os.link)
            self.workdirs[stage.name] = root / self.workdirs[stage.base.name].relative_to(
                self.root(stage.base.name)
            )
        else:
            root.mkdir(parents=True)
            self.workdirs[stage.name] = root
        for each in stage.instructions:
            if each.keyword == "WORKDIR":
                self.workdirs[stage.name] = self._inside(stage.name, each.text)
                self.workdirs[stage.name].mkdir(parents=True, exist_ok=True)
            elif each.keyword == "COPY":
                self._copy(stage.name, each)
            elif each.keyword == "RUN":
                self._run(stage.name, each)
        return root

    def _inside(self, stage: str, path: str) -> Path:
        if path.startswith("/"):
            return self.root(stage) / path.lstrip("/")
        return self.workdirs[stage] / path

    def _copy(self, stage: str, each: Instruction) -> None:
        *sources, target = shlex.split(each.text)
        for source in sources:
            destination = self._inside(stage, target)
            for origin, relative in self._sources(each.flags.get("from"), source):
                into = destination / relative if relative else destination
                if not relative and target.endswith("/"):
                    into = destination / origin.name
                into.parent.mkdir(parents=True, exist_ok=True)
                os.link(origin, into, follow_symlinks=False)

    def _sources(self, stage: str | None, source: str) -> Iterator[tuple[Path, str]]:
        """Yield the files that a COPY takes, and where each goes below its target."""
        base = self.context if stage is None else self.root(stage)
        start = base / source.lstrip("/")
        files = [start] if start.is_file() else sorted(_files(start))
        taken = [
            file
            for file in files
            if stage is not None or not self.ignored(str(file.relative_to(base)))
        ]
        if not taken:
            raise FileNotFoundError(f"COPY {source}: nothing there for the builder")
        for file in taken:
            yield file, "" if file == start else str(file.relative_to(start))

    def _run(self, stage: str, each: Instruction) -> None:
        # The cache is the one thing that is not done as written: it spares minutes and proves
        # nothing. pip's own settings (a mirror, a certificate) come from outside, as in a build.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        subprocess.run(
            ["/bin/sh", "-euc", each.text.replace("--no-cache-dir", "")],
            cwd=self.workdirs[stage],
            env=kept | {"PATH": f"{self.python_bin}:/usr/bin:/bin"},
            check=True,
            timeout=600,
            stdin=subprocess.DEVNULL,
        )


def settings(stage: Stage, keyword: str) -> dict[str, str]:
    """Return the names and values that ENV or LABEL sets in a stage."""
    words = [word for each in stage.all(keyword) for word in shlex.split(each.text)]
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def _files(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        else:
            yield Path(entry.path)
