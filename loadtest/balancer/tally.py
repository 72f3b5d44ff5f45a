"""What the balancer counts, and the file of events that it leaves."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO


@dataclass
class Tally:
    """Sums since the start."""

    clients: int = 0
    """Requests of clients."""
    upstream: Counter[str] = field(default_factory=Counter)
    """Replica → requests that it was sent, retries, hedges and parts included."""
    retries: int = 0
    hedges: int = 0
    hedges_won: int = 0
    """Hedges that answered first."""
    cut: int = 0
    """Requests cut into parts."""
    parts: int = 0
    streamed: int = 0
    """Requests or answers passed on before they were whole."""
    longest_queue: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the sums as plain values."""
        return {**vars(self), "upstream": dict(self.upstream)}


class EventLog:
    """Lines of JSON, one an event; times by time.monotonic(), which all processes share.

    Args:
        path: the file; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = None if path is None else path.open("w", encoding="utf-8")

    def tell(self, event: str, replica: str, now_s: float) -> None:
        """Write down a change of a replica's standing."""
        self._write({"event": event, "replica": replica, "at_s": now_s})

    def close(self, tally: Tally) -> None:
        """Write down the sums and close the file."""
        self._write({"event": "totals", "at_s": time.monotonic(), **tally.to_dict()})
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
