"""The streams that a generation must outlive: whole streams are answered by one version."""

from typing import Protocol


class OpenStream(Protocol):
    """A stream that is answered part by part."""

    def cut(self) -> None:
        """End it, before its answer is whole."""


class OpenStreams:
    """The streams whose next parts go to one generation."""

    def __init__(self) -> None:
        self._streams: set[OpenStream] = set()

    def __len__(self) -> int:
        return len(self._streams)

    def add(self, stream: OpenStream) -> None:
        """Wait for a stream."""
        self._streams.add(stream)

    def discard(self, stream: OpenStream) -> None:
        """Wait for a stream no more."""
        self._streams.discard(stream)

    def cut(self) -> None:
        """End all streams: there is nobody to answer them any more."""
        for stream in list(self._streams):
            stream.cut()
