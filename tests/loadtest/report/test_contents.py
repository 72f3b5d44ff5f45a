"""Pages of what is more than one run: searches, comparisons, simulations."""

import json
import re
from dataclasses import replace
from pathlib import Path

from loadtest.report import rebuild
from loadtest.scenario import Fleet, Scenario, Slo
from loadtest.search.bracket import Found
from loadtest.search.probe import Probe
from loadtest.search.searching import SearchReport
from loadtest.series.series import Series, write_series
from loadtest.simulator.pages import write_result
from loadtest.simulator.result import Result
from loadtest.simulator.study import read_study
from loadtest.simulator.validation import Check, Validation
from tests.loadtest.report.evidence import MACHINE, record, report

RECORDS = [record(number / 100, 0.01 + number % 7 / 1000) for number in range(1000)]


def probe(rate_per_s: float, *, sustained: bool, valid: bool = True) -> Probe:
    return Probe(rate_per_s, sustained, valid, (), rate_per_s, 0.01, 0.05, 1000, 0, 0.0)


def test_a_search_is_a_curve_and_a_rate(tmp_path: Path) -> None:
    asked: Scenario = report(RECORDS, slo=Slo(limit_s=0.05)).scenario
    probes = [probe(100, sustained=True), probe(200, sustained=False, valid=False)]
    SearchReport(asked, Found(100.0, 200.0, probes), "python -m loadtest search").write(
        tmp_path, "two"
    )
    page = rebuild(tmp_path).read_text(encoding="utf-8")
    assert "Under the SLO 100 a second are sustained." in page
    assert "open: Poisson arrivals" in page
    assert "<td>200</td><td>200</td><td>10 ms</td><td>50 ms</td><td>invalid</td>" in page
    titles = re.findall(r"<figure.*?<h3>(.*?) <span", page)
    assert titles == ["Offered load and goodput", "Offered load and p99"]
    assert not (tmp_path / "junit.xml").exists()


def test_a_comparison_has_intervals_and_says_of_which_kind(tmp_path: Path) -> None:
    made = report(RECORDS)
    emulated = made.scenario.model_copy(
        update={"fleet": Fleet.model_validate({"emulated": {"base_s": 0.01}})}
    )
    variants = {"real": [made] * 5, "pretended": [replace(made, scenario=emulated)] * 5}
    write_series(Series(variants, "python -m loadtest compare"), tmp_path)
    page = rebuild(tmp_path).read_text(encoding="utf-8")
    assert '<span class="kind">emulated and real</span>' in page
    assert "95 % intervals over 5 runs each" in page
    assert "&quot;pretended&quot;: {" in page
    assert "Verdict: passed" in page


def test_a_simulation_says_what_its_error_is_and_what_the_plan_takes(tmp_path: Path) -> None:
    path = Path(__file__).parents[3] / "loadtest" / "scenarios" / "simulations" / "plan.toml"
    checks = (Check("p50", 0.010, 0.011, 0.1), Check("throughput", 100.0, 90.0, 0.1))
    result = Result(read_study(path), None, (Validation("three", checks),), (), (), MACHINE)
    write_result(result, tmp_path, "python -m loadtest simulate plan.toml")
    content = json.loads((tmp_path / "simulation.json").read_text(encoding="utf-8"))
    content["plans"] = [
        {"policy": "random", "replicas": 61, "workers": 4, "with_zone_lost": 69},
        {"policy": "none", "replicas": None, "workers": 4, "with_zone_lost": None},
    ]
    (tmp_path / "simulation.json").write_text(json.dumps(content), encoding="utf-8")
    page = rebuild(tmp_path).read_text(encoding="utf-8")
    rate = "20,000 a second with p99 under 50 ms"
    assert f"random: {rate} takes 61 replicas of 4 workers; 69 if a zone may be lost." in page
    assert f"none: no fleet that was looked at does {rate}." in page
    assert "Beside every figure: held-out run three: p50 +10.0%, throughput -10.0%." in page
    assert "<td>p50, three</td><td>11 ms</td><td>10 ms</td><td>+10.0%</td>" in page
    assert '<span class="kind">simulated</span>' in page
    assert '<span class="kind">simulated and measured</span>' in page
