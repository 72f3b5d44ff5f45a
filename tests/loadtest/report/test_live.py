"""The live view: what generators publish, put together, on a terminal and in a log."""

import io
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from rich.console import Console

from loadtest.progress import Snapshot, bin_of
from loadtest.report import LiveView
from loadtest.report.live import events, figures, latest, line


def publish(folder: Path, name: str, *snapshots: Snapshot) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in snapshots), "utf-8")
    return path


BEFORE = Snapshot(at_s=1.0, sent=100, ends={"right": 90}, bins={bin_of(0.01): 90})
AFTER = Snapshot(
    at_s=2.0,
    sent=300,
    ends={"right": 240, "lost": 10},
    causes={"timeout": 10},
    bins={bin_of(0.01): 240},
    lag_max_s=0.002,
)


def test_figures_are_rates_of_the_last_interval_and_sums_so_far() -> None:
    found = figures((BEFORE, AFTER))
    assert found["sent"] == "200 a second, 300 in all"
    assert found["ended"] == "160 a second, right 150"
    assert found["outstanding"] == "50"
    assert found["not right"] == "timeout 10"
    assert found["generator lag"] == "at most 2 ms"
    assert found["latency so far"].startswith("p50 about 10")
    assert "\n" not in line((BEFORE, AFTER))


def test_several_generators_are_one(tmp_path: Path) -> None:
    publish(tmp_path, "progress.jsonl", BEFORE, AFTER)
    publish(tmp_path, "progress-1.jsonl", BEFORE, AFTER)
    found = latest(tmp_path, 0.0)
    assert found is not None
    before, after = found
    assert (before.sent, after.sent, after.ended) == (200, 600, 500)
    assert after.bins == {bin_of(0.01): 480}
    assert (after.at_s, after.lag_max_s, after.causes) == (2.0, 0.002, {"timeout": 20})


def test_what_is_not_whole_yet_and_what_is_over_is_not_shown(tmp_path: Path) -> None:
    path = publish(tmp_path, "progress.jsonl", BEFORE, AFTER)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"at_s": 3.0, "se')
    found = latest(tmp_path, 0.0)
    assert found is not None
    assert found[1].at_s == 2.0
    assert latest(tmp_path, time.time() + 60) is None
    assert latest(tmp_path / "nowhere", 0.0) is None


def test_of_several_runs_the_one_that_moves_is_shown(tmp_path: Path) -> None:
    for number, name in enumerate(("run-1", "run-2")):
        (tmp_path / name).mkdir()
        path = publish(tmp_path / name, "progress.jsonl", Snapshot(at_s=1.0, sent=number + 1))
        os.utime(path, (1000 + number, 1000 + number))
    found = latest(tmp_path, 0.0)
    assert found is not None
    assert found[1].sent == 2


def test_events_are_the_last_few(tmp_path: Path) -> None:
    lines = [{"at_s": 1, "event": "ejected", "replica": f"replica-{number}"} for number in range(9)]
    lines.append({"at_s": 1, "event": "totals"})
    (tmp_path / "balancer.jsonl").write_text("\n".join([*map(json.dumps, lines), '{"at']), "utf-8")
    shown = events(tmp_path)
    assert shown[-1] == "ejected replica-8"
    assert 3 <= len(shown) <= 5


@pytest.mark.parametrize("terminal", [True, False])
def test_the_view_shows_what_is_published(
    tmp_path: Path, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtest.report.live._EVERY_S", 0.01)
    monkeypatch.setattr("loadtest.report.live._LOG_EVERY_S", 0.01)
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=200)
    with LiveView(console, tmp_path, [(1.0, "kill replica-0"), (9.0, "too early")]) as view:
        view("load for 20 s")
        time.sleep(0.02)  # file clocks are coarse: what is published must be younger
        publish(tmp_path, "progress.jsonl", BEFORE, AFTER)
        deadline_s = time.monotonic() + 20
        while "300 in all" not in out.getvalue():
            assert time.monotonic() < deadline_s, out.getvalue()
            time.sleep(0.01)
    assert "load for 20 s" in out.getvalue()
    assert "fault kill replica-0, 1 s ago" in out.getvalue()
    assert "too early" not in out.getvalue()
