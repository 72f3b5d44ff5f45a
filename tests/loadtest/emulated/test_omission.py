"""No coordinated omission: a replica that stands still is in the percentiles as users felt it.

A constant rate for 5 s, and the replica stopped by SIGSTOP for the first 3 s. Of all requests 60 %
wait, evenly from 3 s down to nothing: p50 0.5 s, p75 1.75, p90 2.5, p99 2.95. A tool that measures
from the sending over connections that wait would show one slow request a connection.
"""

import os
import signal
import threading
import time
from fractions import Fraction
from pathlib import Path

import pytest

from loadtest.emulated.answers import answer_table
from loadtest.fleet import running_fleet
from loadtest.generating import generate
from loadtest.generator import Job
from loadtest.http1 import Address
from loadtest.percentiles import percentile
from loadtest.prepare import prepare
from loadtest.scenario import Emulated, Fleet, OpenLoad, Payload
from tests.loadtest.shelf import put_classifier

DURATION_S, STOPPED_S = 5.0, 3.0
SHARES = ("1/2", "3/4", "9/10", "99/100")
NEAR_S = 0.2
"""Of 3 s; the machine may be busy."""


def test_a_stopped_replica_is_seen_as_long_as_it_stood_still(tmp_path: Path) -> None:
    put_classifier(tmp_path / "store")
    prepared = prepare(tmp_path / "store", Payload(model="m", distinct_requests=2), seed=1)
    fleet = Fleet(replicas=1, workers=8, emulated=Emulated(row_s=0.0))
    load = OpenLoad(rate_per_s=100, duration_s=DURATION_S, arrivals="constant", timeout_s=20)
    table = answer_table(prepared.requests(Address("127.0.0.1", 1)))
    with running_fleet(fleet, tmp_path, table) as replicas:
        replica = replicas[0]
        pid = replica.child.process.pid

        went_on_s: list[float] = []

        def go_on(began_s: float) -> None:
            time.sleep(max(0.0, began_s + STOPPED_S - time.monotonic()))
            os.kill(pid, signal.SIGCONT)
            went_on_s.append(time.monotonic() - began_s)

        def stop(began_s: float) -> None:
            os.kill(pid, signal.SIGSTOP)
            threading.Thread(target=go_on, args=(began_s,)).start()

        requests = prepared.requests(replica.address)
        job = Job(target=replica.address, load=load, requests=requests, folder=tmp_path)
        result = generate(job, started=stop)
    assert result.counts.right == result.sent == 500
    latencies_s = [record.latency_s for record in result.records]
    # A busy machine may let it go on late: each of those that wait waits longer by as much.
    stood_s = went_on_s[0]
    for share in SHARES:
        expected_s = stood_s - (1 - float(Fraction(share))) * DURATION_S
        assert percentile(latencies_s, Fraction(share)) == pytest.approx(expected_s, abs=NEAR_S)
