"""The command that registers, as a process."""

import subprocess
import sys
from pathlib import Path

from tests.integration.server import ROOT

TIMEOUT_S = 300


def register_by_cli(
    file: Path, sample: Path, name: str, store: Path
) -> subprocess.CompletedProcess[str]:
    """Run `python -m models register … --json`."""
    command = [
        sys.executable, "-m", "models", "register", str(file), "--name", name,
        "--sample", str(sample), "--store", str(store), "--json",
    ]  # fmt: skip
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
