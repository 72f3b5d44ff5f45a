"""Programs that others wrote, each in an environment of its own that `make clients` makes."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / ".venv-clients"
SCRIPTS = Path(__file__).parent / "scripts"
LIMIT_S = 300


def program(environment: str, name: str = "python") -> str:
    """Return the path of a program in one of the environments; skips the test if there is none."""
    found = ENVIRONMENTS / environment / "bin" / name
    if not found.exists():
        pytest.skip(f"{name} of {environment} is not installed here: make clients")
    return str(found)


def run(
    *command: object, folder: Path | None = None, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, which must be a good one."""
    done = subprocess.run(
        list(map(str, command)), input=given, cwd=folder, capture_output=True, text=True,
        timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    return done


def ask(environment: str, script: str, question: Any, *arguments: object) -> Any:
    """Give a script a question as JSON; return the JSON that it prints last."""
    python = program(environment)
    done = run(python, SCRIPTS / script, *arguments, given=json.dumps(question))
    return json.loads(done.stdout.splitlines()[-1])


def installed(name: str) -> str:
    """Return the path of a program of the system; skips the test if there is none."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here")
    return found
