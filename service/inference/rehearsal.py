"""Golden rows in a throw-away worker: a version serves only if it answers as it did then."""

import asyncio
import math
import os
from collections.abc import Sequence
from typing import Any

import orjson

from models.manifest import Manifest
from service.errors import Unavailable
from service.inference.channel import WorkerChannel
from service.inference.messages import (
    Kind,
    Media,
    ResultEntry,
    Status,
    decode_result,
    encode_bodies,
    frame,
)
from service.inference.pidfds import kill
from service.inference.process import Forked
from service.inference.source import WorkerSource

TOLERANCE = 1e-12
"""Probabilities and values, absolute below 1 and relative above; labels must be equal."""
WORKER = -1
"""The number of a worker in rehearsal; those of the pool are positive."""


class Rehearsal:
    """A worker that nobody else uses; a version that ends it does not end the rehearsal.

    Args:
        source: makes the worker.
        timeout_s: longest time for one version's golden rows.
    """

    def __init__(self, source: WorkerSource, timeout_s: float) -> None:
        self._source = source
        self._timeout_s = timeout_s
        self._forked: Forked | None = None
        self._channel: WorkerChannel | None = None
        self._frames: asyncio.Queue[tuple[Kind, bytes] | None] = asyncio.Queue()

    async def try_golden_rows(self, manifest: Manifest, index: int) -> None:
        """Predict a version's golden rows and compare.

        Raises:
            Unavailable: it died, took too long, failed, or answered otherwise; the text says which.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                answer, imported = await self._ask(manifest, index)
        except TimeoutError:
            self.close()
            raise Unavailable(f"its golden rows took more than {self._timeout_s:g} s") from None
        except Unavailable:
            self.close()
            raise
        said = orjson.loads(answer.blob)
        if answer.status is not Status.TEXT:
            raise Unavailable(f"it failed on its golden rows: {said['message']}")
        _compare("prediction", manifest.golden.predictions, said["predictions"])
        if manifest.golden.probabilities is not None:
            _compare("probability", manifest.golden.probabilities, said["probabilities"])
        # What the first prediction imports, every worker would import anew, at its first request.
        self._source.preload(imported)

    def close(self) -> None:
        """End the worker."""
        if self._forked is not None and self._channel is not None:
            kill(self._forked.pidfd)
            os.close(self._forked.pidfd)
            self._channel.close()
        self._forked = self._channel = None

    async def _ask(self, manifest: Manifest, index: int) -> tuple[ResultEntry, list[str]]:
        request = orjson.dumps({"instances": manifest.golden.instances})
        wanted = manifest.golden.probabilities is not None
        channel = self._channel or await self._open()
        channel.send(encode_bodies(0, index, [(Media.JSON, request, wanted)]))
        answer = decode_result(memoryview(await self._next(Kind.RESULT))).entries[0]
        channel.send(frame(Kind.IMPORTS))
        return answer, (await self._next(Kind.IMPORTS)).decode().split()

    async def _open(self) -> WorkerChannel:
        self._forked = await self._source.fork(WORKER, self._timeout_s)
        # After that wait: the end of a worker that was closed before belongs to the queue before.
        self._frames = asyncio.Queue()
        channel = self._channel = WorkerChannel(WORKER, self)
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: channel, sock=self._forked.connection)
        await self._next(Kind.READY)
        return channel

    def on_frame(self, worker: int, kind: Kind, body: memoryview) -> None:
        """Take a frame."""
        self._frames.put_nowait((kind, bytes(body)))

    def on_closed(self, worker: int) -> None:
        """Take the end of file."""
        self._frames.put_nowait(None)

    async def _next(self, wanted: Kind) -> bytes:
        received = await self._frames.get()
        if received is None:
            raise Unavailable("it ended its worker on its golden rows")
        kind, body = received
        if kind is not wanted:
            raise Unavailable(f"its worker sent {kind.name} instead of {wanted.name}")
        return body


def _compare(what: str, golden: Sequence[Any], said: Sequence[Any]) -> None:
    if len(golden) != len(said):
        raise Unavailable(f"it answered {len(said)} golden rows instead of {len(golden)}")
    for row, (expected, got) in enumerate(zip(golden, said, strict=True)):
        if not _same(expected, got):
            raise Unavailable(f"golden row {row}: {what} {got} instead of {expected}")


def _same(expected: Any, got: Any) -> bool:
    if isinstance(expected, list | tuple):
        return len(expected) == len(got) and all(map(_same, expected, got))
    if isinstance(expected, float) and isinstance(got, float):
        return math.isclose(expected, got, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return type(expected) is type(got) and bool(expected == got)
