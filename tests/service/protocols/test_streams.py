"""One stream against workers that a test plays: order, room, retries, and where errors are."""

import asyncio
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest

from service.batching.answer import Timing, written
from service.batching.entry import Ask, Entry
from service.batching.open_streams import OpenStreams
from service.codecs.part_sizes import PartSizes
from service.errors import Detail, Overloaded, ServiceError, Unfit
from service.inference.parts import Form, Piece, encode_piece
from service.protocols.http import Client, ClientGone, Message, Reply
from service.protocols.stream_answers import PlainJoiner, in_whole
from service.protocols.stream_parts import CsvParts
from service.protocols.stream_source import StreamSource
from service.protocols.streams import AHEAD, Order, Stream

WORKERS = 2
RECORDS = b"".join(b"%06d\n" % row for row in range(100_000))
CHUNK = 50_000


class Bench:
    """A stream, its client, and its workers, which answer when the test says so.

    Args:
        body: what the client sends.
        refused: how many parts are refused once before they are taken.
    """

    def __init__(self, body: bytes = RECORDS, refused: int = 0) -> None:
        self.waiting: deque[Entry] = deque()
        self.most_waiting = 0
        self.sent: list[bytes] = []
        self.ended: list[tuple[int, str | None]] = []
        self.admitted = 0
        self._refused = refused
        self._chunks = [body[start : start + CHUNK] for start in range(0, len(body), CHUNK)]
        self.client = Client()
        self.client.receive = self._receive
        self.metrics = SimpleNamespace(rows=0)
        self.home = OpenStreams()
        served: Any = SimpleNamespace(
            admit=self._admit, submit=self._submit, streams=self.home, metrics=self.metrics
        )
        self.served = served
        sizes = PartSizes()
        parts = CsvParts(frozenset({"a"}), Form.CSV, sizes, 1 << 20)
        order = Order(served, False, "somebody", 1, 5.0, float("inf"), WORKERS)
        source = StreamSource(self.client, 1 << 30)
        self.stream = Stream(
            order, self.client, source, (parts, sizes), PlainJoiner(b"end"), self._on_end
        )

    async def _receive(self) -> Message:
        if not self._chunks:
            return {"type": "http.disconnect"}
        chunk = self._chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(self._chunks)}

    def _admit(self, ask: Ask) -> None:
        self.admitted += 1
        if self._refused and self.admitted > 1:
            self._refused -= 1
            raise Overloaded("Too many requests are waiting.")

    def _submit(self, entry: Entry) -> None:
        self.waiting.append(entry)
        self.most_waiting = max(self.most_waiting, len(self.waiting))

    def _on_end(self, rows: int, reason: str | None, total_s: float) -> None:
        assert total_s >= 0
        self.ended.append((rows, reason))

    def answer(self, entry: Entry, error: ServiceError | None = None) -> None:
        """Answer a part by its own records."""
        if error is not None:
            entry.future.set_exception(error)
            return
        data = entry.payload.body[entry.payload.body.index(b"\n") - 6 :]
        blob = encode_piece(Piece(data, [], 0))
        rows = data.count(b"\n")
        entry.future.set_result(written(blob, rows, Timing(0.0, 0.02, 0.0)))

    async def work(self) -> None:
        """Answer all parts, of those that wait always the last first."""
        while True:
            while self.waiting:
                self.answer(self.waiting.pop())
            await asyncio.sleep(0.001)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.sent.append(message["body"])

    async def run(self) -> None:
        first = await self.stream.begin(b"")
        await self.stream.send(Reply(200, first, [], self.stream), self.send)


async def until(holds: Any) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def test_answers_come_in_the_order_of_the_parts() -> None:
    async def run() -> Bench:
        bench = Bench()
        workers = asyncio.create_task(bench.work())
        await bench.run()
        workers.cancel()
        return bench

    bench = asyncio.run(run())
    assert b"".join(bench.sent) == RECORDS + b"end"
    assert len(bench.sent) > 4
    assert bench.ended == [(100_000, None)]
    assert bench.metrics.rows == 100_000
    assert not bench.home


