"""The body of a stream on its way in: read only while there is room for it."""

from service.errors import TooLarge
from service.protocols.http import Client, ClientGone, Headers, check_encoding

PACE_BYTES = 64 << 10
"""Whoever sends so much within the body's timeout is not too slow."""


class StreamSource:
    """Reads a body piece by piece.

    Args:
        client: who sends it.
        max_bytes: the longest body.
    """

    def __init__(self, client: Client, max_bytes: int) -> None:
        self._receive = client.receive
        self._pace = client.pace
        self._max_bytes = max_bytes
        self._read_bytes = 0
        self._unpaced_bytes = PACE_BYTES
        self.is_over = False

    async def begin(self, headers: Headers, whole_bytes: int) -> bytes:
        """Return the beginning of a body: more than `whole_bytes` of it, or all.

        Raises:
            UnsupportedMedia: it is compressed.
            TooLarge: it is longer than a stream may be.
            ClientGone: it will not come.
        """
        check_encoding(headers)
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._max_bytes:
            raise self._too_large()
        parts, size = [], 0
        while size <= whole_bytes and not self.is_over:
            parts.append(await self.more())
            size += len(parts[-1])
        return b"".join(parts)

    async def more(self) -> bytes:
        """Return what has come since.

        Raises:
            TooLarge: there is more than a stream may have.
            ClientGone: it will not come.
        """
        if self._unpaced_bytes >= PACE_BYTES:
            self._unpaced_bytes = 0
            if self._pace is not None:
                self._pace.await_body(True)
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body: bytes = message.get("body", b"")
        self.is_over = not message.get("more_body")
        self._read_bytes += len(body)
        self._unpaced_bytes += len(body)
        if self._read_bytes > self._max_bytes:
            raise self._too_large()
        return body

    def hold(self) -> None:
        """Let the client wait: it is we who are not ready for more."""
        self._unpaced_bytes = PACE_BYTES
        if self._pace is not None:
            self._pace.await_body(False)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"A stream has at most {self._max_bytes} bytes.")
