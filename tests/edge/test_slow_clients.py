"""Clients that send or read so slowly that they would hold a connection for ever."""

import json
from pathlib import Path

import pytest

from tests.edge.conftest import complaints
from tests.edge.crowd import PATH, SETOSA, Crowd, address, answers, gauge
from tests.integration.refusals import refused
from tests.integration.server import forget_peak, peak_rss_bytes, rss_bytes
from tests.integration.wire import JSON, Connection, chunked, request
from tests.processes.replica import Replica, running, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

CROWD = 1000
LIMIT_S = 15.0
"""Far above the deadline of one second: the machine may be slow, but "never" is a failure."""
HEAD = b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: x\r\nX-Long: "
BODY = request("POST", PATH, None, {"Content-Length": "1000"}) + b"{"
CHUNKS = request("POST", PATH, None, {"Transfer-Encoding": "chunked"})


@pytest.mark.parametrize(
    ("beginning", "drop"),
    [(HEAD, b"x"), (BODY, b" "), (CHUNKS, b"1\r\n \r\n"), (CHUNKS, b"1"), (b"", b"\r\n")],
    ids=["head", "body", "chunks", "chunk size", "empty lines"],
)
def test_a_thousand_that_drip_are_ended_while_others_are_answered(
    tight: Replica, beginning: bytes, drop: bytes
) -> None:
    with Crowd(address(tight), CROWD, beginning) as crowd:

        def step() -> None:
            crowd.drip(drop)
            assert answers(tight)

        crowd.until_ended(step, LIMIT_S)
    told = [data for data in crowd.received if data]
    assert len(told) > CROWD / 2  # a byte that crosses the answer may wipe it out
    assert {data.split(b"\r\n")[0] for data in told} <= {
        b"HTTP/1.1 408 Request Timeout", b"HTTP/1.1 400 Bad Request"
    }  # fmt: skip
    wait_for(lambda: gauge(tight, "connections") == 1)


def test_what_a_slow_client_is_told(tight: Replica) -> None:
    for beginning in (HEAD, BODY):
        with Connection(address(tight)) as connection:
            connection.send(beginning)
            reply = connection.reply()
            refused(reply, 408, "request_timeout")
            assert reply.headers["connection"] == "close"
            assert connection.rest() == b""


def test_a_connection_on_which_nothing_was_asked_is_told_nothing(tight: Replica) -> None:
    with Connection(address(tight)) as connection:
        assert connection.rest() == b""


def test_a_second_request_has_its_own_deadline(tight: Replica) -> None:
    with Connection(address(tight)) as connection:
        assert connection.ask("POST", PATH, SETOSA, JSON).status == 200
        connection.send(HEAD)
        refused(connection.reply(), 408, "request_timeout")
        assert connection.rest() == b""


def test_a_good_request_is_answered_before_the_slow_one_behind_it(tight: Replica) -> None:
    slow = json.dumps({"instance": [12.0, 0.0]}).encode()
    with Connection(address(tight)) as connection:
        connection.send(request("POST", "/v1/models/sleepy:predict", slow, JSON) + HEAD)
        reply = connection.reply()
        assert (reply.status, reply.json()["prediction"]) == (200, 12.0)
        assert reply.headers["connection"] == "close"
        assert connection.rest() == b""


def test_a_slow_model_is_no_slow_client(tight: Replica) -> None:
    slow = json.dumps({"instance": [12.5, 0.0]}).encode()
    whole = request("POST", "/v1/models/sleepy:predict", slow, JSON)
    with Connection(address(tight)) as connection:
        connection.send(whole + request("POST", PATH, SETOSA, JSON) + HEAD[:20])
        assert connection.reply().json()["prediction"] == 12.5
        assert connection.reply().json()["prediction"] == "setosa"


def test_a_body_that_was_answered_before_it_came_holds_nothing(tight: Replica) -> None:
    headers = JSON | {"Content-Encoding": "br", "Content-Length": "20"}
    for rest in (b"", b"0123456789" * 2):
        with Connection(address(tight)) as connection:
            connection.send(request("POST", PATH, None, headers))
            refused(connection.reply(), 415)
            connection.send(rest)
            assert connection.rest() == b""


def test_clients_that_never_read_are_dropped(tight: Replica) -> None:
    before = rss_bytes(tight.process.pid)
    ask = request("GET", "/docs/swagger-ui-bundle.js") * 20
    with Crowd(address(tight), 200, ask, buffer=4096):
        assert answers(tight)
        wait_for(lambda: gauge(tight, "connections") == 1, LIMIT_S)
    assert answers(tight)
    assert rss_bytes(tight.process.pid) - before < 64 * 2**20


def test_what_waits_for_clients_has_a_limit(shelf: Path, tmp_path: Path) -> None:
    # The system takes most of two answers of 1.5 MB; the rest of the second waits here.
    ask = request("GET", "/docs/swagger-ui-bundle.js") * 20
    with running(shelf, tmp_path, "--workers=1", "--max-unread-bytes=4000000") as replica:
        forget_peak(replica.process.pid)
        before = rss_bytes(replica.process.pid)
        with Crowd(address(replica), 100, ask, buffer=4096):
            wait_for(lambda: gauge(replica, "clients_slow_total") > 20, LIMIT_S)
            assert answers(replica)
            wait_for(lambda: 0 < gauge(replica, "unread_bytes") < 4_000_000, LIMIT_S)
        assert peak_rss_bytes(replica.process.pid) - before < 64 * 2**20
        assert complaints(replica) == []


def test_a_client_that_reads_slowly_but_in_time_gets_all(tight: Replica) -> None:
    with Connection(address(tight)) as connection:
        connection.send(request("GET", "/docs/swagger-ui-bundle.js") * 8)
        for _ in range(8):
            assert connection.reply().status == 200


def test_many_pieces_are_not_many_chunks(tight: Replica) -> None:
    body = SETOSA + b" " * 500
    with Connection(address(tight)) as connection:
        connection.send(CHUNKS)
        for byte in chunked(body, 100):
            connection.send(bytes([byte]))
        assert connection.reply().status == 200
