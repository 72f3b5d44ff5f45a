"""A client in the same loop as the service: waves of requests, written and counted, not parsed."""

import asyncio
from typing import cast


class Caller(asyncio.Protocol):
    """One connection; it knows when a whole answer has come.

    Args:
        on_answer: called at each.
    """

    def __init__(self, wave: "Wave") -> None:
        self._wave = wave
        self._left_bytes = 0
        self._head = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes) -> None:
        if self._transport is None:
            raise RuntimeError("there is no connection")
        self._transport.write(request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if not self._left_bytes:
            self._head += data
            head, found, body = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            self._wave.check(head)
            _, _, length = head.lower().partition(b"content-length: ")
            self._left_bytes = int(length.partition(b"\r\n")[0])
            self._head, data = b"", body
        self._left_bytes -= len(data)
        if self._left_bytes == 0:
            self._wave.on_answer()


class Wave:
    """Requests of several connections, all written before any is answered.

    Args:
        host: of the service.
        port: of the service.
        request: the bytes that each sends.
    """

    def __init__(self, host: str, port: int, request: bytes) -> None:
        self._address = (host, port)
        self._request = request
        self._callers: list[Caller] = []
        self._missing = 0
        self._done: asyncio.Future[None] | None = None

    async def connect(self, connections: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, caller = await loop.create_connection(lambda: Caller(self), *self._address)
            self._callers.append(caller)

    async def run(self, waves: int) -> None:
        """Send so many waves, each when the one before is answered."""
        loop = asyncio.get_running_loop()
        for _ in range(waves):
            self._missing, self._done = len(self._callers), loop.create_future()
            for caller in self._callers:
                caller.ask(self._request)
            async with asyncio.timeout(60):
                await self._done

    def check(self, head: bytes) -> None:
        """Let an answer that is not good end the count: it would be a count of failures."""
        if not head.startswith(b"HTTP/1.1 200"):
            self._fail(head.partition(b"\r\n")[0].decode())

    def on_answer(self) -> None:
        self._missing -= 1
        if not self._missing and self._done is not None and not self._done.done():
            self._done.set_result(None)

    def close(self) -> None:
        for caller in self._callers:
            caller.close()

    def _fail(self, what: str) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(RuntimeError(f"the service answered {what}"))
