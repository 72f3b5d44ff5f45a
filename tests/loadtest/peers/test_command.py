"""A whole comparison with a real peer, in a real environment of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loadtest.__main__ import app

ROOT = Path(__file__).parents[3]


def peers(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "loadtest", "peers", *options],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.mark.clients
@pytest.mark.integration
def test_flask_is_installed_started_checked_and_measured_beside_percore(
    iris_store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = peers(
        "--only=flask", "--connections=2", "--rows=1,7", "--seconds=0.5", "--rounds=2",
        "--workers=1", f"--store={iris_store}", f"--out={out}", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    measured = content["rounds"]["flask"]
    order = [(each["cell"]["rows"], each["number"], each["server"]) for each in measured]
    assert order == [
        (rows, number, server)
        for rows in (1, 7)
        for number in (0, 1)
        for server in ("percore", "flask")
    ]
    assert all(each["sent"] > 0 and each["not_right"] == 0 for each in measured)
    ratios = json.loads((out / "figures.json").read_text(encoding="utf-8"))["ratios"]
    assert [each["cell"] for each in ratios] == ["2 connections, 1 row", "2 connections, 7 rows"]
    assert all(each["low"] <= each["median"] <= each["high"] for each in ratios)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Peers against Percore" in page
    left = [path for path in Path("/proc").glob("[0-9]*") if str(out) in _command(path)]
    assert left == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--only=nginx"], "nginx is not a peer"),
        (["--connections=1,x"], "--connections takes whole numbers"),
        (["--rows=0"], "--rows takes whole numbers"),
        (["--model=nobody"], "has no model 'nobody'"),
    ],
)
def test_what_cannot_be_measured_is_a_sentence(
    tmp_path: Path, options: list[str], sentence: str
) -> None:
    done = CliRunner().invoke(app, ["peers", f"--store={tmp_path}", *options])
    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.split())


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:  # it ended while we looked
        return ""
