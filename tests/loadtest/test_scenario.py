"""Scenario files: what is taken, and what is said when it is not."""

from pathlib import Path

import pytest

from loadtest.errors import ScenarioError
from loadtest.scenario import ClosedLoad, MlperfLoad, OpenLoad, parse_scenario, read_scenario

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


def test_closed_open_and_mlperfs_loads_are_shipped() -> None:
    kinds = {type(read_scenario(path).load) for path in SHIPPED}
    assert kinds >= {ClosedLoad, OpenLoad, MlperfLoad}


OPEN_SPIKE = 'rate_per_s = 9\nshape = {kind = "spike", rate_per_s = 50, at_s = 90, for_s = 9}'
OPEN_BUMP = 'rate_per_s = 9\nshape = {kind = "bump"}'


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
            'x.toml: load.kind is missing; it is "closed", "open", "trace" or "mlperf".',
        ),
        (
            GOOD.replace('"closed"', '"ajar"'),
            'x.toml: load.kind is none of "closed", "open", "trace" or "mlperf".',
        ),
        (
            GOOD.replace("connections = 4", 'scenario = "Server"').replace("closed", "mlperf"),
            "x.toml: load is wrong: rate_per_s belongs to the Server scenario, which needs it.",
        ),
        (
            GOOD.replace('"closed"', '"open"').replace("connections = 4", OPEN_SPIKE),
            "x.toml: load is wrong: the spike ends at 99 s, the load at",
        ),
        (
            GOOD.replace('"closed"', '"open"').replace("connections = 4", OPEN_BUMP),
            'x.toml: load.shape.kind is none of "ramp" or "spike".',
        ),
        (
            GOOD + "rows = 3\nmix = [{rows = 1}]",
            "x.toml: payload is wrong: rows and mix exclude each other.",
        ),
        (
            GOOD + "[thresholds]\nmin_goodput_per_s = 1",
            "x.toml: the file is wrong: thresholds.min_goodput_per_s needs an [slo].",
        ),
        (
            GOOD + "[fleet]\nreplicas = 65",
            "x.toml: fleet is wrong: 65 real replicas are too many; 64 is the most.",
        ),
        (
            GOOD.replace('"closed"', '"open"').replace("connections = 4", "rate_per_s = 1e9"),
            "x.toml: load is wrong: 1000000000 requests are planned; 5000000 is the most.",
        ),
        (
            GOOD + '[balancer]\npolicy = "luck"',
            "x.toml: balancer.policy should be 'random', 'round_robin', 'weighted_round_robin',"
            " 'least_outstanding', 'power_of_choices', 'join_idle_queue', 'peak_ewma' or"
            " 'utilisation'; it is 'luck'.",
        ),
        (
            GOOD + '[balancer]\nkind = "nginx"\npolicy = "peak_ewma"',
            'x.toml: balancer is wrong: nginx has no policy "peak_ewma"; it has round_robin,'
            " weighted_round_robin, least_outstanding, random, power_of_choices.",
        ),
        (
            GOOD + '[balancer]\nkind = "haproxy"\nsplit_rows = 10\nhedge_after_s = 0.1',
            'x.toml: balancer is wrong: kind "haproxy" does not know hedge_after_s, split_rows;'
            ' only "own" does.',
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


CHANGING = "load.rate_per_s = 9\nload.duration_s = 10\n[payload]\nmodel = 'm'"


def test_mser_must_not_hide_a_fault() -> None:
    text = "runs.warm_up = 'mser'\nload.kind = 'open'\n" + CHANGING
    fault = "[[faults]]\nkind = 'kill_replica'\nat_s = 1"
    assert parse_scenario(text.replace("runs.warm_up = 'mser'", "") + "\n" + fault, "x.toml").faults
    with pytest.raises(ScenarioError, match="but there are faults"):
        parse_scenario(f"{text}\n{fault}", "x.toml")


@pytest.mark.parametrize("shape", ['{kind = "ramp", to_rate_per_s = 90}', None])
def test_mser_may_only_cut_what_has_no_change_of_its_own(shape: str | None) -> None:
    lines = "runs.warm_up = 'mser'\nload.kind = 'open'\n"
    if shape is None:
        assert parse_scenario(lines + CHANGING, "x.toml").runs.warm_up == "mser"
        return
    with pytest.raises(ScenarioError, match="the rate of the load changes"):
        parse_scenario(f"{lines}load.shape = {shape}\n{CHANGING}", "x.toml")


@pytest.mark.parametrize(
    ("scenario", "rows", "sentence"),
    [
        ("MultiStream", 1, "MultiStream has payload.rows = 8"),
        ("SingleStream", 8, "SingleStream has payload.rows = 1"),
        ("Server", 1, "Server scenario needs an [slo]"),
        ("MultiStream", 8, None),
        ("Offline", 64, None),
    ],
)
def test_mlperf_is_held_to_its_rules(scenario: str, rows: int, sentence: str | None) -> None:
    rate = "rate_per_s = 5" if scenario == "Server" else ""
    text = f"""
    [load]
    kind = "mlperf"
    scenario = "{scenario}"
    {rate}
    [payload]
    model = "m"
    rows = {rows}
    """
    if sentence is None:
        assert parse_scenario(text, "x.toml").load.duration_s == 600
        return
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "x.toml")
    assert sentence in str(caught.value)


def test_each_run_of_a_series_has_a_seed_of_its_own_and_each_variant_the_same_ones() -> None:
    scenario = parse_scenario(GOOD, "x.toml")
    assert [scenario.with_seed_of_run(run).load.seed for run in range(3)] == [0, 1, 2]
