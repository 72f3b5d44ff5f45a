"""Where results go: seen before anything is measured."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.errors import LoadTestError
from loadtest.session import make_folder, run_folder
from tests.loadtest.stand_in import ROOT

NOWHERE = Path("/proc")
"""A folder in which nobody can make a file, not even root."""


def test_a_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_what_is_no_folder_or_takes_no_files_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(LoadTestError, match=f"^{out} cannot be made a folder: "):
            make_folder(out)
    with pytest.raises(LoadTestError, match=r"^/proc cannot be written into: "):
        make_folder(NOWHERE)


@pytest.mark.parametrize("given", [True, False])
def test_a_disk_that_is_full_is_told(tmp_path: Path, given: bool) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(LoadTestError, match="cannot hold the results: No space left on device"),
        run_folder(tmp_path if given else None),
    ):
        raise full


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), run_folder(tmp_path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@pytest.mark.parametrize(
    "command",
    [
        ["run", "loadtest/scenarios/closed-iris.toml", "--out", str(NOWHERE)],
        ["compare", "loadtest/scenarios/closed-iris.toml", "--out", str(NOWHERE)],
        ["search", "loadtest/scenarios/search-iris.toml", "--out", str(NOWHERE)],
        ["simulate", "loadtest/scenarios/simulations/plan.toml", "--out", str(NOWHERE)],
        ["growth", "--out", str(NOWHERE / "growth.json")],
        ["bench", "--out", str(NOWHERE / "bench.json")],
        ["peers", "--out", str(NOWHERE)],
    ],
    ids=lambda command: command[0],
)
def test_every_command_says_so_at_once(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loadtest", *command],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "/proc cannot be written into: No such file or directory." in done.stderr
    assert "Traceback" not in done.stderr
