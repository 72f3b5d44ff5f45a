"""The worker's loop: one frame in, one frame out, until the API process is gone."""

import gc
import os
import select
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

from service.errors import FrameError
from service.inference.live_check import IDLE_S, LiveCheck
from service.inference.messages import (
    PREAMBLE,
    Kind,
    decode_model,
    decode_predict,
    encode_differs,
    encode_result,
    frame,
    read_preamble,
)
from service.inference.model import Model


def run_worker(connection: socket.socket, models: Sequence[Model | None]) -> None:
    """Answer batches until the other end closes.

    Args:
        connection: this worker's end of its socketpair, blocking.
        models: all loaded models by number; None where one was dropped.

    Raises:
        FrameError: the other end sent no frame.
    """
    gc.enable()
    # Not their names: to hold them is to write on the page of each, and so to copy it.
    known = len(sys.modules)
    checks = _watch(models)
    is_idle = _idle_after(connection, IDLE_S)
    connection.sendall(b"".join(frame(Kind.READY)))
    while True:
        if checks.sample is not None and is_idle():
            _check(checks, models, connection)
        received = _receive(connection)
        if received is None:
            return
        kind, body = received
        if kind is Kind.PING:
            connection.sendall(b"".join(frame(Kind.PONG)))
        elif kind is Kind.IMPORTS:
            names = sorted(islice(sys.modules, known, None)) if is_single_threaded() else []
            connection.sendall(b"".join(frame(Kind.IMPORTS, "\n".join(names).encode())))
        elif kind is Kind.PREDICT:
            batch = decode_predict(body)
            model = models[batch.model] if batch.model < len(models) else None
            if not batch.entries or model is None:
                raise FrameError("a batch of nothing, or for no model")
            connection.sendall(b"".join(encode_result(model.answer(batch))))
        elif kind is Kind.FALL_BACK:
            number, _ = decode_model(body)
            _fall_back(models, number)
            checks.forget(number)
        else:
            raise FrameError(f"a worker takes no {kind.name}")


def _watch(models: Sequence[Model | None]) -> LiveCheck:
    """Let a sample of what forms answer be checked."""
    checks = LiveCheck()
    for number, model in enumerate(models):
        if model is not None:
            predictor = model.predictor
            predictor.watch(partial(checks.offer, number, predictor))
    return checks


def _idle_after(connection: socket.socket, seconds: float) -> Callable[[], bool]:
    """Return what waits for a frame, and tells whether none came."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return lambda: not poll.poll(seconds * 1000)


def _check(checks: LiveCheck, models: Sequence[Model | None], connection: socket.socket) -> None:
    """Check the sample; if something differs, stop using forms for its model, and tell."""
    differs = checks.check()
    if differs is not None:
        _fall_back(models, differs[0])
        connection.sendall(b"".join(encode_differs(*differs)))


def _fall_back(models: Sequence[Model | None], number: int) -> None:
    model = models[number] if number < len(models) else None
    if model is not None:
        model.predictor.fall_back()


def _receive(connection: socket.socket) -> tuple[Kind, memoryview] | None:
    """Return the next frame, or None if the other end closed between two frames."""
    head = _read(connection, PREAMBLE.size)
    if head is None:
        return None
    kind, body_bytes = read_preamble(head)
    body = _read(connection, body_bytes)
    return None if body is None else (kind, body)


def _read(connection: socket.socket, size: int) -> memoryview | None:
    view = memoryview(bytearray(size))
    filled = 0
    while filled < size:
        count = connection.recv_into(view[filled:], 0, socket.MSG_WAITALL)
        if count == 0:
            return None
        filled += count
    return view


def is_single_threaded() -> bool:
    """Return whether this process has one thread: only then may it fork."""
    return len(os.listdir("/proc/self/task")) == 1
