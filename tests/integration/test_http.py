"""HTTP itself: however the bytes of a request are cut, joined or bent."""

import json
import socket
from collections.abc import Mapping
from contextlib import suppress

import pytest

from tests.integration.refusals import refused
from tests.integration.server import Service
from tests.integration.wire import (
    JSON,
    Address,
    Connection,
    Reply,
    chunked,
    get,
    post,
    request,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("same_workers"),
]

PATH = "/v1/models/iris:predict"
FLOWERS = {
    "setosa": b'{"instance":[5.1,3.5,1.4,0.2]}',
    "versicolor": b'{"instance":[5.9,2.8,4.3,1.3]}',
    "virginica": b'{"instance":[6.9,3.1,5.4,2.1]}',
}
SETOSA = FLOWERS["setosa"]


def is_flower(reply: Reply, flower: str = "setosa") -> bool:
    wanted = {"model": "iris", "version": 1, "prediction": flower}
    return reply.status == 200 and reply.json() == wanted


def test_pipelined_requests_are_answered_in_order(address: Address) -> None:
    names = list(FLOWERS) * 10
    with Connection(address) as connection:
        connection.send(b"".join(request("POST", PATH, FLOWERS[name], JSON) for name in names))
        assert all(is_flower(connection.reply(), name) for name in names)


def test_pipelined_requests_of_every_kind(address: Address) -> None:
    with Connection(address) as connection:
        connection.send(
            request("POST", PATH, SETOSA, JSON)
            + request("GET", "/health/live")
            + request("POST", PATH, b"no", JSON)
            + request("POST", "/v1/models/nobody:predict", SETOSA, JSON)
            + request("DELETE", PATH)
            + request("POST", PATH, SETOSA, JSON)
        )
        statuses = [connection.reply().status for _ in range(6)]
    assert statuses == [200, 200, 400, 404, 405, 200]


def test_a_request_in_two_pieces_cut_at_every_byte(address: Address) -> None:
    whole = request("POST", PATH, SETOSA, JSON)
    with Connection(address) as connection:
        for cut in range(1, len(whole)):
            connection.send(whole[:cut])
            connection.send(whole[cut:])
            assert is_flower(connection.reply())


def test_a_request_byte_by_byte(address: Address) -> None:
    with Connection(address) as connection:
        for byte in request("POST", PATH, SETOSA, JSON):
            connection.send(bytes([byte]))
        assert is_flower(connection.reply())


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_chunked_bodies(address: Address, size: int) -> None:
    head = request("POST", PATH, None, JSON | {"Transfer-Encoding": "chunked"})
    with Connection(address) as connection:
        for _ in range(3):
            connection.send(head + chunked(SETOSA, size))
            assert is_flower(connection.reply())


def test_a_large_chunked_body(address: Address) -> None:
    head = request("POST", PATH, None, JSON | {"Transfer-Encoding": "chunked"})
    with Connection(address) as connection:
        connection.send(head + chunked(b" " * 1_000_000 + SETOSA, 10_000))
        assert is_flower(connection.reply())


def test_expect_continue(address: Address) -> None:
    headers = JSON | {"Expect": "100-continue", "Content-Length": str(len(SETOSA))}
    with Connection(address) as connection:
        connection.send(request("POST", PATH, None, headers))
        assert connection.reply().status == 100
        connection.send(SETOSA)
        assert is_flower(connection.reply())


def test_expect_continue_of_a_body_that_nobody_will_read(address: Address) -> None:
    headers = {"Expect": "100-continue", "Content-Length": "10", "Content-Encoding": "br"}
    with Connection(address) as connection:
        connection.send(request("POST", PATH, None, headers))
        refused(connection.reply(), 415, "unsupported_media_type")


def test_http_1_0_closes(address: Address) -> None:
    with Connection(address) as connection:
        connection.send(request("POST", PATH, SETOSA, JSON).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert is_flower(connection.reply())
        assert connection.rest() == b""


def test_connection_close_closes(address: Address) -> None:
    with Connection(address) as connection:
        assert is_flower(connection.ask("POST", PATH, SETOSA, JSON | {"Connection": "close"}))
        assert connection.rest() == b""


def test_a_connection_lives_for_hundreds_of_requests(address: Address) -> None:
    with Connection(address) as connection:
        for _ in range(100):
            for name, body in FLOWERS.items():
                assert is_flower(connection.ask("POST", PATH, body, JSON), name)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/v1/models/nobody:predict", {}, 404),
        ("POST", "/nowhere", {}, 404),
        ("PUT", PATH, {}, 405),
        ("POST", PATH, {"Content-Type": "text/plain"}, 415),
        ("POST", PATH, {"Content-Encoding": "br"}, 415),
        ("POST", PATH + "?what=1", {}, 400),
        ("POST", PATH, {"X-Request-Timeout-Ms": "soon"}, 400),
    ],
)
def test_a_refusal_leaves_the_connection_in_step(
    address: Address, method: str, path: str, headers: Mapping[str, str], status: int
) -> None:
    body = request("POST", PATH, FLOWERS["virginica"], JSON) * 2000
    with Connection(address) as connection:
        refused(connection.ask(method, path, body, JSON | dict(headers)), status)
        assert is_flower(connection.ask("POST", PATH, SETOSA, JSON))


