"""A transport that sends the head of an answer together with the first part of its body."""

import asyncio

COPIED_BYTES = 1 << 16
"""Up to this size joining costs less than a second buffer."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class OneWrite(asyncio.Transport):
    """Stands between uvicorn's cycle, which writes head and body one by one, and the transport.

    Args:
        transport: the connection's own.

    Attributes:
        written_bytes: all that was written through this one.
    """

    __slots__ = ("_begun", "_head", "_transport", "written_bytes")

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._begun = False
        self._head: bytes | None = None
        self.written_bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the first part of an answer until there is a second, or none will come."""
        if self._transport.is_closing():
            return  # uvloop raises where nobody could be answered any more
        self.written_bytes += len(data)
        head = self._head
        if head is not None:
            self._head = None
            if len(data) <= COPIED_BYTES:
                self._transport.write(head + data)
            else:
                self._transport.writelines((head, data))
        elif self._begun or data == CONTINUE:
            self._transport.write(data)
        else:
            self._begun = True
            self._head = bytes(data)

    def finish(self) -> None:
        """Send what is kept: the answer is whole."""
        self._begun = False
        self._flush()

    def close(self) -> None:
        """Send what is kept and close."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Return whether the connection is closed or about to be."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        head, self._head = self._head, None
        if head is not None and not self._transport.is_closing():
            self._transport.write(head)
