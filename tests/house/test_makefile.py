"""The Makefile does once what needs doing once, and says what is missing."""

import os
import re
import shutil
import subprocess
import time
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements").mkdir()
    for path in (ROOT / "requirements").iterdir():
        (tmp_path / "requirements" / path.name).touch()
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    outer = {name for name in os.environ if name.startswith(("MAKE", "MFLAGS", "CI"))}
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in outer},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_make_lists_every_target_with_a_line(folder: Path) -> None:
    listed = make(folder)
    assert listed.returncode == 0
    names = re.findall(r"^  make ([a-z-]+) +\S.+$", listed.stdout, re.M)
    assert names[:4] == ["help", "env", "run", "test"]
    assert {"check", "format", "lint", "type", "layers", "docs", "requirements"} <= set(names)


def test_an_old_python_is_named(folder: Path) -> None:
    old = program(folder / "old", 'case "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac')
    done = make(folder, "env", f"PYTHON={old}")
    assert done.returncode != 0
    assert f"Percore needs Python 3.11 or newer; '{old}' is Python 3.9.2." in done.stderr
    assert not (folder / ".venv").exists()


def test_the_environment_is_made_once_for_each_content_of_the_requirements(folder: Path) -> None:
    # Stands for python3 and for the environment's python: it notes what it was asked for.
    python = program(
        folder / "new",
        'echo "$@" >> asked; test "$2" != venv || { mkdir -p .venv/bin; cp new .venv/bin/python; }',
    )

    def asked() -> list[str]:
        (folder / "asked").unlink(missing_ok=True)
        assert make(folder, "env", f"PYTHON={python}").returncode == 0
        lines = (folder / "asked").read_text().splitlines() if (folder / "asked").exists() else []
        return [line for line in lines if line.startswith("-m")]

    venv, install = asked()
    assert venv == "-m venv --clear .venv"
    assert "--require-hashes -r requirements/dev.txt" in install
    later = time.time() + 60
    os.utime(folder / "requirements" / "dev.txt", (later, later))
    assert asked() == []
    (folder / "requirements" / "dev.txt").write_text("changed")
    assert asked() == [install]


def test_a_skipped_test_fails_in_ci_only(folder: Path) -> None:
    assert "--fail-on-skip" not in make(folder, "-n", "test").stdout
    assert "--fail-on-skip" in make(folder, "-n", "test", "CI=true").stdout
    assert "--fail-on-skip" in make(folder, "-n", "check").stdout
    assert "--fail-on-skip" in make(folder, "-n", "clients", "CI=true").stdout


def test_every_client_has_a_group_and_an_environment(folder: Path) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    wanted = sorted(name.removeprefix("clients-") for name in groups if name.startswith("clients-"))
    said = make(folder, "-n", "clients").stdout
    assert sorted(re.findall(r"-m venv --clear \.venv-clients/([a-z]+)$", said, re.M)) == wanted
    for name in wanted:
        assert f"--require-hashes -r requirements/clients-{name}.txt" in said


TARGETS = ["test", "asgi", "clients-short", "chaos-short", "checks"]


def test_check_runs_what_ci_runs(folder: Path) -> None:
    steps = [make(folder, "-n", target).stdout for target in TARGETS]
    ci = (ROOT / ".ci" / "run").read_text()
    assert re.findall(r"^make (.+)$", ci, re.M) == TARGETS
    everything = make(folder, "-n", "check").stdout.replace(" --fail-on-skip", "")
    for line in "".join(steps).splitlines():
        assert line.rstrip() in everything
