"""wrk sends our requests in turn, byte for byte; what it says is read."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadtest.bench.asking import wire
from loadtest.bench.sampling import Sampler, ask
from loadtest.bench.wrk import read_summary, run_wrk, write_wires
from loadtest.errors import ChildError
from loadtest.http1 import Address
from loadtest.payload import Answer, Expected, Request

BODIES = (b"first", b"second\nof two lines\n", b"\x00\xff\r\n\r\n")


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: set[tuple[str, bytes]] = set()  # noqa: RUF012 - of all of them

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.add((self.path, body))
        answer = b'{"model":"m","version":1,"predictions":[1]}'
        self.send_response(503 if self.path == "/bad" else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def address() -> Iterator[Address]:
    Echo.seen = set()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Address("127.0.0.1", server.server_port)
        server.shutdown()
        thread.join()


@pytest.mark.integration
def test_every_request_is_sent_as_it_is(address: Address, tmp_path: Path) -> None:
    wires = [wire(f"/{place}", address, "text/x", body) for place, body in enumerate(BODIES)]
    write_wires(wires, tmp_path / "wires")
    measured = run_wrk(address, tmp_path / "wires", 2, 1)
    assert {(f"/{place}", body) for place, body in enumerate(BODIES)} == Echo.seen
    assert measured.rate_per_s > 0
    assert measured.errors == {}
    assert 0 < measured.p50_s <= measured.p99_s


@pytest.mark.integration
def test_bad_statuses_are_errors_and_no_answers(address: Address, tmp_path: Path) -> None:
    write_wires([wire("/bad", address, "text/x", b"x")], tmp_path / "wires")
    measured = run_wrk(address, tmp_path / "wires", 1, 1)
    assert measured.rate_per_s == 0
    assert measured.errors["status"] > 0


def test_what_wrk_says_is_read() -> None:
    said = {
        "requests": 110, "elapsed_us": 2_000_000, "p50_us": 500, "p99_us": 9_000, "max_us": 9_999,
        "connect": 0, "read": 1, "write": 0, "status": 10, "timeout": 0,
    }  # fmt: skip
    found = read_summary(said)
    assert (found.rate_per_s, found.p50_s, found.p99_s) == (50.0, 0.0005, 0.009)
    assert found.errors == {"read": 1, "status": 10}
    with pytest.raises(ChildError, match="no time"):
        read_summary(said | {"elapsed_us": 0})


def request(address: Address, prediction: int, path: str = "/") -> Request:
    answers = {1: Answer(predictions=[prediction])}
    expected = Expected(model="m", labels=True, answers=answers)
    return Request(wire=wire(path, address, "text/x", b"{}"), expected=expected)


def test_answers_are_judged_meanwhile(address: Address) -> None:
    assert ask(address, request(address, 1)) == ""
    assert ask(address, request(address, 2)) == "predictions"
    assert ask(address, request(address, 1, "/bad")) == "status 503"
    assert ask(Address("127.0.0.1", 1), request(address, 1)) == "ConnectionRefusedError"
    asked = [request(address, 1), request(address, 2), request(address, 1, "/bad")]
    with Sampler(address, asked) as sampler:
        while sampler.checked < 6:
            threading.Event().wait(0.01)
    assert set(sampler.faults) == {"predictions", "status 503"}
    assert sampler.wrong == sampler.faults.count("predictions") >= 2
