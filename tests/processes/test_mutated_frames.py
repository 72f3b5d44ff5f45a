"""A real worker that is fed with mutated frames answers them or ends; it never hangs or crashes."""

import asyncio
import os
import random
import socket
from collections import Counter
from pathlib import Path

import pytest

from service.codecs.cells import Cells
from service.errors import FrameError
from service.inference.limits import Limits
from service.inference.messages import (
    PREAMBLE,
    Kind,
    Media,
    decode_result,
    encode_bodies,
    encode_cells,
    frame,
    read_preamble,
)
from service.inference.process import LoaderProcess

pytestmark = pytest.mark.integration
FRAMES = 150
ANSWER_LIMIT_S = 20.0
NUMBERS = bytes(4 * 8)
"""One row of iris: four float64."""
ENDED = {0, 1}
"""Exit codes of a worker: at the end of file, and at a frame that is none. A signal is negative."""


def seeds() -> list[bytes]:
    row = Cells(1, NUMBERS, b"", b"")
    body = b'{"instances": [[5.1, 3.5, 1.4, 0.2]]}'
    return [
        b"".join(parts)
        for parts in (
            encode_cells(1, 0, [row, row], [True, False]),
            encode_bodies(2, 0, [(Media.JSON, body, True), (Media.JSON, body, False)]),
            frame(Kind.PING),
            frame(Kind.IMPORTS),
        )
    ]


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """Change some bytes behind the preamble, and now and then the preamble too."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        first = 0 if chance.random() < 0.2 or len(data) == PREAMBLE.size else PREAMBLE.size
        data[chance.randrange(first, len(data))] = chance.choice((0, 1, 255, chance.randrange(256)))
    if chance.random() < 0.1:
        del data[chance.randrange(len(data)) :]
    return bytes(data)


def talk(connection: socket.socket, data: bytes) -> bytes:
    """Send what a worker gets to hear, close, and return everything that it says."""
    connection.setblocking(True)
    connection.settimeout(ANSWER_LIMIT_S)
    said = b""
    with connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(1 << 16):
                said += part
        except (BrokenPipeError, ConnectionResetError):
            pass  # it ended before it had read everything
    return said


def kinds(said: bytes) -> list[Kind]:
    """Return the frames that a worker sent; each must be whole and can be read."""
    found = []
    while said:
        kind, size = read_preamble(said)
        body = said[PREAMBLE.size : PREAMBLE.size + size]
        assert len(body) == size, "the frame is torn"
        if kind is Kind.RESULT:
            decode_result(memoryview(body))
        found.append(kind)
        said = said[PREAMBLE.size + size :]
    return found


async def feed(store: Path) -> tuple[Counter[Kind], Counter[int]]:
    """Feed a new worker with each frame; return what they said and how they ended."""
    chance, said, ended = random.Random(6), Counter[Kind](), Counter[int]()
    all_ended = asyncio.Event()

    def on_ended(_: int, status: int) -> None:
        ended.update([status])
        if ended.total() == FRAMES:
            all_ended.set()

    loader = LoaderProcess(store, Limits(1000, 1000), on_ended, lambda: None)
    loader.start()
    try:
        await loader.load("iris", 1, 60.0)
        for worker in range(1, FRAMES + 1):
            forked = await loader.fork(worker, 20.0)
            os.close(forked.pidfd)
            data = mutated(chance.choice(seeds()), chance)
            try:
                said.update(kinds(await asyncio.to_thread(talk, forked.connection, data)))
            except (FrameError, TimeoutError) as error:
                raise AssertionError(f"{data!r}: {error!r}") from error
        async with asyncio.timeout(ANSWER_LIMIT_S):
            await all_ended.wait()
    finally:
        await loader.stop(10.0)
    return said, ended


def test_a_worker_survives_any_frame_or_ends(
    store: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said, ended = asyncio.run(feed(store))
    capfd.readouterr()  # a traceback for every frame that is none
    assert set(ended) <= ENDED, ended
    assert said[Kind.READY] > 0
    assert said[Kind.RESULT] > 0, "no mutated batch was answered"
    assert ended[1] > 0, "no mutated frame was refused"
