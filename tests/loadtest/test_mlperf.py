"""MLPerf's four scenarios: how they ask, and what they report."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from loadtest.client import run_load
from loadtest.mlperf import estimate, mlperf_result
from loadtest.record import Outcome
from loadtest.scenario import MlperfLoad, Slo
from loadtest.summary import Verdict, summarise
from tests.loadtest.stubs import RIGHT, answering, http, requests, stub
from tests.loadtest.test_summary import LOST, ONE, result


@pytest.mark.parametrize(
    ("count", "share", "above"),
    [
        (63, 0.90, None),
        (64, 0.90, 1),  # the least that LoadGen takes: one may be above
        (126, 0.90, 4),
        (127, 0.90, 5),
        (197, 0.90, 10),
        (662, 0.99, 1),
        (12571, 0.99, 100),
    ],
)
def test_the_estimate_leaves_as_many_above_as_early_stopping_allows(
    count: int, share: float, above: int | None
) -> None:
    value = estimate([float(n) for n in range(count)], share)
    assert value == (None if above is None else count - 1 - above)


def test_single_stream_asks_one_after_the_other_until_there_are_enough() -> None:
    async def scenario() -> None:
        load = MlperfLoad(scenario="SingleStream", duration_s=0.01)
        async with stub(answering(http(RIGHT))) as server:
            result = await run_load(server.address, requests(server.address), load)
            assert server.connections == 1
        records = result.records
        assert len(records) >= 64
        assert all(a.done_s <= b.sent_s for a, b in pairwise(records))
        found = mlperf_result(load, None, records, result.elapsed_s)
        assert found.valid
        assert found.value is not None
        assert found.metric == "p90 latency, early-stopping estimate"
        assert "shorter than MLPerf's" in found.reasons[0]

    asyncio.run(scenario())


def test_offline_sends_every_sample_once_and_no_more() -> None:
    async def scenario() -> None:
        load = MlperfLoad(scenario="Offline", samples=100, max_connections=7, duration_s=30)
        async with stub(answering(http(RIGHT))) as server:
            result = await run_load(server.address, requests(server.address), load)
            assert server.connections == 7
        assert result.sent == 100
        assert result.elapsed_s < 30
        found = mlperf_result(load, None, result.records, result.elapsed_s)
        assert found.value == pytest.approx(100 / result.elapsed_s)
        assert (found.unit, found.valid) == ("samples/s", True)

    asyncio.run(scenario())


def test_server_reports_its_scheduled_rate_if_early_stopping_allows_it() -> None:
    load = MlperfLoad(scenario="Server", rate_per_s=50, duration_s=600)
    slo = Slo(limit_s=0.02)
    good = [ONE] * 661 + [replace(ONE, done_s=0.03)]
    assert mlperf_result(load, slo, good, 600).valid
    found = mlperf_result(load, slo, good[1:], 600)
    assert (found.valid, found.value, found.reasons) == (
        False,
        50,
        ("1 of 661 queries were over 20 ms: early stopping allows it only of 662 or more.",),
    )


def test_a_query_without_its_answer_makes_every_scenario_invalid() -> None:
    load = MlperfLoad(scenario="MultiStream", duration_s=600)
    assert LOST.outcome is Outcome.LOST
    found = mlperf_result(load, None, [ONE] * 1000 + [LOST], 600)
    assert not found.valid
    assert found.reasons == ("1 queries were not answered right.",)


def test_a_run_that_is_not_valid_fails_and_a_short_one_only_says_so() -> None:
    load = MlperfLoad(scenario="SingleStream", duration_s=10)
    short = summarise(result([ONE] * 64), load)
    assert (short.verdict, short.broken) == (Verdict.PASSED, ())
    assert short.mlperf is not None
    assert short.mlperf.reasons == ("10 s is shorter than MLPerf's 600 s.",)
    few = summarise(result([ONE] * 63), load)
    assert few.verdict is Verdict.FAILED
    assert few.broken == ("MLPerf: 63 queries are too few: 64 are the least.",)