def test_no_more_is_read_than_there_is_room_for() -> None:
    async def run() -> Bench:
        bench = Bench()
        running = asyncio.create_task(bench.run())
        await until(lambda: len(bench.waiting) == WORKERS + AHEAD)
        await asyncio.sleep(0.05)
        assert len(bench.waiting) == WORKERS + AHEAD
        assert len(bench.home) == 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert all(entry.future.done() for entry in bench.waiting)
        return bench

    assert not asyncio.run(run()).home


def test_a_part_that_is_refused_for_want_of_time_tries_again() -> None:
    async def run() -> Bench:
        bench = Bench(refused=6)
        workers = asyncio.create_task(bench.work())
        await bench.run()
        workers.cancel()
        return bench

    bench = asyncio.run(run())
    assert b"".join(bench.sent) == RECORDS + b"end"
    assert bench.ended == [(100_000, None)]


def test_an_error_of_a_later_part_cuts_the_answer() -> None:
    async def run() -> Bench:
        bench = Bench()
        running = asyncio.create_task(bench.run())
        await until(lambda: len(bench.waiting) == WORKERS + AHEAD)
        first, second, *_ = bench.waiting
        bench.answer(second, Unfit("Row 3, column a: no.", [Detail(loc=["rows", 3], message="no")]))
        bench.answer(first)
        await running
        return bench

    bench = asyncio.run(run())
    assert b"end" not in b"".join(bench.sent)
    ((rows, reason),) = bench.ended
    assert rows == len(bench.sent[0]) // 7
    assert reason == "schema_mismatch"


def test_a_client_that_goes_ends_all_work() -> None:
    async def run() -> Bench:
        bench = Bench()
        running = asyncio.create_task(bench.run())
        await until(lambda: len(bench.waiting) == WORKERS + AHEAD)
        bench.answer(bench.waiting.popleft())
        await until(lambda: bench.sent)
        bench.client.leave()
        await running
        assert all(entry.future.done() for entry in bench.waiting)
        return bench

    ((_, reason),) = asyncio.run(run()).ended
    assert reason == "client_gone"


def test_a_client_that_goes_before_the_first_answer() -> None:
    async def run() -> None:
        bench = Bench()
        running = asyncio.create_task(bench.run())
        await until(lambda: bench.waiting)
        bench.client.leave()
        with pytest.raises(ClientGone):
            await running
        assert bench.ended == []

    asyncio.run(run())


def test_a_stream_moves_on_to_the_generation_that_serves_its_version() -> None:
    async def run() -> None:
        bench = Bench()
        running = asyncio.create_task(bench.run())
        await until(lambda: len(bench.waiting) == WORKERS + AHEAD)
        bench.served.streams = OpenStreams()
        bench.answer(bench.waiting.popleft())
        await until(lambda: len(bench.served.streams) == 1)
        assert not bench.home
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert not bench.served.streams

    asyncio.run(run())


@pytest.mark.parametrize(
    ("message", "loc", "told", "moved"),
    [
        ("Row 3, column a: no.", ["rows", 3, "a"], "Row 103, column a: no.", ["rows", 103, "a"]),
        ("Line 3: no.", ["lines", 3], "Line 53: no.", ["lines", 53]),
        ("Column a: no.", ["columns", "a"], "Column a: no.", ["columns", "a"]),
    ],
)
def test_errors_are_placed_in_the_whole_body(
    message: str, loc: list[str | int], told: str, moved: list[str | int]
) -> None:
    error = in_whole(Unfit(message, [Detail(loc=loc, message="no")], code="some"), 100, 50)
    assert (type(error), error.message, error.word) == (Unfit, told, "some")
    assert error.details == [{"loc": moved, "message": "no"}]
