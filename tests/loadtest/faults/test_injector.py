"""Faults at their times, side by side, and taken back at the end."""

import time
from pathlib import Path
from typing import Any

import pytest

from loadtest.faults.injector import Injector
from loadtest.scenario.faults import (
    BlackHole,
    CpuHog,
    KillWorker,
    StopReplica,
)
from tests.loadtest.faults.sites import ask, replica_running, state_of, wait_until

pytestmark = pytest.mark.integration


def test_faults_happen_at_their_times_side_by_side_and_are_told_in_order(tmp_path: Path) -> None:
    faults: list[Any] = [
        StopReplica(at_s=0.3, for_s=0.4),
        KillWorker(at_s=0.1, worker=9),
        BlackHole(at_s=0.2, for_s=0.3),
        CpuHog(at_s=60.0, for_s=1.0),
    ]
    with replica_running(tmp_path, *faults) as (site, _):
        injector = Injector(site, faults)
        injector.start(time.monotonic())
        wait_until(lambda: injector.over == 3)
        injected = injector.finish()
    began = [each.began_s for each in injected]
    assert began == sorted(began)
    made = {each.kind: each for each in injected}
    due_s = {"kill_worker": (0.1, 0.0), "black_hole": (0.2, 0.3), "stop_replica": (0.3, 0.4)}
    assert set(made) == set(due_s)
    for kind, (at_s, for_s) in due_s.items():
        assert made[kind].began_s >= at_s
        assert made[kind].ended_s - made[kind].began_s >= for_s
    (error,) = injector.errors
    assert error.startswith("The fault kill_worker at 0.1 s failed: process ")


def test_what_is_still_going_on_at_the_end_is_taken_back(tmp_path: Path) -> None:
    fault = StopReplica(at_s=0.0, for_s=3600.0)
    with replica_running(tmp_path) as (site, address):
        injector = Injector(site, [fault])
        injector.start(time.monotonic())
        wait_until(lambda: state_of(site.pid("replica-0")) == "T")
        injector.finish()
        assert ask(address) == 200
