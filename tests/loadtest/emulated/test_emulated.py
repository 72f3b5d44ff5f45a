"""Emulated replicas as processes, in front of them the real balancer and the real generator."""

import http.client
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from loadtest.emulated.answers import answer_table
from loadtest.fleet import Replica, running_fleet
from loadtest.http1 import Address
from loadtest.prepare import Prepared, prepare
from loadtest.run import run_scenario
from loadtest.scenario import Emulated, Fleet, OpenLoad, Payload, Scenario, Size
from loadtest.summary import Verdict
from tests.loadtest.shelf import put_classifier

PAYLOAD = Payload(
    model="m",
    probabilities=True,
    distinct_requests=4,
    mix=(Size(rows=1, weight=9), Size(rows=20, weight=1)),
)


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    put_classifier(tmp_path / "store")
    return prepare(tmp_path / "store", PAYLOAD, seed=1)


def ask(replica: Replica, path: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
    connection = http.client.HTTPConnection(replica.address.host, replica.address.port, timeout=20)
    connection.request("POST", path, body)
    answer = connection.getresponse()
    content, headers = json.loads(answer.read()), dict(answer.getheaders())
    connection.close()
    return answer.status, content, headers


def predict_ms(headers: Mapping[str, str]) -> float:
    """Return what a replica says that it took: what was drawn, and what a late timer added."""
    found = re.search(r"predict;dur=([0-9.]+)", headers["Server-Timing"])
    assert found is not None
    return float(found[1])


def test_they_answer_what_the_model_answers_and_only_that(
    prepared: Prepared, tmp_path: Path
) -> None:
    fleet = Fleet(replicas=3, emulated=Emulated(row_s=0.001, replicas_per_process=2))
    table = answer_table(prepared.requests(Address("127.0.0.1", 1)))
    with running_fleet(fleet, tmp_path, table) as replicas:
        assert [each.name for each in replicas] == ["replica-0", "replica-1", "replica-2"]
        assert [each.child.name for each in replicas] == [
            "replicas-0-1",
            "replicas-0-1",
            "replica-2",
        ]
        for replica, batch, answer in zip(
            replicas, prepared.batches, prepared.answers, strict=False
        ):
            body = json.dumps({"instances": batch.instances}).encode()
            status, content, headers = ask(replica, "/v1/models/m:predict", body)
            assert (status, content["predictions"]) == (200, answer.predictions)
            assert content["probabilities"] == answer.probabilities
            assert predict_ms(headers) >= 1.0
        assert ask(replicas[0], "/v1/models/m:predict", b'{"instances": [[7, 7]]}')[0] == 422
        assert ask(replicas[0], "/emulated", b'{"slowdown": 3.0}')[0] == 200
        assert predict_ms(ask(replicas[0], "/v1/models/m:predict", body)[2]) >= 3.0
        assert ask(replicas[0], "/emulated", b'{"status": 500}')[0] == 200
        assert ask(replicas[0], "/v1/models/m:predict", body)[0] == 500
        assert ask(replicas[1], "/v1/models/m:predict", body)[0] == 200
        for wrong in (b"[]", b'{"slowdown": -1}', b'{"status": 7}', b"{"):
            assert ask(replicas[0], "/emulated", wrong)[0] == 422


def test_a_mix_of_rows_and_batches_from_two_generators_is_answered_right(
    prepared: Prepared, tmp_path: Path
) -> None:
    scenario = Scenario(
        fleet=Fleet(
            replicas=6,
            workers=2,
            store=tmp_path / "store",
            emulated=Emulated(row_s=0.0005, replicas_per_process=3),
            generator_cores=(0,),
        ),
        load=OpenLoad(rate_per_s=200, duration_s=2, seed=3, processes=2),
        payload=PAYLOAD,
    )
    report = run_scenario(scenario, tmp_path, "test", lambda words: None)
    counts = report.summary.counts
    assert counts.right == counts.sent > 300
    # How late the generator was is the machine's doing.
    assert report.summary.verdict in {Verdict.PASSED, Verdict.INVALID}
    lines = (tmp_path / "requests.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == counts.sent + 1
    rows = [line.split(",")[9] for line in lines[1:]]
    assert set(rows) == {"1", "20"}
    assert 0.04 < rows.count("20") / len(rows) < 0.2
