"""Scenario files: what is taken, and what is said when it is not."""

from pathlib import Path

import pytest

from loadtest.errors import ScenarioError
from loadtest.scenario import ClosedLoad, OpenLoad, parse_scenario, read_scenario

SHIPPED = sorted((Path(__file__).parents[2] / "loadtest" / "scenarios").glob("*.toml"))

GOOD = """
[load]
kind = "closed"
connections = 4
duration_s = 1
[payload]
model = "iris"
"""


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_what_is_shipped_can_be_read(path: Path) -> None:
    assert read_scenario(path).payload.model in {"iris", "breast_cancer"}


def test_both_kinds_of_load_are_shipped() -> None:
    kinds = {type(read_scenario(path).load) for path in SHIPPED}
    assert kinds == {ClosedLoad, OpenLoad}


def test_what_is_not_said_has_a_default() -> None:
    scenario = parse_scenario(GOOD, "x.toml")
    assert scenario.fleet.replicas == 2
    assert scenario.balancer.policy == "least_outstanding"
    assert isinstance(scenario.load, ClosedLoad)
    assert scenario.load.timeout_s == 10


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("replicas =", "x.toml is not TOML: "),
        ('[payload]\nmodel = "m"', "x.toml: load is missing."),
        (GOOD.replace("connections = 4", ""), "x.toml: load.connections is missing."),
        (GOOD + "colour = 1", "x.toml: payload.colour is not a setting; look for a misspelling."),
        (
            GOOD.replace("connections = 4", "connections = 0"),
            "x.toml: load.connections should be greater than or equal to 1; it is 0.",
        ),
        (
            GOOD.replace('kind = "closed"', ""),
            'x.toml: load.kind is missing; it is "closed" or "open".',
        ),
        (GOOD.replace('"closed"', '"ajar"'), 'x.toml: load.kind is neither "closed" nor "open".'),
        (
            GOOD.replace('"closed"', '"open"').replace("connections = 4", "rate_per_s = 1e9"),
            "x.toml: load is wrong: 1000000000 requests are planned; 5000000 is the most.",
        ),
        (
            GOOD + '[balancer]\npolicy = "luck"',
            "x.toml: balancer.policy should be 'round_robin' or 'least_outstanding'; it is 'luck'.",
        ),
    ],
)
def test_a_mistake_is_answered_by_a_sentence_that_names_the_setting(
    text: str, sentence: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "x.toml")
    assert str(caught.value).startswith(sentence)
    assert str(caught.value).endswith(".")
    assert "pydantic" not in str(caught.value)


def test_every_mistake_gets_a_line() -> None:
    text = GOOD.replace("connections = 4", "connections = 0") + "rows = 0\n"
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "x.toml")
    lines = str(caught.value).splitlines()
    assert [line.split()[1] for line in lines] == ["load.connections", "payload.rows"]


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"none.toml cannot be read: No such file"):
        read_scenario(tmp_path / "none.toml")
