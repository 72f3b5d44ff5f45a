"""The commands extract and draft: words for people, JSON for programs, signals, exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from models.extract.draft import draft
from models.extract.journal import Journal
from tests.models.extract.student_table import write_students
from tests.models.test_cli import ROOT, run

SPEC = """
[model]
name = "rows"
task = "regression"
[source]
kind = "csv"
path = "rows.csv"
max_rejected_share = 0.5
mark = { column = "id" }
[columns.id]
type = "integer"
[columns.y]
type = "number"
[target]
column = "y"
[[features]]
kind = "numeric"
columns = ["id"]
[fit.estimator]
name = "Ridge"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rows.toml").write_text(SPEC)
    (tmp_path / "rows.csv").write_text("id,y\n1,1\n2,x\n3,3\n4\n5,5\n")
    return tmp_path


def test_help_has_an_example() -> None:
    for command in ("extract", "draft"):
        words = " ".join(run(command, "--help").stdout.split())
        assert f"Example: python -m models {command}" in words
        assert "--json" in words
        assert command in run("--help").stdout


def test_extract_tells_what_it_took(folder: Path) -> None:
    done = run("extract", "rows.toml", "--out", "out/rows.parquet", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "rows.csv: 5 rows read, 3 taken" in done.stdout
    assert "2 rows rejected, each with its reason in work/rows/rejected" in done.stdout
    assert "1  y is not a finite number" in done.stdout
    assert "high-water mark 5: not remembered without --commit" in done.stdout
    assert pd.read_parquet(folder / "out" / "rows.parquet")["id"].tolist() == [1, 3, 5]


def test_extract_for_a_program_from_mark_to_mark(folder: Path) -> None:
    given = ["extract", "rows.toml", "--json", "--commit", "--work", "w", "--out", "o.parquet"]
    first = json.loads(run(*given, cwd=folder).stdout)
    assert (first["read"], first["taken"], first["rejected"], first["mark"]) == (5, 3, 2, 5)
    assert first["reasons"] == {"y is not a finite number": 1, "has 1 cells instead of 2": 1}
    assert Path(folder / first["rejected_file"]).is_file()
    with (folder / "rows.csv").open("a") as file:
        file.write("6,6\n")
    second = json.loads(run(*given, cwd=folder).stdout)
    assert (second["read"], second["taken"], second["mark"]) == (1, 1, 6)
    assert pd.read_parquet(folder / "o.parquet")["id"].tolist() == [6]


def test_too_many_broken_rows_leave_no_file(folder: Path) -> None:
    text = SPEC.replace("max_rejected_share = 0.5", "max_rejected_share = 0.1")
    (folder / "rows.toml").write_text(text)
    done = run("extract", "rows.toml", "--out", "rows.parquet", "--commit", cwd=folder)
    assert done.returncode == 1
    assert done.stderr.startswith("error: rows.csv: 2 of 5 rows (40.00%) break the contract")
    assert not (folder / "rows.parquet").exists()
    assert not (folder / "work" / "rows" / "mark.json").exists()


def test_wrong_usage(folder: Path) -> None:
    assert run("extract", cwd=folder).returncode == 2
    assert run("extract", "rows.toml", "--watch", ".", "--out", "x", cwd=folder).returncode == 2
    assert run("draft", "rows.csv", cwd=folder).returncode == 2
    assert run("extract", "none.toml", cwd=folder).returncode == 1
    assert "error: there is no file none.csv" in run(
        "draft", "none.csv", "--target", "y", cwd=folder
    ).stderr  # fmt: skip


def test_draft_prints_the_specification(tmp_path: Path) -> None:
    write_students(tmp_path / "student-por.csv", 60)
    given = ["draft", "student-por.csv", "--target", "G3", "--name", "students"]
    text = run(*given, cwd=tmp_path).stdout
    assert text == draft(tmp_path / "student-por.csv", "G3", "students")
    tables = json.loads(run(*given, "--json", "--task", "classification", cwd=tmp_path).stdout)
    assert tables["model"] == {"name": "students", "task": "classification"}
    (tmp_path / "students.toml").write_text(text)
    done = run("extract", "students.toml", cwd=tmp_path)
    assert "student-por.csv: 60 rows read, 60 taken" in done.stdout


def test_once_reads_what_lies_there(folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "a.csv").write_text("id,y\n1,1\n")
    (folder / "in" / "b.csv").write_text("no,such\n1,1\n")
    given = ["extract", "rows.toml", "--watch", "in", "--once", "--every", "0.05"]
    done = run(*given, "--json", cwd=folder)
    assert done.returncode == 1
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(seen["file"], seen["outcome"]) for seen in found] == [
        ("a.csv", "taken"),
        ("b.csv", "refused"),
    ]
    again = run(*given, cwd=folder)
    assert (again.returncode, again.stdout) == (0, "")


@contextmanager
def following(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a watcher as a process of its own."""
    (folder / "in").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "models", "extract", "rows.toml", "--watch", "in",
            "--every", "0.05", "--json",
        ],
        cwd=folder, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def await_files(folder: Path, count: int) -> None:
    journal, deadline = folder / "work" / "rows" / "watch.jsonl", time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"\n") < count:
        assert time.monotonic() < deadline, "the watcher did not read the files"
        time.sleep(0.02)


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_watcher_cleanly(folder: Path, number: signal.Signals) -> None:
    with following(folder) as process:
        for name in ("a", "b"):
            (folder / "in" / f"{name}.csv").write_text(f"id,y\n1,1\n2,{ord(name)}\n")
        await_files(folder, 2)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [json.loads(line)["file"] for line in output.splitlines()] == ["a.csv", "b.csv"]


@pytest.mark.integration
def test_a_killed_watcher_reads_nothing_twice(folder: Path) -> None:
    sent = 0
    for _ in range(2):
        with following(folder) as process:
            for _ in range(4):
                draft = folder / "in" / f".{sent}.csv"
                draft.write_text(f"id,y\n{sent},1\n")
                draft.rename(folder / "in" / f"{sent:03d}.csv")
                sent += 1
            await_files(folder, sent - 2)
            process.kill()
    done = run("extract", "rows.toml", "--watch", "in", "--once", "--every", "0.05", cwd=folder)
    assert done.returncode == 0, done.stderr
    work = folder / "work" / "rows"
    parts = pd.concat([pd.read_parquet(path) for path in (work / "parts").iterdir()])
    assert sorted(parts["id"]) == list(range(sent))
    assert len(Journal(work / "watch.jsonl").entries) == sent
