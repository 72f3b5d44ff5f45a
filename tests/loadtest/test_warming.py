"""Before a load every worker has worked: told by the CPU time of the processes that are listed."""

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from loadtest import warming
from loadtest.errors import ScenarioError
from loadtest.http1 import Address
from loadtest.pinning import pinned
from loadtest.warming import cpu_s, warm, worker_pids
from tests.loadtest.stubs import RIGHT, Behaviour, Heard, Stub, http, requests, stub


@contextmanager
def running(behave: Behaviour) -> Iterator[Stub]:
    """Run a stub in a thread with a loop of its own, as `warm` runs one too."""
    began, end, found = threading.Event(), threading.Event(), []

    async def serve() -> None:
        async with stub(behave) as server:
            found.append(server)
            began.set()
            while not end.is_set():  # noqa: ASYNC110 - set by another thread
                await asyncio.sleep(0.01)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert began.wait(20)
    try:
        yield found[0]
    finally:
        end.set()
        thread.join(20)


def replica(pids: list[int], predict_ms: float, answered: list[int]) -> Behaviour:
    """Answer predictions and list workers; `answered` counts predictions."""

    async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
        if heard.start_line.startswith("GET"):
            writer.write(http(json.dumps({"workers": {"pids": pids}}).encode()))
            return
        answered[0] += 1
        writer.write(http(RIGHT, extra=f"Server-Timing: predict;dur={predict_ms}\r\n"))

    return behave


def test_a_replica_is_asked_until_its_worker_has_worked_long_enough() -> None:
    """We are the worker: the stub's answers cost this process's own CPU time."""
    answered = [0]
    before_s = cpu_s(os.getpid())
    with running(replica([os.getpid()], 1.0, answered)) as server:
        assert warm("replica-0", server.address, requests(server.address), 1, 50) == []
    assert answered[0] >= 50
    assert cpu_s(os.getpid()) - before_s >= 50 * 0.001


def test_a_worker_that_never_works_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "PATIENCE_S", 0.5)
    answered = [0]
    with running(replica([os.getpid(), 1], 1000.0, answered)) as server:
        told = warm("replica-0", server.address, requests(server.address), 2, 3)
    assert "Worker 1 of replica-0 was not heard before the load began." in told
    assert answered[0] > 6


def test_a_replica_that_says_nothing_is_left_to_the_load() -> None:
    nobody = Address("127.0.0.1", 1)
    assert worker_pids(nobody) == []
    assert warm("replica-0", nobody, requests(nobody), 1, 20) == []


def test_a_process_that_is_gone_needs_no_more_warming() -> None:
    assert cpu_s(2**22 + 1) == float("inf")


def test_what_is_started_inside_is_pinned_and_we_are_not_afterwards() -> None:
    before = os.sched_getaffinity(0)
    one = min(before)
    with pinned([one]):
        assert os.sched_getaffinity(0) == {one}
    assert os.sched_getaffinity(0) == before
    with pinned([]):
        assert os.sched_getaffinity(0) == before
    with pytest.raises(ScenarioError, match="there is no core 4095 to pin to"), pinned([4095]):
        pass
