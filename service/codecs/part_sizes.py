"""How much of a stream is computed at once, learned from the parts before. No clock in here.

A small request that comes beside a stream waits for a part at the most, so parts are short; each
costs a turn of the loop and a call of the model, so they are not too short.
"""

AIM_S = 0.025
"""What a part shall take of a worker."""
FIRST_BYTES = 64 << 10
LEAST_BYTES = 64 << 10
MOST_BYTES = 1 << 20
LEAST_ROWS = 64
MOST_ROWS = 1 << 17
STEP = 2.0
"""One part may be so much larger or smaller than the one before it: the first has paid for what
every model does once."""


class PartSizes:
    """The size of a stream's next part.

    Attributes:
        size_bytes: in bytes of the body, for bodies whose rows cannot be told.
        rows: in rows, for others; no more than `size_bytes` of them.
    """

    __slots__ = ("row_bytes", "rows", "size_bytes")

    def __init__(self) -> None:
        self.size_bytes = FIRST_BYTES
        self.rows = LEAST_ROWS
        self.row_bytes = 0.0
        """What a row has taken of the body; 0.0 before that is known."""

    def expect(self, row_bytes: float) -> None:
        """Begin with as many rows as the first part's bytes hold."""
        self.row_bytes = row_bytes
        self._look_at_rows()

    def learn(self, part_bytes: int, rows: int, seconds: float) -> None:
        """Take notice of a part that was computed.

        Args:
            part_bytes: its size.
            rows: how many it had.
            seconds: what it took of a worker.
        """
        if rows < 1 or part_bytes < 1 or seconds <= 0:
            return
        self.row_bytes = part_bytes / rows
        wanted = part_bytes * AIM_S / seconds
        stepped = min(max(wanted, self.size_bytes / STEP), self.size_bytes * STEP)
        self.size_bytes = round(min(max(stepped, LEAST_BYTES), MOST_BYTES))
        self._look_at_rows()

    def _look_at_rows(self) -> None:
        rows = self.size_bytes / self.row_bytes if self.row_bytes else LEAST_ROWS
        self.rows = round(min(max(rows, LEAST_ROWS), MOST_ROWS))
