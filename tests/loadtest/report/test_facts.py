"""The top of a run's page, and the figures that carry their units."""

from typing import Any

from loadtest.report.facts import Evidence, head
from loadtest.report.figures import Figures
from loadtest.report.page import Code, Table, page
from loadtest.report.sections import sections

TOTALS = {
    "clients": 2838,
    "upstream": {"replica-0": 840, "replica-1": 2004},
    "retries": 6,
    "hedges": 1,
    "cut": 0,
}


def content(**more: Any) -> dict[str, Any]:
    machine = {"cores": 2, "cpu": "a core", "system": "Linux", "python": "3"}
    return {"machine": machine, "date": "today", "command": "run", **more}


def in_front(front: dict[str, Any]) -> str | None:
    found = head(Evidence("run", content(front=front), None, Figures()))
    return dict(found.facts).get("in front")


def test_what_the_balancer_asked_beyond_what_it_was_asked_is_said() -> None:
    assert in_front({"product": "own", "totals": TOTALS}) == (
        "our balancer; replicas were asked 2,844 times for 2,838 requests (6 retries, 1 hedge)"
    )
    calm = {**TOTALS, "upstream": {"replica-0": 2838}, "retries": 0, "hedges": 0}
    assert in_front({"product": "own", "totals": calm}) == (
        "our balancer; replicas were asked 2,838 times for 2,838 requests"
    )


def test_a_front_that_counts_nothing_is_named_and_none_is_left_out() -> None:
    assert in_front({"product": "nginx/1.22.1", "totals": {}}) == "nginx/1.22.1"
    assert in_front({}) is None


def test_the_generators_figures_carry_their_units() -> None:
    generator = {"cpu_share": 0.0668, "lag_p99_s": 0.000276, "achieved_rate_per_s": 202.71}
    found = sections(Evidence("run", content(generator=generator), None, Figures()))
    (table,) = [block for each in found for block in each.blocks if isinstance(block, Table)]
    assert table.rows == (
        ("cpu share", "6.7%"),
        ("lag p99", "0.276 ms"),
        ("achieved rate", "203 a second"),
    )


def test_a_long_scenario_is_folded_and_whole() -> None:
    for settings, folded in (({"a": 1}, False), ({str(n): n for n in range(99)}, True)):
        evidence = Evidence("run", content(scenario=None, settings=settings), None, Figures())
        found = sections(evidence)
        assert any(isinstance(block, Code) for each in found for block in each.blocks)
        shown = page(head(evidence), found)
        assert ("<details>" in shown) is folded
        assert f'{len(settings) - 1}": ' in shown.replace("&quot;", '"') or not folded