BENT = {
    "garbage": b"hello\r\n\r\n",
    "bytes": bytes(range(128, 256)) + b"\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
    "no version": b"GET /health/live\r\nBad Header\r\n\r\n",
    "unknown version": b"GET /health/live HTTP/9.9\r\n\r\n",
    "unknown method": b"GARBAGE /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
    "header without colon": b"GET /health/live HTTP/1.1\r\nHost x\r\n\r\n",
    "space before colon": b"GET /health/live HTTP/1.1\r\nHost : x\r\n\r\n",
    "NUL in a header": b"GET /health/live HTTP/1.1\r\nHost: a\x00b\r\n\r\n",
    "escape in a header": b"GET /health/live HTTP/1.1\r\nX-Request-Id: \x1b[31mred\r\n\r\n",
    "length and chunks": b"POST /v1/models/iris:predict HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"POST /v1/models/iris:predict HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST /v1/models/iris:predict HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nnull\r\n",
    "negative length": b"POST /v1/models/iris:predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "length of letters": b"POST /v1/models/iris:predict HTTP/1.1\r\nContent-Length: ten\r\n\r\n",
    "endless length": b"POST /v1/models/iris:predict HTTP/1.1\r\n"
    b"Content-Length: 99999999999999999999999\r\n\r\n",
    "unknown transfer encoding": b"POST /v1/models/iris:predict HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "bad chunk": b"POST /v1/models/iris:predict HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "bytes in the path": b"POST /v1/models/\xff\xfe:predict HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("data", BENT.values(), ids=BENT)
def test_what_is_no_http_gets_400_and_the_connection_ends(address: Address, data: bytes) -> None:
    with Connection(address, timeout_s=10) as connection:
        connection.send(data)
        reply = connection.reply()
        refused(reply, 400, "bad_request")
        assert reply.headers["connection"] == "close"
        with suppress(ConnectionResetError):
            assert connection.rest() == b""
    assert is_flower(post(address, PATH, SETOSA))


def test_what_follows_a_bent_request_is_never_answered(address: Address) -> None:
    smuggled = request("POST", PATH, SETOSA, JSON)
    with Connection(address, timeout_s=10) as connection:
        connection.send(BENT["length and chunks"] + smuggled)
        assert connection.reply().status == 400
        with suppress(ConnectionResetError):
            assert b"setosa" not in connection.rest()


@pytest.mark.parametrize(
    "host", ["a/../admin", "localhost, evil", "", "[", "x" * 5000, "evil@localhost", "\xff"]
)
def test_hosts_are_not_looked_at(address: Address, host: str) -> None:
    reply = get(address, "/v1/models", {"Host": host})
    assert reply.status == 200
    with Connection(address) as connection:
        assert is_flower(connection.ask("POST", PATH, SETOSA, JSON | {"Host": host}))


@pytest.mark.parametrize(("count", "status"), [(2_500, 200), (10_000, 431)])
def test_ranges_are_not_looked_at(address: Address, count: int, status: int) -> None:
    ranges = "bytes=" + ",".join(f"{2 * i}-{2 * i + 1}" for i in range(count))
    assert get(address, "/v1/models", {"Range": ranges}).status == status


def test_an_upgrade_is_not_taken(address: Address) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert get(address, "/health/live", headers).status in {200, 400, 403, 404, 426}
    assert is_flower(post(address, PATH, SETOSA))


@pytest.mark.parametrize("cut", [1, 20, 60, 100, -1])
def test_clients_that_go_in_the_middle_of_a_request(service: Service, cut: int) -> None:
    whole = request("POST", PATH, SETOSA, JSON)
    for _ in range(20):
        with Connection(service.address) as connection:
            connection.send(whole[:cut])
    for _ in range(20):
        with Connection(service.address) as connection:
            connection.send(whole)
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    assert is_flower(post(service.address, PATH, SETOSA))


def test_half_closed_after_the_request(address: Address) -> None:
    with Connection(address) as connection:
        connection.send(request("POST", PATH, SETOSA, JSON | {"Connection": "close"}))
        connection.socket.shutdown(socket.SHUT_WR)
        replies = connection.rest()
    # A server may take the end of file for a client that has gone; never is it half an answer.
    assert replies == b"" or json.loads(replies.partition(b"\r\n\r\n")[2])["prediction"] == "setosa"
