"""Every snippet of docs/clients.md is run, and prints what the page says that it prints."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.outside import program as outside_program
from tests.processes.replica import ROOT, Replica, running

PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```(\w+)\n(.+?)```\n\n```text\n(.+?)```", PAGE, re.DOTALL)
KSERVE = [one[1:] for one in SNIPPETS if "from kserve" in one[1]]
RUN = {
    "sh": ("sh", "client.sh"),
    "python": (sys.executable, "client.py"),
    "javascript": ("node", "client.mjs"),
    "java": ("java", "Predict.java"),
    "go": ("go", "run", "predict.go"),
}
LIMIT_S = 300

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    folder = tmp_path_factory.mktemp("clients")
    train = [sys.executable, "-m", "models", "train", "iris", "--store", str(folder / "store")]
    subprocess.run(train, cwd=ROOT, check=True, capture_output=True, timeout=200)
    with running(folder / "store", folder) as started:
        yield started


def test_every_snippet_has_its_output() -> None:
    assert len(SNIPPETS) == len(re.findall(r"^```(?!text)\w+$", PAGE, re.MULTILINE))
    assert {language for language, _, _ in SNIPPETS} == set(RUN)


@pytest.mark.parametrize(
    ("language", "code", "output"), [one for one in SNIPPETS if one[1:] not in KSERVE]
)
def test_a_snippet_prints_what_the_page_says(
    replica: Replica, tmp_path: Path, language: str, code: str, output: str
) -> None:
    prints_what_the_page_says(replica, tmp_path, RUN[language], code, output)


@pytest.mark.clients
@pytest.mark.parametrize(("code", "output"), KSERVE)
def test_kserves_snippet(replica: Replica, tmp_path: Path, code: str, output: str) -> None:
    prints_what_the_page_says(
        replica, tmp_path, (outside_program("kserve"), "client.py"), code, output
    )


def prints_what_the_page_says(
    replica: Replica, tmp_path: Path, run: tuple[str, ...], code: str, output: str
) -> None:
    *command, name = run
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed here")
    (tmp_path / name).write_text(code.replace("localhost:8000", f"localhost:{replica.port}"))
    done = subprocess.run(
        [*command, name], cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == output.strip()
