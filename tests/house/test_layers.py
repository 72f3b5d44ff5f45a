"""Every import contract fires: a forbidden import is planted in a copy of the code."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint(folder: Path, contract: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache", "--contract", contract],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in ("service", "models", "loadtest"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return tmp_path


@pytest.mark.parametrize(
    ("contract", "module", "line"),
    [
        ("halves", "models/schema.py", "import service.errors"),
        ("loadtest", "loadtest/planted.py", "from models import store"),
        ("loadtest", "loadtest/planted.py", "import service.errors"),
        ("doors", "service/errors.py", "import models.planted"),
        ("light", "models/store.py", "import numpy"),
        ("light", "models/errors.py", "import models.planted"),
        ("light", "models/plans/kept.py", "import numpy"),
        ("forms", "models/forms/form.py", "import models.plans.plan"),
        ("doors", "service/generation.py", "import models.plans.plan"),
        ("small", "service/errors.py", "import sklearn"),
        ("small", "service/inference/process.py", "import pandas"),
        ("apart", "service/inference/pool.py", "import service.inference.worker"),
        ("apart", "service/app.py", "import service.inference.loader"),
        ("inside", "service/errors.py", "import service.app"),
    ],
)
def test_a_forbidden_import_is_found(copy: Path, contract: str, module: str, line: str) -> None:
    (copy / "models" / "planted.py").write_text("import sklearn\n")
    (copy / "service" / "app.py").write_text("")
    with (copy / module).open("a") as file:
        file.write(f"\n{line}\n")
    found = lint(copy, contract)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "0 kept, 1 broken" in found.stdout


def test_the_api_process_has_nothing_heavy_in_memory() -> None:
    heavy = {"sklearn", "pandas", "pyarrow", "scipy", "joblib", "PIL", "rich", "pygments"}
    code = f"import sys, service.__main__; print(sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
