"""CI fails on skipped tests and on none: shown on small suites of their own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[2] / "conftest.py"

PASSES = "def test_passes(): pass\n"
SKIPS = "import pytest\ndef test_skips(): pytest.skip('why')\n"
SKIPS_ALL = "import pytest\npytest.importorskip('no_such_module')\n"
FAILS_AS_EXPECTED = "import pytest\n@pytest.mark.xfail\ndef test_fails(): raise ValueError\n"


def run(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder)
    (folder / "pytest.ini").touch()
    (folder / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("text", "exit_code"),
    [
        (PASSES, 0),
        (PASSES + FAILS_AS_EXPECTED, 0),
        (PASSES + SKIPS, 1),
        (SKIPS_ALL, 5),
        ("", 5),
    ],
)
def test_only_a_run_without_skips_passes(tmp_path: Path, text: str, exit_code: int) -> None:
    assert run(tmp_path, text, "--fail-on-skip").returncode == exit_code


def test_skips_are_named_and_the_closing_line_stays(tmp_path: Path) -> None:
    output = run(tmp_path, PASSES + SKIPS, "--fail-on-skip").stdout
    assert "skipped tests fail this run" in output
    assert "test_it.py::test_skips\n" in output
    assert "1 passed, 1 skipped in " in output


def test_a_file_skipped_as_a_whole_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(SKIPS_ALL)
    assert run(tmp_path, PASSES, "--fail-on-skip").returncode == 1


def test_skips_pass_where_nobody_asked(tmp_path: Path) -> None:
    assert run(tmp_path, PASSES + SKIPS).returncode == 0
