"""What may happen to a stream: a swap, a death, a client that goes, stalls or never reads."""

import json
import os
import re
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from models.store import Store
from tests.processes.odd_models import Constant, Picky, Sleepy
from tests.processes.replica import Replica, children, comm, pss_bytes, running, wait_for
from tests.processes.test_odd_models import register
from tests.processes.test_swap import register as register_teller

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

BLOCK = b"1.0,2.0\n" * 8192
FIRST = 6 * BLOCK
"""More than a body that is computed whole, so that the answer has begun."""
API_GROWTH_BYTES = 40 * 2**20
LOADER = "percore-loader"
FLAGS = ("--workers", "2", "--watch-store-s", "0.1")


class Stream:
    """A streamed request by hand: every byte of it is sent and read when the test says so."""

    def __init__(self, replica: Replica, model: str = "teller", **headers: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", replica.port), 30)
        lines = {"Host": "x", "Content-Type": "text/csv", "Transfer-Encoding": "chunked"}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.socket.sendall(f"POST /v1/models/{model}:predict HTTP/1.1\r\n{head}\r\n".encode())
        self._got = bytearray()

    def send(self, data: bytes) -> None:
        self.socket.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        self.socket.sendall(b"0\r\n\r\n")

    def read_until(self, mark: bytes) -> bytearray:
        while mark not in self._got:
            received = self.socket.recv(1 << 16)
            assert received, self._got[-300:]
            self._got += received
        return self._got

    def rest(self) -> bytearray:
        """Read until the other end closes, or the answer's end has come."""
        try:
            while not self._got.endswith(b"\r\n0\r\n\r\n"):
                received = self.socket.recv(1 << 16)
                if not received:
                    break
                self._got += received
        except ConnectionError:
            pass
        return self._got

    def answer(self) -> Any:
        """Return the whole JSON answer, whose end must have come."""
        head, _, body = self.rest().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        assert body.endswith(b"\r\n0\r\n\r\n"), body[-100:]
        parts = []
        at = 0
        while size := int(body[at : body.index(b"\r\n", at)], 16):
            start = body.index(b"\r\n", at) + 2
            parts.append(body[start : start + size])
            at = start + size + 2
        return json.loads(b"".join(parts))

    def send_until_dropped(self, data: bytes, pause_s: float = 0.0) -> None:
        """Send something again and again; it must come to an end."""
        with pytest.raises(ConnectionError):
            self._send_much(data, pause_s)

    def _send_much(self, data: bytes, pause_s: float) -> None:
        for _ in range(2000):
            self.send(data)
            time.sleep(pause_s)


Begin = Callable[..., Stream]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Open streams, which are closed in the end."""
    opened = []

    def open_one(replica: Replica, model: str = "teller", **headers: str) -> Stream:
        opened.append(Stream(replica, model, **headers))
        return opened[-1]

    yield open_one
    for stream in opened:
        stream.socket.close()


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a model that answers its own version, one that sleeps, and one that raises."""
    folder = tmp_path_factory.mktemp("streams")
    (folder / "rows.csv").write_text("a,b\n1.0,2.0\n3.0,4.0\n")
    for version in (1, 2):
        register_teller(folder, Constant(float(version)), folder / "store")
    register(folder, Picky())
    register(folder, Sleepy())
    return folder / "store"


@contextmanager
def started(shelf: Path, folder: Path, *flags: str) -> Iterator[tuple[Replica, Store]]:
    shutil.copytree(shelf, folder / "store")
    store = Store(folder / "store")
    with running(folder / "store", folder, *FLAGS, *flags) as replica:
        yield replica, store


@pytest.fixture(scope="module")
def usual(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Replica, Store]]:
    with started(shelf, tmp_path_factory.mktemp("usual"), "--drain-delay-s", "0") as both:
        yield both


@pytest.fixture
def replica(usual: tuple[Replica, Store]) -> Replica:
    return usual[0]


def aborted(replica: Replica) -> dict[str, int]:
    """Return how many streams were cut, by reason."""
    found = re.findall(
        r'^percore_streams_aborted_total{.*reason="(\w+)".*} (\d+)', replica.metrics(), re.M
    )
    counts: dict[str, int] = {}
    for reason, count in found:
        counts[reason] = counts.get(reason, 0) + int(float(count))
    return counts


def has_aborted(replica: Replica, reason: str) -> Callable[[], bool]:
    before = aborted(replica).get(reason, 0)
    return lambda: aborted(replica).get(reason, 0) == before + 1


