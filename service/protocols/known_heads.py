"""Heads of requests that were parsed before: the same bytes mean the same.

A program sends the same head with every request, but for the length of the body. Looking one up
takes a tenth of the time that parsing it does.
"""

from service.protocols.head import Head

END = b"\r\n\r\n"
MOST_HEADS = 512
MOST_HEAD_BYTES = 2048
OWN = (b"x-request-id", b"traceparent")
"""Headers that differ with every request: a head that has one does not come again."""


class KnownHeads:
    """Remembers heads of ordinary predict requests, as many as have room.

    The connection stays open behind their answers.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}

    def find(self, data: bytes) -> tuple[Head, bytes] | None:
        """Return head and body if the data are one whole request whose head is known."""
        start = data.find(END) + len(END)
        head = self._heads.get(data[:start])
        if head is None or len(data) - start != head.body_bytes:
            return None
        return head, data[start:]

    def learn(self, data: bytes, head: Head) -> None:
        """Remember a head that was parsed.

        Args:
            data: one whole request, as it came.
            head: what it means.
        """
        end = data.find(END)
        start = end + len(END)
        is_whole = end > 0 and len(data) - start == head.body_bytes
        if not is_whole or start > MOST_HEAD_BYTES or any(name in head.raw for name in OWN):
            return
        if len(self._heads) >= MOST_HEADS:
            self._heads.clear()
        self._heads[data[:start]] = head

    def forget(self) -> None:
        """Forget all: paths mean something else from now on."""
        self._heads.clear()
