"""What a generator publishes while it works: counts, and about where the percentiles are."""

import asyncio
from pathlib import Path

import pytest

from loadtest.client import run_load
from loadtest.plan import Share
from loadtest.progress import Progress, bin_of, published, read_snapshot, watched_quantile
from loadtest.record import Outcome
from loadtest.scenario import ClosedLoad
from tests.loadtest.stubs import RIGHT, answering, http, requests, stub


def test_a_snapshot_counts_since_the_start_and_the_lag_since_the_last_one() -> None:
    progress = Progress()
    for _ in range(3):
        progress.taken()
    progress.ended(Outcome.RIGHT, "", latency_s=0.002, lag_s=0.25)
    progress.ended(Outcome.LOST, "timeout", latency_s=9.0, lag_s=0.125)
    first = progress.snapshot(1.0)
    assert (first.sent, first.ended, first.lag_max_s) == (3, 2, 0.25)
    assert first.ends == {"right": 1, "wrong": 0, "refused": 0, "lost": 1}
    assert first.causes == {"timeout": 1}
    assert first.bins == {bin_of(0.002): 1}
    second = progress.snapshot(2.0)
    assert (second.sent, second.ends, second.lag_max_s) == (3, first.ends, 0.0)


@pytest.mark.parametrize("latency_s", [1e-5, 0.00047, 0.003, 0.25, 9.9])
def test_a_watched_quantile_is_less_than_five_percent_above_the_sample(latency_s: float) -> None:
    bins = {bin_of(latency_s): 99, bin_of(latency_s * 100): 1}
    watched_s = watched_quantile(bins, 0.99)
    assert watched_s is not None
    assert latency_s <= watched_s * (1 + 1e-12) < latency_s * 1.05
    last_s = watched_quantile(bins, 1.0)
    assert last_s is not None
    assert latency_s * 100 <= last_s * (1 + 1e-12) < latency_s * 105


def test_nothing_has_no_quantile() -> None:
    assert watched_quantile({}, 0.5) is None


def test_kinds_of_failure_are_bounded() -> None:
    progress = Progress()
    for number in range(1000):
        progress.ended(Outcome.LOST, f"status_{number}", latency_s=1.0, lag_s=0.0)
    assert len(progress.snapshot(1.0).causes) < 30
    assert progress.snapshot(1.0).ends["lost"] == 1000


def test_a_line_that_is_not_whole_yet_is_an_error() -> None:
    for line in ('{"at_s": 1.0, "se', "[]", '{"at_s": 1.0}'):
        with pytest.raises(ValueError, match=r"\w"):
            read_snapshot(line)


def test_a_load_publishes_while_it_runs_and_its_last_line_has_everything(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"

    async def scenario() -> int:
        progress = Progress()
        load = ClosedLoad(connections=2, duration_s=1.2)
        with path.open("w", encoding="utf-8") as file:
            async with stub(answering(http(RIGHT))) as server:
                share = Share(progress=progress)
                work = run_load(server.address, requests(server.address), load, share=share)
                return (await published(work, progress, file)).sent

    sent = asyncio.run(scenario())
    snapshots = [read_snapshot(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(snapshots) >= 2
    assert [each.at_s for each in snapshots] == sorted(each.at_s for each in snapshots)
    assert snapshots[-1].sent == snapshots[-1].ends["right"] == sent > 0
    assert sum(snapshots[-1].bins.values()) == sent