def tells_true(replica: Replica, count: int, version: int) -> None:
    status, body = replica.predict("teller", [[0.0, 0.0]] * count)
    assert (status, body["version"]) == (200, version)
    assert body["predictions"] == [float(version)] * count


def test_a_swap_does_not_change_who_answers(begin: Begin, shelf: Path, tmp_path: Path) -> None:
    with started(shelf, tmp_path) as (replica, store):
        tells_true(replica, 1, 1)
        stream = begin(replica)
        stream.send(FIRST)
        stream.read_until(b'"predictions":[1.0')
        store.promote("teller", 2)
        wait_for(lambda: replica.predict("teller", [[0.0, 0.0]])[1]["version"] == 2)
        for _ in range(8):
            stream.send(FIRST)
        stream.end()
        answer = stream.answer()
        assert answer["version"] == 1
        assert answer["predictions"] == [1.0] * (9 * len(FIRST) // 8)
        tells_true(replica, 3, 2)
        # Its loader was kept for the stream alone, and goes with it.
        wait_for(lambda: [comm(pid) for pid in children(replica.process.pid)].count(LOADER) == 1)


def test_a_version_that_waits_too_long_for_its_stream(
    begin: Begin, shelf: Path, tmp_path: Path
) -> None:
    with started(shelf, tmp_path, "--max-request-timeout-s", "1") as (replica, store):
        stream = begin(replica)
        stream.send(FIRST)
        stream.read_until(b"[1.0")
        has_ended = has_aborted(replica, "version_retired")
        store.promote("teller", 2)
        assert not stream.rest().endswith(b"0\r\n\r\n")
        wait_for(has_ended)
        tells_true(replica, 3, 2)


def test_a_path_that_the_short_way_does_not_know(begin: Begin, replica: Replica) -> None:
    stream = begin(replica, "teller/versions/01")
    stream.send(FIRST)
    stream.end()
    assert stream.answer()["predictions"] == [1.0] * (len(FIRST) // 8)
    has_ended = has_aborted(replica, "schema_mismatch")
    stream = begin(replica, "teller/versions/01")
    stream.send(FIRST + b"1.0,wide\n" + FIRST)
    assert not stream.rest().endswith(b"0\r\n\r\n")
    wait_for(has_ended)


def test_deaths_of_workers_lose_nothing(begin: Begin, replica: Replica) -> None:
    stream = begin(replica)
    reading = threading.Thread(target=stream.rest)
    reading.start()
    for turn in range(20):
        stream.send(FIRST)
        if turn % 8 == 5:
            os.kill(replica.workers()["pids"][0], signal.SIGKILL)
    stream.end()
    reading.join(60)
    assert stream.answer()["predictions"] == [1.0] * (20 * len(FIRST) // 8)


def test_a_row_that_fails_late_cuts_the_answer(begin: Begin, replica: Replica) -> None:
    stream = begin(replica, "picky")
    has_ended = has_aborted(replica, "model_failed")
    stream.send(FIRST)
    stream.read_until(b"[3.0")
    stream.send(FIRST + b"6.0,7.0\n")
    stream.send(FIRST)
    stream.end()
    got = stream.rest()
    assert got.startswith(b"HTTP/1.1 200")
    assert not got.endswith(b"0\r\n\r\n")
    wait_for(has_ended)
    (event,) = [one for one in replica.events() if one["event"] == "stream_aborted"][-1:]
    assert event["reason"] == "model_failed"
    assert 0 < event["rows"] <= 2 * len(FIRST) // 8


def test_a_cell_that_does_not_fit_late_cuts_the_answer(begin: Begin, replica: Replica) -> None:
    stream = begin(replica)
    has_ended = has_aborted(replica, "schema_mismatch")
    stream.send(FIRST + b"1.0,wide\n" + FIRST)
    stream.end()
    assert not stream.rest().endswith(b"0\r\n\r\n")
    wait_for(has_ended)


def test_a_client_that_goes_is_forgotten(begin: Begin, replica: Replica) -> None:
    has_ended = has_aborted(replica, "client_gone")
    stream = begin(replica)
    stream.send(FIRST)
    stream.read_until(b"[1.0")
    stream.socket.close()
    wait_for(has_ended)
    tells_true(replica, 3, 1)


def test_the_whole_time_of_a_stream(begin: Begin, replica: Replica) -> None:
    has_ended = has_aborted(replica, "deadline_exceeded")
    stream = begin(replica, X_Request_Timeout_Ms="1500")
    stream.send(FIRST)
    stream.read_until(b"[1.0")
    assert not stream.rest().endswith(b"0\r\n\r\n")
    wait_for(has_ended)


def test_memory_does_not_grow_with_the_body(begin: Begin, replica: Replica) -> None:
    pids = [replica.process.pid, *replica.workers()["pids"]]
    warm = begin(replica)
    warm.send(FIRST)
    warm.end()
    warm.answer()
    before = [pss_bytes(pid) for pid in pids]
    stream = begin(replica, Accept="text/csv")
    peak = list(before)
    count = 0

    def read() -> None:
        nonlocal count
        last = b""
        while received := stream.socket.recv(1 << 18):
            count += received.count(b"1.0\n")
            # The last chunk may come alone, or in pieces.
            last = (last + received)[-7:]
            if last == b"\r\n0\r\n\r\n":
                return

    reading = threading.Thread(target=read)
    reading.start()
    for turn in range(38):
        stream.send(BLOCK)
        if turn % 4 == 3:
            peak = [max(pair) for pair in zip(peak, map(pss_bytes, pids), strict=True)]
    stream.end()
    reading.join(60)
    # A piece that is read may end within a line.
    assert 0.99 < count / (38 * 8192) <= 1
    growth = [after - start for after, start in zip(peak, before, strict=True)]
    assert max(growth) < API_GROWTH_BYTES, growth


def test_clients_that_send_all_before_they_read(begin: Begin, replica: Replica) -> None:
    stream = begin(replica)
    for _ in range(30):  # their answers fill the system's buffers several times
        stream.send(FIRST)
    stream.end()
    assert len(stream.answer()["predictions"]) == 30 * len(FIRST) // 8


@pytest.fixture(scope="module")
def hasty(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A replica that gives clients a second, and little room."""
    flags = ["--body-timeout-s=1", "--write-timeout-s=1", "--max-unread-bytes=8000000",
             "--max-streams=1", "--max-stream-bytes=200000000"]  # fmt: skip
    with started(shelf, tmp_path_factory.mktemp("hasty"), *flags) as (replica, _):
        yield replica


def test_a_client_that_drips_is_dropped(begin: Begin, hasty: Replica) -> None:
    has_ended = has_aborted(hasty, "client_gone")
    stream = begin(hasty)
    stream.send(FIRST)
    stream.read_until(b"[1.0")
    stream.send_until_dropped(b"1", 0.05)
    assert not stream.rest().endswith(b"0\r\n\r\n")
    wait_for(has_ended)


def test_a_client_that_never_reads_is_dropped(begin: Begin, hasty: Replica) -> None:
    has_ended = has_aborted(hasty, "client_gone")
    before = pss_bytes(hasty.process.pid)
    stream = begin(hasty)
    stream.send_until_dropped(FIRST)
    wait_for(has_ended)
    assert pss_bytes(hasty.process.pid) - before < API_GROWTH_BYTES


def test_who_waits_for_us_is_not_too_slow(begin: Begin, hasty: Replica) -> None:
    """Parts that take longer than a client has: it is we who hold back what it sends."""
    stream = begin(hasty, "sleepy")
    slow = b"11.8,1.0\n" + BLOCK
    sent = 6 * slow + 30 * BLOCK  # the end of which has not come while the first parts are computed
    reading = threading.Thread(target=stream.rest)
    reading.start()
    stream.send(sent)
    stream.end()
    reading.join(60)
    assert len(stream.answer()["predictions"]) == sent.count(b"\n")


def test_more_streams_than_there_may_be(begin: Begin, hasty: Replica) -> None:
    first = begin(hasty)
    first.send(FIRST)
    first.read_until(b"[1.0")
    second = begin(hasty)
    second.send(FIRST)
    assert second.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 503")
    first.end()
    assert first.answer()["predictions"] == [1.0] * (len(FIRST) // 8)


def test_a_stream_that_is_too_long(hasty: Replica) -> None:
    connection = hasty.connect()
    connection.putrequest("POST", "/v1/models/teller:predict")
    connection.putheader("Content-Type", "text/csv")
    connection.putheader("Content-Length", "200000001")
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_stream_is_ended_before_the_service_is(begin: Begin, shelf: Path, tmp_path: Path) -> None:
    with started(shelf, tmp_path, "--drain-delay-s", "0.2") as (replica, _):
        stream = begin(replica)
        stream.send(FIRST)
        stream.read_until(b"[1.0")
        replica.process.send_signal(signal.SIGTERM)
        for _ in range(10):
            stream.send(BLOCK)
            time.sleep(0.1)
        stream.end()
        assert stream.answer()["predictions"] == [1.0] * ((len(FIRST) + 10 * len(BLOCK)) // 8)
        assert replica.process.wait(30) == 0
