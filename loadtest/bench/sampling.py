"""Judging answers while a load runs: one more client, slow enough to cost the server nothing."""

import http.client
import threading
import time
from collections.abc import Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

from loadtest.http1 import Address
from loadtest.judge import find_fault
from loadtest.payload import Request

WRONG: Final = frozenset(
    {"not_json", "model", "version", "predictions", "classes", "probabilities"}
)
"""What `find_fault` says of answers."""
_EVERY_S: Final = 0.05
_REST: Final = 9.0
"""For so many times as long as an answer took nothing is asked: large bodies are a load, too."""
_TIMEOUT_S: Final = 60.0


class Sampler:
    """Asks a request at a time, each anew, and keeps what was wrong with its answer.

    Args:
        address: of the server.
        requests: asked in turn.

    Attributes:
        checked: answers that were judged.
        faults: what was wrong with those that were not right.
    """

    def __init__(self, address: Address, requests: Sequence[Request]) -> None:
        self._address = address
        self._requests = requests
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.checked = 0
        self.faults: list[str] = []

    @property
    def wrong(self) -> int:
        """How many answers said something wrong; those that failed or were refused said nothing."""
        return sum(fault in WRONG for fault in self.faults)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(_TIMEOUT_S + 1.0)

    def _run(self) -> None:
        number = 0
        while not self._over.is_set():
            began_s = time.monotonic()
            fault = ask(self._address, self._requests[number % len(self._requests)])
            self.checked += 1
            if fault:
                self.faults.append(fault)
            number += 1
            took_s = time.monotonic() - began_s
            self._over.wait(max(_EVERY_S, _REST * took_s))


def ask(address: Address, request: Request) -> str:
    """Send a request and return what is wrong with its answer; empty if it is right."""
    try:
        status, content = exchange(address, request)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    if status != HTTPStatus.OK:
        return f"status {status}"
    return find_fault(request.expected, content)


def exchange(address: Address, request: Request) -> tuple[int, bytes]:
    """Send a request on a connection of its own and return status and body of the answer.

    Raises:
        OSError: there is no connection, or no whole answer in time.
        HTTPException: what came is no answer.
    """
    head, _, body = request.wire.partition(b"\r\n\r\n")
    start, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    method, path, _ = start.split(" ")
    connection = http.client.HTTPConnection(address.host, address.port, timeout=_TIMEOUT_S)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
