"""`compare` and `search` from outside, on emulated replicas."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.loadtest.shelf import put_classifier

ROOT = Path(__file__).parents[2]

SCENARIO = """
[fleet]
replicas = 1
workers = 1
store = "store"
[fleet.emulated]
base_s = {base_s}
row_s = 0.0
max_batch_rows = 1
[load]
kind = "open"
rate_per_s = 50
duration_s = 1
timeout_s = 10
[payload]
model = "m"
distinct_requests = 4
[slo]
p = 0.5
limit_s = {limit_s}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    put_classifier(tmp_path / "store")
    for name, base_s in (("quick", 0.001), ("slow", 0.015)):
        text = SCENARIO.format(base_s=base_s, limit_s=5)
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    return tmp_path


def told(place: Path, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "loadtest", *words],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_compare_takes_turns_and_tells_the_slow_one_from_the_quick_one(place: Path) -> None:
    code, out, err = told(
        place, "compare", "quick.toml", "slow.toml", "--runs", "2", "--out", "o", "--json"
    )
    # How late the generator was is the machine's doing.
    assert code in {0, 3}, err
    series: dict[str, Any] = json.loads(out)
    quick, slow = series["variants"]["quick"], series["variants"]["slow"]
    assert quick["kind"] == "emulated"
    assert [run["scenario"]["load"]["seed"] for run in slow["runs"]] == [0, 1]
    for run in (*quick["runs"], *slow["runs"]):
        assert run["counts"]["right"] == run["counts"]["sent"] > 20
    # Each answer of the slow one takes 14 ms more, whatever else the machine does.
    assert slow["figures"]["p50_s"]["median"] > 0.015
    assert len(slow["minus_quick"]["p50_s"]["values"]) == 2
    dates = [
        (place / "o" / name / f"run-{number}" / "requests.csv").stat().st_mtime
        for number in range(2)
        for name in ("quick", "slow")
    ]
    assert dates == sorted(dates)
    assert json.loads((place / "o" / "series.json").read_text(encoding="utf-8")) == series


def test_search_prints_its_curve_and_stops_where_it_is_told(place: Path) -> None:
    code, out, err = told(place, "search", "quick.toml", "--most", "50", "--out", "o")
    # 1: a machine that stood still let the backlog grow; 3: it was too busy for the generator.
    assert code in {0, 1, 3}, err
    assert "1 emulated replicas: p50 within 5000 ms" in out
    found = json.loads((place / "o" / "search.json").read_text(encoding="utf-8"))
    assert found["probes"][0]["rate_per_s"] == 50
    if code == 0:
        assert found["rate_per_s"] == 50
        assert len(found["confirmations"]) == 3
        assert "Nothing higher was tried" in out


def test_predict_says_what_two_will_do_from_one_and_then_runs_them(place: Path) -> None:
    text = SCENARIO.format(base_s=0.004, limit_s=5)
    two = text.replace("replicas = 1", "replicas = 2").replace(
        "rate_per_s = 50", "rate_per_s = 200"
    )
    (place / "two.toml").write_text(two.replace("duration_s = 1", "duration_s = 3"), "utf-8")
    asked = ("predict", "two.toml", "--calibrate-with", "1", "--max-batch", "1")
    code, out, err = told(place, *asked, "--out", "o", "--json")
    assert code in {0, 3, 4}, err  # 3: the generator was late; 4: it grew busy in between
    found: dict[str, Any] = json.loads(out)
    assert json.loads((place / "o" / "prediction.json").read_text(encoding="utf-8")) == found
    assert (place / "o" / "report.html").exists()
    if code != 3:
        checks = {check["name"]: check for check in found["runs"][0]["checks"]}
        assert set(checks) == {"p50", "p99", "throughput"}
        # Nobody answers in less than the 4 ms that the replica sleeps, said or measured.
        assert min(checks["p50"]["predicted"], checks["p50"]["measured"]) > 0.004
        assert found["accepted"] is (code == 0)
        said = json.loads((place / "o" / "forecast.json").read_text(encoding="utf-8"))
        assert said["forecasts"][0]["p50"] == checks["p50"]["predicted"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("compare", "quick.toml", "quick.toml"), "Two scenarios are called quick"),
        (("search", "closed.toml"), "A search needs an open load whose rate does not change"),
        (("search", "none.toml"), "none.toml cannot be read"),
        (("predict", "quick.toml"), "A forecast needs a fleet of two replicas or more"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_code_2(
    place: Path, words: tuple[str, ...], sentence: str
) -> None:
    text = SCENARIO.format(base_s=0.001, limit_s=5)
    closed = text.replace('kind = "open"\nrate_per_s = 50', 'kind = "closed"\nconnections = 1')
    (place / "closed.toml").write_text(closed, encoding="utf-8")
    code, out, err = told(place, *words)
    assert (code, out) == (2, "")
    assert sentence in " ".join(err.split())
    assert "Traceback" not in err
