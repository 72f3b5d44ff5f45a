"""`python -m loadtest run` from outside: whole runs against replicas that behave as told."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.loadtest.stand_in import CLOSED, ROOT, SCENARIO


@dataclass
class Ran:
    code: int
    out: str
    err: str
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.out)
        return content


def run(place: Path, fake: str, *options: str, **scenario: Any) -> Ran:
    settings = {
        "load": CLOSED,
        "policy": "round_robin",
        "ready_timeout_s": 30,
        "timeout_s": 10,
    } | scenario
    (place / "s.toml").write_text(SCENARIO.format(**settings), encoding="utf-8")
    # -m looks in the working directory first: there is the stand-in, and ours is on the path.
    done = subprocess.run(
        [sys.executable, "-m", "loadtest", "run", "s.toml", "--out", "out", *options],
        cwd=place,
        env={**os.environ, "FAKE": fake, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr, place / "out")


def test_right_answers_pass_and_everything_is_left_in_the_folder(place: Path) -> None:
    ran = run(place, "right", "--json")
    assert ran.code == 0, ran.err
    counts = ran.report["counts"]
    assert ran.report["verdict"] == "passed"
    assert counts["sent"] == counts["right"] > 0
    by_replica = {name: each["sent"] for name, each in ran.report["replicas"].items()}
    assert set(by_replica) == {"replica-0", "replica-1"}
    assert abs(by_replica["replica-0"] - by_replica["replica-1"]) <= 1
    with (ran.folder / "requests.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["outcome"] for row in rows] == ["right"] * counts["sent"]
    assert json.loads((ran.folder / "report.json").read_text(encoding="utf-8")) == ran.report
    for name in ("replica-0", "replica-1", "balancer", "generator"):
        assert (ran.folder / f"{name}.log").exists()


def test_one_wrong_answer_in_ten_is_found(place: Path) -> None:
    ran = run(place, "wrong", policy="least_outstanding")
    assert ran.code == 1, ran.err
    report = json.loads((ran.folder / "report.json").read_text(encoding="utf-8"))
    counts = report["counts"]
    wrong = sum(each["sent"] // 10 for each in report["replicas"].values())
    assert counts["wrong"] == report["causes"]["probabilities"] == wrong > 0
    assert counts["right"] + counts["wrong"] == counts["sent"]
    assert "Verdict: FAILED" in ran.out
    assert f"+ {counts['wrong']:,} wrong +" in ran.out


def test_a_fleet_that_dies_loses_requests_and_is_told_of(place: Path) -> None:
    ran = run(place, "dies", "--json")
    assert ran.code == 1, ran.err
    report = ran.report
    assert report["counts"]["right"] == 40  # twenty of each replica, then nobody
    assert report["counts"]["lost"] >= 2
    assert report["causes"]["status_503"] == report["counts"]["refused"]
    deaths = [line for line in report["warnings"] if "ended with code -9" in line]
    assert [line.split()[0] for line in deaths] == ["replica-0", "replica-1"]


def test_refusals_are_counted_and_are_no_failure(place: Path) -> None:
    ran = run(place, "refuses", "--json")
    counts = ran.report["counts"]
    assert (ran.code, counts["refused"]) == (0, counts["sent"])
    assert ran.report["throughput_per_s"] == 0
    assert ran.report["latency"]["max"] is None


def test_an_open_load_that_cannot_be_kept_is_invalid(place: Path) -> None:
    # One connection at a time cannot carry 20,000 requests a second: the plan is not kept.
    load = 'kind = "open"\nrate_per_s = 20000\nduration_s = 0.3\nmax_connections = 1'
    ran = run(place, "right", "--json", load=load)
    assert ran.code == 3, ran.err
    assert ran.report["verdict"] == "invalid"
    generator = ran.report["generator"]
    assert generator["achieved_rate_per_s"] < 0.99 * generator["planned_rate_per_s"]
    assert any("planned requests a second" in line for line in ran.report["warnings"])


@pytest.mark.parametrize(
    ("fake", "scenario", "sentence"),
    [
        ("fails", {}, "ended with code 1 before it was ready"),
        ("fails", {}, "the model is broken"),
        ("never-ready", {"ready_timeout_s": 0.3}, "replica-0 was not ready in time"),
        ("right", {"policy": "luck"}, "balancer.policy should be"),
    ],
)
def test_a_run_that_cannot_be_made_is_a_sentence_and_a_code_of_its_own(
    place: Path, fake: str, scenario: dict[str, Any], sentence: str
) -> None:
    ran = run(place, fake, **scenario)
    assert ran.code == 2
    assert sentence in " ".join(ran.err.split())
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_help_has_an_example() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loadtest", "run", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert "Example: python -m loadtest run loadtest/scenarios/" in done.stdout
