"""The whole benchmark, small: Percore alone, and beside a peer where there is one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loadtest.__main__ import app

ROOT = Path(__file__).parents[3]


def loadtest(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "loadtest", *options],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.mark.integration
def test_percore_is_measured_in_every_form_and_a_cell_is_not_measured_twice(
    tmp_path: Path,
) -> None:
    out = tmp_path / "bench.json"
    options = [
        "bench", "--peers=none", "--models=iris", "--cells=c16,v2-batch,v2-binary-batch",
        "--runs=1", "--seconds=1", "--workers=1", f"--out={out}", f"--shelf={tmp_path / 'shelf'}",
    ]  # fmt: skip
    done = loadtest(*options)
    assert done.returncode in (0, 1), done.stderr  # 1: a busy machine lets it refuse requests
    content = json.loads(out.read_text(encoding="utf-8"))
    assert list(content["cells"]) == ["iris/c16", "iris/v2-batch", "iris/v2-binary-batch"]
    for cell in content["cells"].values():
        (run,) = cell["servers"]["percore"]["runs"]
        assert run["rate_per_s"] > 0
        assert run["checked"] > 0
        assert cell["servers"]["percore"]["verified"] > 0
    needs = content["footprints"]["iris/percore"]
    assert needs["start_s"] > 0
    assert needs["processes"] >= 3
    assert needs["loaded_bytes"] > 10 << 20
    assert (tmp_path / "bench-iris.svg").exists()
    again = loadtest(*options, "--resume", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["cells"] == content["cells"]


@pytest.mark.clients
@pytest.mark.integration
def test_a_peer_is_measured_beside_percore(tmp_path: Path) -> None:
    done = loadtest(
        "bench", "--peers=flask", "--models=iris", "--cells=c1", "--runs=2", "--seconds=1",
        f"--out={tmp_path / 'bench.json'}", f"--shelf={tmp_path / 'shelf'}", "--json",
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    cell = json.loads(done.stdout)["cells"]["iris/c1"]
    assert [len(each["runs"]) for each in cell["servers"].values()] == [2, 2]
    assert cell["versions"]["flask"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["bench", "--peers=nginx"], "nginx is not a peer"),
        (["bench", "--cells=c7"], "c7 is not a cell"),
        (["growth", "--only=trees"], "trees is not measured; there are rows"),
    ],
)
def test_what_cannot_be_measured_is_a_sentence(options: list[str], sentence: str) -> None:
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.split())
