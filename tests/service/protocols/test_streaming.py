"""What the streams of a replica have in common, against workers that a test plays."""

import asyncio
from time import monotonic

import pytest

from service.batching.answer import Timing, written
from service.batching.entry import Ask, Entry
from service.batching.open_streams import OpenStreams
from service.catalogue import ServedVersion
from service.codecs.part_sizes import FIRST_BYTES
from service.inference.messages import Media
from service.inference.parts import Form, Piece, encode_piece
from service.metrics import Metrics
from service.protocols.http import Client, Headers, Message, Reply
from service.protocols.streaming import Streaming, Streams
from service.protocols.streams import AHEAD
from service.settings import Settings
from tests.service.conftest import MakeManifest

WORKERS = 2
RECORD = b"5.25,3.5,1.25,0.5\n"
BODY = RECORD * 200_000
CSV = Streaming(Media.CSV, Form.CSV, probabilities=False)
HEADERS: Headers = {b"content-type": b"text/csv"}
WITH_LENGTH: Headers = {**HEADERS, b"content-length": b"%d" % len(BODY)}


class Bench:
    """The streams of one version, whose workers answer at once and say how long they took."""

    def __init__(self, make_manifest: MakeManifest, byte_s: float) -> None:
        self.served = ServedVersion(make_manifest(), Metrics().model("toy", 3), 1000)
        self.served.admit = self._admit
        self.served.submit = self._submit
        self.served.streams = OpenStreams()
        self.streams = Streams(Settings(workers=WORKERS), lambda *_: None)
        self.parts: list[int] = []
        """The rows of each, as they came."""
        self._byte_s = byte_s

    def _admit(self, ask: Ask) -> None:
        del ask

    def _submit(self, entry: Entry) -> None:
        self.parts.append(entry.payload.rows)
        rows, taken_s = entry.payload.rows, self._byte_s * len(entry.payload.body)
        blob = encode_piece(Piece(b"0\n" * rows, [], 0))
        entry.future.set_result(written(blob, rows, Timing(0.0, taken_s, 0.0)))

    async def ask(self, headers: Headers = HEADERS) -> None:
        chunks = [BODY[start : start + 50_000] for start in range(0, len(BODY), 50_000)]

        async def receive() -> Message:
            chunk = chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

        async def send(message: Message) -> None:
            del message

        client = Client()
        client.receive = receive
        now = monotonic()
        whole = Ask("somebody", 1, now + 10, 1 << 30, now)
        reply = await self.streams.answer(CSV, self.served, headers, whole, client, b"id")
        assert isinstance(reply, Reply)
        assert reply.stream is not None
        await reply.stream.send(reply, send)


@pytest.mark.parametrize("byte_s", [1e-7, 2e-7])
def test_a_stream_begins_with_parts_as_large_as_the_last_one_ended(
    make_manifest: MakeManifest, byte_s: float
) -> None:
    async def run() -> tuple[Bench, list[int], int]:
        bench = Bench(make_manifest, byte_s)
        await bench.ask(WITH_LENGTH)
        first, bench.parts = bench.parts, []
        learned_bytes = bench.served.part_sizes[Media.CSV].size_bytes
        await bench.ask(WITH_LENGTH)
        return bench, first, learned_bytes

    bench, first, learned_bytes = asyncio.run(run())
    assert first[0] == FIRST_BYTES // len(RECORD)
    assert bench.parts[0] == learned_bytes // len(RECORD) > first[0]
    assert len(bench.parts) < len(first)
    assert sum(bench.parts) == sum(first) == len(BODY) // len(RECORD)


def test_a_body_whose_length_is_known_is_spread_over_all_workers(
    make_manifest: MakeManifest,
) -> None:
    async def run() -> list[int]:
        bench = Bench(make_manifest, 1e-8)
        await bench.ask()
        bench.parts.clear()
        await bench.ask(WITH_LENGTH)
        return bench.parts

    assert asyncio.run(run()) == [200_000 // (WORKERS + AHEAD)] * (WORKERS + AHEAD)


def test_whoever_does_not_tell_the_length_is_answered_early_each_time(
    make_manifest: MakeManifest,
) -> None:
    """Its client may make the body while it goes, and wait for the first answers."""

    async def run() -> list[int]:
        bench = Bench(make_manifest, 1e-8)
        await bench.ask(WITH_LENGTH)
        bench.parts.clear()
        await bench.ask()
        return bench.parts

    assert asyncio.run(run())[0] == FIRST_BYTES // len(RECORD)
