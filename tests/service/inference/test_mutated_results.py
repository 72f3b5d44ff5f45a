"""A worker that has lost its mind: whatever it sends, the API process ends it or believes it."""

import asyncio
import os
import random
import socket
import struct
from collections.abc import Sequence
from time import monotonic
from typing import Any, Literal

import pytest

from models.schema import OutputSchema
from service.batching.entry import Ask, Entry, Payload
from service.batching.fair import NORMAL
from service.batching.results import split_result
from service.codecs.cells import Cells
from service.inference import pool as pool_module
from service.inference.messages import (
    PREAMBLE,
    BatchResult,
    Kind,
    ResultEntry,
    Status,
    encode_result,
    frame,
)
from service.inference.pool import WorkerPool
from service.inference.process import Forked, Loaded

SESSIONS = 1500
OUTPUT = OutputSchema(kind="classes", dtype="int64", classes=(0, 1, 2), probabilities=True)
RIGHT = BatchResult(
    1,
    [
        ResultEntry(1, Status.ROWS, b""),
        ResultEntry(0, Status.ERROR, b'{"kind": "ModelFailed", "message": "No."}'),
    ],
    struct.pack("=i", 1),
    b"",
    0,
    struct.pack("=3d", 0.2, 0.5, 0.3),
    3,
)


class FakeSource:
    """Makes workers of which only the socket is there; the test plays the rest."""

    method: Literal["fork", "spawn"] = "fork"
    is_alive = True

    def end_if_stuck(self) -> None:
        pass

    def __init__(self) -> None:
        self.ends: dict[int, socket.socket] = {}

    async def fork(self, worker: int, timeout_s: float) -> Forked:
        del timeout_s
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        theirs.send(b"".join(frame(Kind.READY)))
        self.ends[worker] = theirs
        return Forked(os.getpid(), os.open(os.devnull, os.O_RDONLY), ours)

    def start(self) -> None:
        pass

    async def load(
        self, name: str, version: int, timeout_s: float, *, plain: bool = False
    ) -> Loaded:
        raise NotImplementedError

    def fall_back(self, model: int, reason: str) -> None:
        pass

    def preload(self, modules: Sequence[str]) -> None:
        pass

    async def stop(self, timeout_s: float) -> None:
        pass

    def close(self) -> None:
        for end in self.ends.values():
            end.close()


class Listener:
    """Takes results as the batcher does: a batch of two requests, each of one row."""

    def __init__(self) -> None:
        self.idle: list[int] = []
        self.answers: list[Any] = []
        self.lost = asyncio.Event()

    def on_idle(self, worker: int) -> None:
        self.idle.append(worker)

    def on_result(self, worker: int, result: BatchResult) -> None:
        del worker
        loop = asyncio.get_running_loop()
        payload = Payload(1, Cells(1, b"", b"", b""))
        ask = Ask("somebody", NORMAL, monotonic() + 9.0)
        entries = [Entry(payload, True, ask, loop.create_future()) for _ in range(2)]
        self.answers.append(split_result(result, entries, OUTPUT, monotonic()))

    def on_lost(self, worker: int) -> None:
        del worker  # only the busy one is: the spare is no loss
        self.lost.set()

    def on_cause(self, worker: int, is_outside: bool) -> None:
        """Nothing is suspected here."""


@pytest.fixture
def no_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake workers have no process: only their descriptor is closed."""
    monkeypatch.setattr(pool_module, "kill", lambda _: None)
    monkeypatch.setattr(pool_module, "bury", lambda pidfd, _: os.close(pidfd))


def mutated(chance: random.Random) -> bytes:
    """Return a RESULT frame with some bytes changed, cut or added; its preamble often fits it."""
    body = bytearray(b"".join(encode_result(RIGHT)[1:]))
    for _ in range(chance.randint(1, 4)):
        body[chance.randrange(len(body))] = chance.choice((0, 1, 2, 255, chance.randrange(256)))
    if chance.random() < 0.2:
        del body[chance.randrange(len(body)) :]
    whole = bytearray(b"".join(frame(Kind.RESULT, bytes(body))))
    if chance.random() < 0.2:
        whole[chance.randrange(PREAMBLE.size)] ^= 1 << chance.randrange(8)
    return bytes(whole)


async def session(data: bytes, chance: random.Random) -> tuple[Listener, list[dict[str, Any]]]:
    """Let a busy worker send some bytes and end; return who heard what, and what was raised."""
    raised: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    source, listener = FakeSource(), Listener()
    pool = WorkerPool(1)
    await pool.start(source, listener)
    (worker,) = listener.idle
    pool.send(worker, frame(Kind.PREDICT, b""), 9.0)
    end = source.ends[worker]
    cut = chance.randrange(len(data))
    for part in (data[:cut], data[cut:]):
        if part:
            try:
                end.send(part)
            except BrokenPipeError:
                break  # the first part was enough to be thrown out
            await asyncio.sleep(0)
    end.close()
    async with asyncio.timeout(5.0):
        await listener.lost.wait()
    pool.stop()
    await asyncio.sleep(0)
    source.close()
    return listener, raised


@pytest.mark.usefixtures("no_kills")
def test_a_right_result_is_believed() -> None:
    chance = random.Random(0)
    listener, raised = asyncio.run(session(b"".join(encode_result(RIGHT)), chance))
    assert not raised
    ((answer, error),) = listener.answers
    assert answer.predictions == [1]
    assert answer.probabilities == [[0.2, 0.5, 0.3]]
    assert error.message == "No."


@pytest.mark.usefixtures("no_kills")
def test_mutated_results_raise_nothing() -> None:
    chance = random.Random(5)
    believed = 0
    for index in range(SESSIONS):
        data = mutated(chance)
        listener, raised = asyncio.run(session(data, chance))
        assert not raised, (index, data, raised)
        for answers in listener.answers:
            believed += 1
            for answer in answers:
                # A label may be another one, but never one that the model does not have.
                known = getattr(answer, "predictions", [0])
                assert set(known) <= {0, 1, 2}, data
    assert 0 < believed < SESSIONS


@pytest.mark.usefixtures("no_kills")
@pytest.mark.parametrize("label", [-1, -3, 3])
def test_a_label_that_the_model_does_not_have_is_not_believed(label: int) -> None:
    result = BatchResult(1, list(RIGHT.entries), struct.pack("=i", label))
    listener, raised = asyncio.run(session(b"".join(encode_result(result)), random.Random(0)))
    assert not raised
    assert not listener.answers
