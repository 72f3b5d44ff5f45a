"""Whole runs with faults, against real replicas of the real service."""

import json
from pathlib import Path
from typing import Any

import pytest

from loadtest.run import run_scenario
from loadtest.scenario import Scenario
from loadtest.summary import Verdict

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def run(store: Path, folder: Path, **settings: Any) -> dict[str, Any]:
    """Run a scenario and return its report as programs read it."""
    scenario = Scenario.model_validate(
        {
            "fleet": {"replicas": 2, "store": store},
            "payload": {"model": "iris", "probabilities": True, "distinct_requests": 8},
            **settings,
        }
    )
    report = run_scenario(scenario, folder, "test", lambda _: None)
    assert report.summary.verdict is not Verdict.FAILED, report.summary
    content: dict[str, Any] = json.loads(report.to_json())
    return content


def test_rows_that_are_cut_are_right_while_a_replica_dies(iris_store: Path, tmp_path: Path) -> None:
    report = run(
        iris_store,
        tmp_path,
        balancer={"split_rows": 50},
        payload={
            "model": "iris",
            "probabilities": True,
            "rows": 400,
            "distinct_requests": 4,
        },
        load={"kind": "closed", "connections": 2, "duration_s": 2, "timeout_s": 20},
        faults=[{"kind": "kill_replica", "replica": 1, "at_s": 0.7}],
    )
    counts = report["counts"]
    assert counts["right"] == counts["sent"] > 0
    assert report["replicas"]["replica-0+replica-1"]["right"] > 0
    assert report["replicas"]["replica-0"]["right"] > 0
    totals = report["front"]["totals"]
    assert totals["cut"] > 0
    assert sum(totals["upstream"].values()) > totals["clients"]
    (fault,) = report["faults"]
    assert fault["fault"]["kind"] == "kill_replica"
    assert fault["detect_s"] is not None
    assert (fault["wrong"], fault["lost"], fault["refused"]) == (0, 0, 0)


def test_a_swap_under_load_loses_nothing_and_both_versions_are_right(
    iris_store: Path, tmp_path: Path
) -> None:
    before = (iris_store / "iris" / "aliases.json").read_text(encoding="utf-8")
    report = run(
        iris_store,
        tmp_path,
        fleet={"replicas": 1, "store": iris_store},
        load={"kind": "open", "rate_per_s": 30, "duration_s": 8, "timeout_s": 20},
        faults=[{"kind": "swap_version", "at_s": 0.5}],
    )
    counts = report["counts"]
    assert counts["right"] == counts["sent"] > 0
    (copy,) = tmp_path.glob("store-*")
    assert json.loads((copy / "iris" / "aliases.json").read_text())["production"] == 2
    log = (tmp_path / "replica-0.log").read_text(encoding="utf-8")
    assert '"iris 2"' in log
    # The store of the scenario is as it was.
    assert (iris_store / "iris" / "aliases.json").read_text(encoding="utf-8") == before


def test_a_black_hole_under_least_outstanding_costs_retries_and_no_client(
    iris_store: Path, tmp_path: Path
) -> None:
    """Five failures eject it, one does at each return, and a retry covers every one of them."""
    report = run(
        iris_store,
        tmp_path,
        fleet={"replicas": 3, "store": iris_store, "emulated": {"base_s": 0.002}},
        balancer={"ejection": {"base_s": 0.5, "max_s": 0.5}, "retries": {"attempts": 2}},
        load={"kind": "open", "rate_per_s": 100, "duration_s": 4, "timeout_s": 5},
        faults=[{"kind": "black_hole", "replica": 0, "at_s": 1, "for_s": 2}],
    )
    counts = report["counts"]
    assert counts["right"] == counts["sent"] > 0
    assert 5 + 2 <= report["front"]["totals"]["retries"] < 5 * 3
    (fault,) = report["faults"]
    assert fault["detect_s"] is not None
    events = [json.loads(line) for line in (tmp_path / "balancer.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events if event.get("replica") == "replica-0"][:5] == [
        "ready",
        *["ejected", "returned"] * 2,
    ]
