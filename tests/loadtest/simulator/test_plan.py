"""The curve, the plan and the command that prints them."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.errors import ScenarioError
from loadtest.simulator.plan import Plan, meets, smallest, with_a_zone_more
from loadtest.simulator.point import Point, capacity_per_s, draw_load, simulate_point
from loadtest.simulator.show import sentence
from loadtest.simulator.study import Goal, Study, read_study
from loadtest.simulator.traffic import Traffic
from tests.loadtest.simulator.pretended import pretend_run
from tests.loadtest.simulator.queues import ORACLES, fleet
from tests.loadtest.simulator.test_calibration import TRUTH, model

ROOT = Path(__file__).parents[3]
SHIPPED = sorted((ROOT / "loadtest" / "scenarios" / "simulations").glob("*.toml"))

PLAN = """
requests = 20_000
policies = ["least_outstanding", "random"]
[fleet]
replicas = 4
workers = 2
zones = 3
[service]
batch_s = [0.010]
law = { kind = "exponential" }
[curve]
loads = [0.5]
[plan]
rate_per_s = 1_000.0
p99_s = 0.06
lose_zone = true
"""
MEASURED = """
requests = 20_000
policies = ["least_outstanding"]
[fleet]
replicas = 3
[measured]
runs = ["one", "two"]
held_out = ["{held_out}"]
max_batch = 8
[curve]
loads = [0.5]
"""


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 600))
def test_the_smallest_that_does_is_found(low: int, needed: int, most: int) -> None:
    asked: list[int] = []

    def does(number: int) -> bool:
        asked.append(number)
        return number >= needed

    most = max(low, most)
    expected = max(low, needed)
    assert smallest(low, most, does) == (expected if expected <= most else None)
    assert len(asked) <= 2 * max(1, (expected - low + 1)).bit_length() + 2


@given(st.integers(1, 300), st.integers(2, 5))
def test_a_fleet_with_a_zone_more_has_enough_left_whichever_goes(replicas: int, zones: int) -> None:
    def left(fleet: int) -> int:
        return min(sum(each % zones != gone for each in range(fleet)) for gone in range(zones))

    larger = with_a_zone_more(replicas, zones)
    assert left(larger) >= replicas
    assert left(larger - 1) < replicas


def test_a_point_says_what_theory_says() -> None:
    served = fleet(1, 4)
    load = draw_load(served, Traffic(), 2.8, 200_000, 1)
    point = simulate_point(served, load)
    exact = ORACLES["mmc"]["c=4 rho=0.7"]
    assert point.load == pytest.approx(0.7)
    assert point.p50_s == pytest.approx(exact["p50"], rel=0.03)
    assert point.p99_s is not None
    assert point.p99_error_s is not None
    assert abs(point.p99_s - exact["p99"]) < 2 * point.p99_error_s < 0.2 * exact["p99"]
    assert not point.grows


def test_a_fleet_that_does_not_keep_up_is_said_to_grow() -> None:
    served = fleet(1, 4)
    point = simulate_point(served, draw_load(served, Traffic(), 4.4, 50_000, 1))
    assert point.grows


def test_who_loses_requests_has_no_percentile_among_them() -> None:
    served = fleet(1, 1, max_waiting=0)
    point = simulate_point(served, draw_load(served, Traffic(), 1.0, 50_000, 1))
    assert point.right == pytest.approx(0.5, abs=0.02)
    assert point.p99_s is None


def test_capacity_counts_the_best_batch_and_the_slowdown() -> None:
    served = fleet(10, 2, batch_s=(1.0, 1.2, 2.7), slowdown=(1.0, 1.25))
    assert capacity_per_s(served) == pytest.approx(10 * 2 * 2 / 1.2 / 1.25)


@pytest.mark.parametrize(
    ("changed", "does"),
    [
        ({}, True),
        ({"p99_error_s": 0.011}, False),
        ({"p99_s": 0.051}, False),
        ({"p99_s": None}, False),
        ({"p99_error_s": None}, False),
        ({"right": 0.9985}, False),
        ({"right": 0.9995}, True),
        ({"grows": True}, False),
    ],
)
def test_a_fleet_must_do_it_surely(changed: dict[str, Any], does: bool) -> None:
    well = Point(
        policy="random",
        replicas=1,
        rate_per_s=1.0,
        load=0.5,
        mean_s=0.02,
        p50_s=0.02,
        p99_s=0.04,
        p99_error_s=0.009,
        right=1.0,
        goodput_per_s=1.0,
        calls=1.0,
        grows=False,
    )
    goal = Goal(rate_per_s=1.0, p99_s=0.05, unanswered=0.001)
    assert meets(dataclasses.replace(well, **changed), goal) is does


def test_the_plan_is_a_sentence() -> None:
    goal = Goal(rate_per_s=20_000, p99_s=0.05)
    plans = [
        Plan("round_robin", 61, 4, None, 92, 0.0),
        Plan("least_outstanding", 46, 4, None, 69, 0.0),
        Plan("random", None, 4, None, None, None),
    ]
    assert sentence(tuple(plans), goal) == (
        "For 20,000 requests a second with p99 under 50 ms: 46 replicas of 4 workers,"
        " least outstanding; 61 with round robin; losing one zone: 69."
    )
    assert "no fleet of up to 10,000" in sentence(tuple(plans[2:]), goal)


def run(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "s.toml").write_text(text, encoding="utf-8")
    command: Sequence[str] = [sys.executable, "-m", "loadtest", "simulate", "s.toml", *options]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_command_plans_and_says_that_nobody_checked(tmp_path: Path) -> None:
    ran = run(tmp_path, PLAN, "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["kind"] == "simulated"
    assert "given by hand" in told["standing"]
    best, chance = told["plans"]
    assert 6 <= best["replicas"] < chance["replicas"]
    assert best["with_zone_lost"] == with_a_zone_more(best["replicas"], 3)
    assert best["point"]["p99_s"] + best["point"]["p99_error_s"] <= 0.06
    assert 0 < best["lost_at_failure"] < 0.05
    assert [point["policy"] for point in told["curve"]] == ["least_outstanding", "random"]


def test_the_command_checks_before_it_extrapolates(tmp_path: Path) -> None:
    slow = TRUTH.model_copy(update={"batch_s": tuple(1.6 * each for each in TRUTH.batch_s)})
    pretend_run(tmp_path / "one", model(1), 300.0, 20.0, 1)
    pretend_run(tmp_path / "two", model(2), 400.0, 20.0, 2)
    pretend_run(tmp_path / "three", model(3), 400.0, 20.0, 3)
    pretend_run(tmp_path / "slow", model(3, service=slow), 300.0, 20.0, 4)
    good = run(tmp_path, MEASURED.format(held_out="three"))
    assert good.returncode == 0, good.stderr
    assert "held-out run three (emulated, 3 replicas" in good.stdout
    assert "Latency against load (simulated)" in good.stdout
    bad = run(tmp_path, MEASURED.format(held_out="slow"), "--json")
    assert bad.returncode == 4
    assert "Refused: the simulator does not predict" in bad.stderr
    assert json.loads(bad.stdout)["curve"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[fleet", "is not TOML"),
        ("requests = 5\n", "requests: "),
        (PLAN.replace("zones = 3", "zones = 1"), "lose_zone needs fleet.zones"),
        (PLAN.replace("[service]", "[services]"), "services: Extra inputs"),
        (MEASURED.format(held_out="one"), "cannot be held out"),
        (MEASURED.format(held_out="nowhere"), "report.json cannot be read"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    if said != "report.json cannot be read":
        with pytest.raises(ScenarioError, match=said):
            read_study(Path("s.toml"))
        return
    ran = run(tmp_path, text)
    assert ran.returncode == 2
    assert said in ran.stderr


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_what_ships_can_be_read(path: Path) -> None:
    study = read_study(path)
    assert isinstance(study, Study)
    assert len(SHIPPED) == 4


CLIENTS = """
requests = 20_000
policies = ["least_outstanding"]
mix = [{ rows = 1, weight = 3 }, { rows = 5, weight = 1 }]
[fleet]
replicas = 2
[service]
batch_s = [0.010, 0.012, 0.014, 0.016, 0.018]
law = { kind = "exponential" }
[closed]
clients = [1, 8]
think_s = 0.1
"""


def test_clients_are_a_curve_of_their_own_and_their_rate_is_what_came_of_it(tmp_path: Path) -> None:
    done = run(tmp_path, CLIENTS, "--json", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    one, eight = json.loads(done.stdout)["curve"]
    assert (one["clients"], eight["clients"]) == (1, 8)
    # Little's law of one client alone: a request, a pause, a request; rows are 2 on average.
    assert one["mean_s"] == pytest.approx(0.012, rel=0.05)
    for point in (one, eight):
        littles = point["clients"] / (point["mean_s"] + 0.1)
        assert point["rate_per_s"] == pytest.approx(littles, rel=0.02)
    assert eight["mean_s"] > one["mean_s"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "closed: simulated clients, constant think time of 0.1 s" in page


def test_what_does_not_go_with_clients_or_a_mix_is_said(tmp_path: Path) -> None:
    def refused(text: str) -> str:
        path = tmp_path / "study.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ScenarioError) as caught:
            read_study(path)
        return str(caught.value)

    goal = "[plan]\nrate_per_s = 10.0\np99_s = 1.0\n"
    assert "a plan is for a rate" in refused(CLIENTS + goal)
    assert "nobody asks with fewer than 1" in refused(CLIENTS.replace("[1, 8]", "[0]"))
    mixed = MEASURED.format(held_out="three").replace("[fleet]", "mix = [{ rows = 2 }]\n[fleet]")
    for name, replicas in (("one", 1), ("two", 2), ("three", 3)):
        pretend_run(tmp_path / name, model(replicas), 100.0, 5.0, replicas)
    done = run(tmp_path, mixed)
    assert (done.returncode, "simulate what was measured" in done.stderr) == (2, True)


def test_every_kind_of_traffic_has_its_rate(tmp_path: Path) -> None:
    (tmp_path / "trace").write_text("\n".join(str(each) for each in np.arange(0.1, 500.0, 0.1)))
    kinds = [
        Traffic(),
        Traffic(arrivals="constant"),
        Traffic(arrivals="gamma", cv=2.0),
        Traffic(arrivals="trace", trace=tmp_path / "trace"),
    ]
    for traffic in kinds:
        load = draw_load(fleet(), traffic, 50.0, 4000, 1)
        assert len(load.arrivals_s) / load.arrivals_s[-1] == pytest.approx(50.0, rel=0.1)
        assert (np.diff(load.arrivals_s) >= 0).all()
    ramp = Traffic.model_validate({"shape": {"kind": "ramp", "to_rate_per_s": 150.0}})
    starts = draw_load(fleet(), ramp, 50.0, 4000, 1).arrivals_s
    assert len(starts) == pytest.approx(8000, rel=0.1)
