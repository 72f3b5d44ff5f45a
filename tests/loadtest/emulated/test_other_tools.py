"""What wrk and hey measure of the same service, closed loops all; and a generator too weak.

An emulated replica with lognormal service times of mean 50 ms and more workers than connections:
nothing queues, and the percentiles are those of the law. Where a tool is not installed its test is
skipped.
"""

import json
import math
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import NormalDist

import pytest

from loadtest.emulated.answers import answer_table
from loadtest.fleet import running_fleet
from loadtest.generating import generate
from loadtest.generator import Job
from loadtest.http1 import Address
from loadtest.prepare import Prepared, prepare
from loadtest.scenario import ClosedLoad, Emulated, Fleet, OpenLoad, Payload
from loadtest.summary import Verdict, summarise
from tests.loadtest.shelf import put_classifier

MEAN_S, CV, CONNECTIONS, DURATION_S = 0.05, 0.5, 8, 3
SHARES = {"p50": 0.50, "p90": 0.90, "p99": 0.99}
CLOSE = {"p50": 0.15, "p90": 0.15, "p99": 0.35}


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    put_classifier(tmp_path / "store")
    return prepare(tmp_path / "store", Payload(model="m", distinct_requests=1), seed=1)


@pytest.fixture
def replica(prepared: Prepared, tmp_path: Path) -> Iterator[Address]:
    law = Emulated(base_s=MEAN_S, row_s=0.0, law="lognormal", cv=CV, max_batch_rows=1)
    fleet = Fleet(replicas=1, workers=2 * CONNECTIONS, emulated=law)
    table = answer_table(prepared.requests(Address("127.0.0.1", 1)))
    with running_fleet(fleet, tmp_path, table) as replicas:
        yield replicas[0].address


def wrk(url: str, body: Path) -> dict[str, float]:
    script = body.with_suffix(".lua")
    script.write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.body = io.open("{body}"):read("*a")\n',
        encoding="utf-8",
    )
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{DURATION_S}s", "--latency", "-s"]
    out = told([*command, str(script), url])
    assert "Non-2xx" not in out
    units = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
    lines = re.findall(r"^\s+(50|90|99)%\s+([0-9.]+)(us|ms|s)$", out, re.MULTILINE)
    return {f"p{share}": float(number) * units[unit] for share, number, unit in lines}


def hey(url: str, body: Path) -> dict[str, float]:
    command = ["hey", "-z", f"{DURATION_S}s", "-c", str(CONNECTIONS), "-m", "POST"]
    out = told([*command, "-T", "application/json", "-D", str(body), url])
    assert "[200]" in out
    lines = re.findall(r"^\s+(50|90|99)%+ in ([0-9.]+) secs$", out, re.MULTILINE)
    return {f"p{share}": float(number) for share, number in lines}


def told(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def ours(address: Address, prepared: Prepared, folder: Path) -> dict[str, float]:
    load = ClosedLoad(connections=CONNECTIONS, duration_s=DURATION_S)
    job = Job(target=address, load=load, requests=prepared.requests(address), folder=folder)
    summary = summarise(generate(job), load)
    assert summary.counts.right == summary.counts.sent > 300
    values = {name: summary.latency[name] for name in SHARES}
    return {name: value.value_s for name, value in values.items() if value is not None}


def test_percentiles_are_those_of_the_law(
    replica: Address, prepared: Prepared, tmp_path: Path
) -> None:
    found = ours(replica, prepared, tmp_path)
    sigma = math.sqrt(math.log(1 + CV**2))
    for name, share in SHARES.items():
        exact_s = MEAN_S * math.exp(sigma * NormalDist().inv_cdf(share) - sigma**2 / 2)
        assert found[name] == pytest.approx(exact_s, rel=CLOSE[name])


@pytest.mark.parametrize("tool", [wrk, hey])
def test_percentiles_are_those_that_others_measure(
    tool: object, replica: Address, prepared: Prepared, tmp_path: Path
) -> None:
    name = getattr(tool, "__name__", "")
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"instances": prepared.batches[0].instances}), encoding="utf-8")
    before = ours(replica, prepared, tmp_path)
    theirs = {"wrk": wrk, "hey": hey}[name](f"http://{replica}/v1/models/m:predict", body)
    after = ours(replica, prepared, tmp_path)
    assert set(theirs) == set(before) == set(SHARES)
    for share in SHARES:
        # A machine that grows busier moves ours as it moves theirs.
        least, most = sorted((before[share], after[share]))
        assert least * (1 - CLOSE[share]) <= theirs[share] <= most * (1 + CLOSE[share])


def test_a_generator_that_is_too_weak_says_that_its_figures_are_void(
    replica: Address, prepared: Prepared, tmp_path: Path
) -> None:
    """No single process takes up 1,000 requests in 0.1 ms: what it measured was itself."""
    load = OpenLoad(rate_per_s=10_000_000, duration_s=1e-4, timeout_s=20, max_connections=32)
    job = Job(target=replica, load=load, requests=prepared.requests(replica), folder=tmp_path)
    summary = summarise(generate(job), load)
    assert summary.verdict is Verdict.INVALID
    assert any("The generator was late" in line for line in summary.warnings)
