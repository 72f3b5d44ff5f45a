"""What a client may send, and what it is told when it sends more."""

import contextlib
import socket

import pytest

from tests.edge.crowd import PATH, SETOSA, address, answers
from tests.integration.refusals import refused
from tests.integration.wire import JSON, Connection, chunked, request
from tests.processes.replica import Replica

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

CHUNKS = request("POST", PATH, None, JSON | {"Transfer-Encoding": "chunked"})
MOST_BYTES = 32 * 1024
LARGE_HEADS = {
    "one header": request("GET", "/health/live", None, {"X": "x" * MOST_BYTES}),
    "many headers": request("GET", "/health/live", None, {f"X-{i}": "" for i in range(5000)}),
    "url": request("GET", "/health/live?" + "x" * MOST_BYTES),
    "endless header": b"GET /health/live HTTP/1.1\r\nHost: x\r\nX: " + b"x" * MOST_BYTES,
    "endless url": b"GET /" + b"x" * MOST_BYTES,
    "endless method": b"GET /health/live HTTP/1.1\r\n" + b"A" * MOST_BYTES,
}


@pytest.mark.parametrize("pieces", [1, 3, 100])
@pytest.mark.parametrize("data", LARGE_HEADS.values(), ids=LARGE_HEADS)
def test_a_large_head_is_refused(tight: Replica, data: bytes, pieces: int) -> None:
    size = len(data) // pieces + 1
    with Connection(address(tight)) as connection:
        for start in range(0, len(data), size):
            with contextlib.suppress(OSError):
                connection.send(data[start : start + size])
        refused(connection.reply(), 431, "head_too_large")
        assert connection.rest() == b""
    assert answers(tight)


def test_a_head_just_below_the_limit(tight: Replica) -> None:
    with Connection(address(tight)) as connection:
        headers = JSON | {"X": "x" * (MOST_BYTES - 200)}
        for _ in range(3):
            assert connection.ask("POST", PATH, SETOSA, headers).status == 200


def test_small_heads_before_large_bodies(tight: Replica) -> None:
    one = request("POST", PATH, SETOSA + b" " * 100_000, JSON)
    with Connection(address(tight)) as connection:
        connection.send(one * 5)
        for _ in range(5):
            assert connection.reply().status == 200


@pytest.mark.parametrize(("count", "status"), [(9_999, 200), (70_000, 413)])
def test_chunks_are_counted(tight: Replica, count: int, status: int) -> None:
    with Connection(address(tight)) as connection:
        body = SETOSA + b" " * (count - len(SETOSA))
        with contextlib.suppress(OSError):
            connection.send(CHUNKS + chunked(body, 1))
        reply = connection.reply()
        if status == 413:
            refused(reply, 413, "too_many_chunks")
            assert connection.rest() == b""
        assert reply.status == status
    assert answers(tight)


@pytest.mark.parametrize(
    "endless", [b"1;" + b"x" * 9_000_000, b"1\r\n \r\n0\r\nX: " + b"x" * 9_000_000],
    ids=["extension", "trailer"],
)  # fmt: skip
def test_endless_framing_is_refused(tight: Replica, endless: bytes) -> None:
    with Connection(address(tight)) as connection:
        with contextlib.suppress(OSError):
            connection.send(CHUNKS + endless)
        assert connection.reply().status in {400, 413}
    assert answers(tight)


def test_trailers_are_no_headers(tight: Replica) -> None:
    body = chunked(SETOSA, 10).removesuffix(b"\r\n") + b"X-Request-Id: trailer\r\n\r\n"
    with Connection(address(tight)) as connection:
        for _ in range(2):
            connection.send(CHUNKS + body)
            reply = connection.reply()
            assert reply.status == 200
            assert reply.headers["x-request-id"] != "trailer"


def test_what_came_before_a_bent_request_is_answered(tight: Replica) -> None:
    good = request("POST", PATH, SETOSA, JSON)
    with Connection(address(tight)) as connection:
        connection.send(good * 3 + b"nonsense\r\n\r\n" + good)
        replies = [connection.reply() for _ in range(3)]
        assert [reply.status for reply in replies] == [200] * 3
        assert replies[-1].headers["connection"] == "close"
        with contextlib.suppress(ConnectionError):
            assert b"setosa" not in connection.rest()


def test_a_bent_chunk_behind_a_good_request(tight: Replica) -> None:
    with Connection(address(tight)) as connection:
        connection.send(request("POST", PATH, SETOSA, JSON) + CHUNKS + b"zz\r\n\r\n")
        assert connection.reply().status == 200
        with contextlib.suppress(ConnectionError):
            assert b"setosa" not in connection.rest()
    assert answers(tight)


def test_a_refusal_carries_the_id_of_its_request(tight: Replica) -> None:
    with Connection(address(tight)) as connection:
        assert connection.ask("POST", PATH, SETOSA, JSON | {"X-Request-Id": "first"}).status == 200
        headers = JSON | {"X-Request-Id": "second", "Transfer-Encoding": "chunked"}
        connection.send(request("POST", PATH, None, headers) + b"zz\r\n")
        assert connection.reply().headers["x-request-id"] == "second"
    with Connection(address(tight)) as connection:
        assert connection.ask("POST", PATH, SETOSA, JSON | {"X-Request-Id": "first"}).status == 200
        connection.send(b"\x00\x01nonsense")
        assert connection.reply().headers["x-request-id"] != "first"


def test_an_offer_of_http_2_is_declined_and_the_connection_goes_on(tight: Replica) -> None:
    """Java's client offers it with every first request."""
    headers = JSON | {
        "Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAAAAIA"
    }  # fmt: skip
    with Connection(address(tight)) as connection:
        for _ in range(3):
            reply = connection.ask("POST", PATH, SETOSA, headers)
            assert (reply.status, reply.json()["prediction"]) == (200, "setosa")


def test_head_and_body_leave_together(tight: Replica) -> None:
    with Connection(address(tight)) as connection:
        for _ in range(20):
            connection.send(request("POST", PATH, SETOSA, JSON))
            first = connection.socket.recv(1 << 16, socket.MSG_PEEK)
            assert first.endswith(b'"prediction":"setosa"}')
            assert connection.reply().status == 200


def test_a_head_request_has_a_head(tight: Replica) -> None:
    with Connection(address(tight)) as connection:
        for _ in range(2):
            assert connection.ask("HEAD", "/health/live").status in {200, 405}
        assert connection.ask("POST", PATH, SETOSA, JSON).status == 200


V2 = "/v2/models/iris/infer"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request("POST", V2, b"{}", {"X": "x" * MOST_BYTES}), 431),
        (b"POST " + V2.encode() + b"?" + b"x" * MOST_BYTES, 431),
        (request("POST", V2, None, {"Transfer-Encoding": "chunked"}) + b"1\r\n \r\n" * 10_002, 413),
        (request("POST", V2, None, {"Content-Length": "9"}) + b"{", 408),
        (b"POST " + V2.encode() + b" HTTP/1.1\r\nHost: x\r\n", 408),
        (b"POST " + V2.encode() + b" HTTP/1.1\r\nno header\r\n\r\n", 400),
    ],
    ids=["head", "url", "chunks", "late body", "late head", "bent"],
)
def test_on_paths_of_v2_refusals_have_its_form(tight: Replica, sent: bytes, status: int) -> None:
    with Connection(address(tight)) as connection:
        with contextlib.suppress(OSError):
            connection.send(sent)
        reply = connection.reply()
        assert reply.status == status
        assert list(reply.json()) == ["error"]
        assert reply.headers["x-request-id"]
    assert answers(tight)
