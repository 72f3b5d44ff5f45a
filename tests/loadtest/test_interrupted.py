"""Runs that are ended before their time: what is left of them, and that no process is."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.loadtest.stand_in import ROOT, SCENARIO

FOR_EVER = {
    "open": 'kind = "open"\nrate_per_s = 50\nduration_s = 600',
    "closed": 'kind = "closed"\nconnections = 2\nduration_s = 600',
    "two processes": 'kind = "open"\nrate_per_s = 50\nduration_s = 600\nprocesses = 2',
}
NO_RESULT = "Interrupted before the result was whole; no process that was started is left."


@contextmanager
def started(
    place: Path, load: str, fake: str = "right", command: str = "run"
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a run; what it says is in `said` and `result`."""
    settings = {"load": load, "policy": "round_robin", "ready_timeout_s": 60, "timeout_s": 60}
    (place / "s.toml").write_text(SCENARIO.format(**settings), encoding="utf-8")
    words = [command, "s.toml", "--out", "out", "--store", str(place / "store")]
    with (place / "said").open("wb") as said, (place / "result").open("wb") as result:
        runner = subprocess.Popen(
            [sys.executable, "-m", "loadtest", *words],
            cwd=place,
            env={**os.environ, "FAKE": fake, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            stdout=result,
            stderr=said,
        )
    try:
        yield runner
    finally:
        runner.kill()
        runner.wait()


def wait_for(what: Callable[[], bool], runner: "subprocess.Popen[bytes]") -> None:
    deadline_s = time.monotonic() + 60
    while not what():
        assert runner.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def of_store(store: Path) -> set[int]:
    """Return the processes that were started on a store and have not ended."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(store) in (entry / "cmdline").read_bytes().decode().split("\0"):
                found.add(int(entry.name))
        except OSError:  # it ended while we looked
            continue
    return found


def right_answers(place: Path) -> int:
    """Return how many right answers every generator has published so far."""
    paths = list((place / "out").glob("progress*.jsonl"))
    last = [path.read_text(encoding="utf-8").splitlines()[-1:] for path in paths]
    try:
        counts = [json.loads(lines[0])["ends"].get("right", 0) if lines else 0 for lines in last]
    except ValueError:  # not whole yet
        return 0
    return min(counts, default=0)


@pytest.mark.parametrize("kind", list(FOR_EVER))
def test_ctrl_c_during_the_load_leaves_a_partial_result(place: Path, kind: str) -> None:
    with started(place, FOR_EVER[kind]) as runner:
        wait_for(lambda: right_answers(place) > 0, runner)
        runner.send_signal(signal.SIGINT)
        assert runner.wait(60) == 130
        assert of_store(place / "store") == set()
    report = json.loads((place / "out" / "report.json").read_text(encoding="utf-8"))
    assert (report["partial"], report["verdict"]) == (True, "invalid")
    assert report["counts"]["sent"] == report["counts"]["right"] > 0
    assert 0 < report["elapsed_s"] < 600
    rows = (place / "out" / "requests.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(rows) == report["counts"]["sent"]
    (said,) = [line for line in report["warnings"] if "interrupted" in line]
    assert said == (
        f"The run was interrupted after {report['elapsed_s']:.1f} of 600 s:"
        " this is a partial result."
    )
    assert said in (place / "result").read_text(encoding="utf-8")
    if "open" in FOR_EVER[kind]:
        generator = report["generator"]
        assert generator["planned_rate_per_s"] == pytest.approx(
            report["counts"]["sent"] / report["elapsed_s"]
        )


def test_the_second_ctrl_c_waits_for_nobody(place: Path) -> None:
    with started(place, FOR_EVER["open"], "silent") as runner:
        wait_for((place / "asked").exists, runner)
        runner.send_signal(signal.SIGINT)
        wait_for(lambda: "interrupted:" in (place / "said").read_text(encoding="utf-8"), runner)
        runner.send_signal(signal.SIGINT)
        assert runner.wait(60) == 130
        assert of_store(place / "store") == set()
    assert NO_RESULT in (place / "said").read_text(encoding="utf-8")
    assert not (place / "out" / "report.json").exists()


@pytest.mark.parametrize("command", ["run", "compare"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_ended_before_its_load_ends_what_it_started(
    place: Path, number: signal.Signals, code: int, command: str
) -> None:
    store = place / "store"
    load = FOR_EVER["open"]
    with started(place, load, "never-ready", command) as runner:
        wait_for(lambda: len(of_store(store) - {runner.pid}) > 0, runner)
        runner.send_signal(number)
        assert runner.wait(60) == code
        assert of_store(store) == set()
    if number == signal.SIGINT:
        assert NO_RESULT in (place / "said").read_text(encoding="utf-8")


def test_sigterm_during_the_load_ends_all(place: Path) -> None:
    with started(place, FOR_EVER["closed"]) as runner:
        wait_for(lambda: right_answers(place) > 0, runner)
        runner.send_signal(signal.SIGTERM)
        assert runner.wait(60) == 143
        assert of_store(place / "store") == set()
    assert not (place / "out" / "report.json").exists()
