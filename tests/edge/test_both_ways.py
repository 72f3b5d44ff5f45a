"""The short way and ASGI answer the same, byte for byte, to thousands of requests of every kind."""

import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.edge.asked import KEY, LAST, V1, Asked, questions
from tests.edge.crowd import SETOSA, address
from tests.integration.scrape import scrape
from tests.integration.wire import Address, Connection
from tests.processes.replica import Replica, running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(280)]

CONNECTIONS = 500
DEADLINE_S = 20.0
PAUSE_S = 0.0005
FLAGS = [
    "--workers=1", "--max-header-bytes=4096", "--max-body-bytes=100000", "--max-chunks=50",
    "--max-rows=50", "--cors-origins=[\"https://page.example\"]", "--body-timeout-s=1",
    "--access-log-per-s=5",
]  # fmt: skip
DATE = re.compile(rb"date: [^\r]*\r\n")
STAGES = re.compile(rb"dur=[0-9.]+")
MADE_ID = re.compile(rb"[0-9a-f]{12}-[0-9a-f]+")
LENGTH = re.compile(rb"content-length: [0-9]+")


class Pair(NamedTuple):
    """The same service twice."""

    fast: Replica
    asgi: Replica


@pytest.fixture(scope="module", params=["open", "with keys"])
def pair(
    request: pytest.FixtureRequest, shelf: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("ways")
    flags = list(FLAGS)
    if request.param == "with keys":
        (folder / "keys").write_text(f"tester:{sha256(KEY).hexdigest()}\n")
        flags.append(f"--api-keys-file={folder / 'keys'}")
    with ExitStack() as stack:
        both = []
        for way in ("fast", "asgi"):
            (folder / way).mkdir()
            both.append(stack.enter_context(running(shelf, folder / way, *flags, f"--http={way}")))
        yield Pair(*both)


def talk(target: Address, asked: Asked) -> bytes:
    """Send the pieces; return all that comes until the other end closes."""
    with socket.create_connection(target, DEADLINE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        # Who is refused may find the connection closed while it still sends.
        with suppress(ConnectionResetError, BrokenPipeError):
            for piece in asked.pieces:
                connection.sendall(piece)
                if len(asked.pieces) > 1:
                    time.sleep(PAUSE_S)
        with suppress(ConnectionResetError):
            while more := connection.recv(1 << 16):
                received += more
        return received


def comparable(received: bytes) -> bytes:
    """Return an answer without what differs from one time to the next."""
    told = STAGES.sub(b"dur=0", DATE.sub(b"", received))
    if MADE_ID.search(told):
        told = LENGTH.sub(b"content-length: 0", MADE_ID.sub(b"made", told))
    return told


def counted(replica: Replica) -> Counter[tuple[str, ...]]:
    """Return how many requests had which answer."""
    found = scrape(address(replica))
    told = ("percore_requests_total", "percore_rows_total", "percore_other_requests_total")
    asked = {key: round(value) for key, value in found.items() if key[0] in told}
    return Counter({key: count for key, count in asked.items() if "/metrics" not in key})


def short(replica: Replica) -> int:
    return round(scrape(address(replica)).get(("percore_short_way_requests_total",), 0))


def test_all_answers_are_the_same(pair: Pair) -> None:
    statuses: Counter[bytes] = Counter()
    before = counted(pair.fast), counted(pair.asgi)
    shorts = short(pair.fast)
    for number, asked in enumerate(questions(CONNECTIONS, seed=7)):
        fast, asgi = (comparable(talk(address(one), asked)) for one in pair)
        assert fast == asgi, (number, asked)
        statuses.update(re.findall(rb"HTTP/1.1 (\d+)", fast))
    # Where keys are asked for, most get no further than that.
    kinds = (b"401",) if statuses[b"401"] else (b"100", b"404", b"405", b"400", b"431", b"413")
    assert all(statuses[code] for code in kinds)
    assert counted(pair.fast) - before[0] == counted(pair.asgi) - before[1]
    assert short(pair.fast) - shorts > CONNECTIONS / 5  # the others are too strange for it
    assert short(pair.asgi) == 0


@pytest.mark.parametrize("gap", range(1, 150))
def test_a_request_cut_in_two_anywhere(pair: Pair, gap: int) -> None:
    key = b"X-Api-Key: %s\r\nX-Request-Id: mine\r\nContent-Length: %d\r\n\r\n" % (KEY, len(SETOSA))
    whole = b"POST %s HTTP/1.1\r\nHost: here\r\n%s%s" % (V1, key, SETOSA) + LAST
    asked = Asked([whole[:gap], whole[gap:]])
    fast, asgi = (comparable(talk(address(one), asked)) for one in pair)
    assert fast == asgi
    assert b'"prediction":"setosa"' in fast


@pytest.mark.parametrize("cut", [1, 30, 60, 100, -20, -1])
def test_heads_that_are_known(pair: Pair, cut: int) -> None:
    """The second request with a head is not parsed: alone, cut in two, and before another."""
    parts = (V1, KEY, len(SETOSA), SETOSA)
    good = b"POST %s HTTP/1.1\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n%s" % parts
    bad = good.replace(b"5.1", b"[5]")
    urgent = good.replace(b"X-Api-Key", b"X-Priority: no\r\nX-Api-Key")
    sent = [
        (good, 1), (good, 1), (bad, 1), (good, 1), (urgent, 1), (urgent, 1), (good[:cut], 0),
        (good[cut:] + good + bad, 3), (good, 1), (good[:cut], 0), (good[cut:], 1), (good, 1),
    ]  # fmt: skip
    told = []
    for one in pair:
        with Connection(address(one)) as connection:
            replies = []
            for data, answers in sent:
                connection.send(data)
                time.sleep(PAUSE_S)
                replies += [connection.reply() for _ in range(answers)]
        told.append([(r.status, list(r.headers), MADE_ID.sub(b"made", r.body)) for r in replies])
    assert told[0] == told[1]
    assert [status for status, *_ in told[0]] == [200, 200, 422, 200, 400, 400, 200, 200, 422] + [
        200
    ] * 3
