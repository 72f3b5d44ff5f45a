"""The README's figures: what `make figures` measures, and the tables that are made of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from docs.figures_tables import NOTHING, fleet_part, read_figures, runs_part
from docs.measure import ALL, ROOT, SCENARIOS
from loadtest.scenario import read_scenario
from loadtest.simulator.study import read_study

RUN: dict[str, Any] = {
    "kind": "real",
    "load_model": "open: Poisson arrivals, 200 a second for 10 s, seed 1",
    "scenario": {
        "fleet": {"replicas": 3},
        "payload": {"model": "iris", "rows": 1, "mix": []},
    },
    "front": {"product": "nginx 1.22.1"},
    "throughput_per_s": 1234.5,
    "latency": {
        "p50": {"value_s": 0.0021, "at_least": False},
        "p99": {"value_s": 5.0, "at_least": True},
    },
    "counts": {"sent": 2000, "right": 1990, "wrong": 0, "refused": 1, "lost": 9},
    "faults": [
        {
            "fault": {"kind": "kill_replica", "replica": "replica-1"},
            "detect_s": 0.125,
            "violation_s": 2.0,
        },
        {"fault": {"kind": "swap_version", "replica": ""}, "detect_s": None, "violation_s": 0.0},
    ],
    "machine": {"cores": 2, "cpu": "X", "system": "Linux 6.1-abc", "python": "3.11.7"},
    "date": "2026-11-29T01:02:03+00:00",
}
FORECAST: dict[str, Any] = {
    "kind": "emulated",
    "accepted": True,
    "scenario": {"fleet": {"replicas": 3}},
    "runs": [
        {
            "checks": [
                {"name": "p50", "predicted": 0.025, "measured": 0.024, "error": 0.0417},
                {"name": "throughput", "predicted": 210.0, "measured": 210.0, "error": 0.0},
            ]
        }
    ],
}
PLAN: dict[str, Any] = {
    "study": {"plan": {"rate_per_s": 20000.0, "p99_s": 0.05}},
    "plans": [
        {"policy": "least_outstanding", "replicas": 46, "workers": 4, "with_zone_lost": 69},
        {"policy": "random", "replicas": None, "workers": 4, "with_zone_lost": None},
    ],
}


def kept(folder: Path, reports: dict[str, Any]) -> dict[str, Any]:
    for name, report in reports.items():
        (folder / f"{name}.json").write_text(json.dumps(report), encoding="utf-8")
    return dict(read_figures(folder))


def test_a_run_is_a_row_and_each_of_its_faults_another(tmp_path: Path) -> None:
    found = kept(tmp_path, {"kill": RUN, "another": {}})
    assert set(found) == {"kill"}
    lines = runs_part(found, "../loadtest").splitlines()
    assert (
        "| [kill](../loadtest/scenarios/kill.toml) | nginx 1.22.1 | open: Poisson arrivals, 200 a"
        " second; 3 replicas, iris | 1 | 1,234 | 2.1 | ≥ 5000.0 | 0, 1, 9 of 2,000 |"
    ) in lines
    assert lines[-1].startswith("2 shared cores (X), Linux 6.1, Python 3.11.7, 2026-11-29;")
    lines = fleet_part(found, "loadtest").splitlines()
    start = "| [kill](loadtest/scenarios/kill.toml) | "
    assert f"{start}kill replica replica-1 | 0.12 s | 2.0 s | 0, 1, 9 of 2,000 |" in lines
    assert f"{start}swap version | not seen | 0.0 s | 0, 1, 9 of 2,000 |" in lines


def test_forecasts_and_plans_are_sentences(tmp_path: Path) -> None:
    text = fleet_part(kept(tmp_path, {"predict-emulated": FORECAST, "plan": PLAN}), "loadtest")
    assert (
        "[predict-emulated](loadtest/scenarios/predict-emulated.toml) (emulated): 3 emulated"
        " replicas, foretold from runs of fewer before they were started: p50 25.0 ms for 24.0 ms"
        " (+4.2%), throughput 210/s for 210/s (+0.0%)."
    ) in text
    assert (
        "20,000 requests a second with p99 under 50 ms take 46 of 4 workers with least outstanding"
        " (69 to lose a zone) replicas."
    ) in text
    assert fleet_part({}, "loadtest") == NOTHING


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_what_is_measured_is_shipped(each: Any) -> None:
    path = ROOT / SCENARIOS / f"{each.scenario}.toml"
    if each.command == "simulate":
        assert read_study(path).plan is not None
    else:
        # All of them together are to be over in minutes.
        assert read_scenario(path).load.duration_s <= 30
