"""How much of a stream is computed at once, learned from the parts before. No clock in here.

A small request that comes beside a stream waits for a part at the most, so parts are short; each
costs a turn of the loop and a call of the model, so they are not too short. What a call costs is
told from what the rows cost by a line over the parts' sizes, whose memory fades.
"""

AIM_S = 0.025
"""What a part shall take of a worker."""
CALLS = 4.0
"""But at least so many times what it takes however few rows it has."""
LONG_S = 0.25
"""A part that takes longer is too large, whatever the line says."""
MEMORY_PARTS = 8
LEAST_SLOPE = 0.05
"""A size costs at least this share of what it would if there were no calls."""
FIRST_BYTES = 64 << 10
LEAST_BYTES = 64 << 10
MOST_BYTES = 2 << 20
LEAST_ROWS = 64
MOST_ROWS = 1 << 17
STEP = 2.0
"""One part may be so much larger or smaller than the one before it: the first has paid for what
every model does once."""


class PartSizes:
    """The size of a stream's next part.

    Args:
        former: those of an earlier stream of such bodies to the same model: what they have learned
            of it, this one need not learn again.
        most_bytes: no part is larger, so that a body of known length has one for each worker.

    Attributes:
        size_bytes: in bytes of the body, for bodies whose rows cannot be told.
        rows: in rows, for others; no more than `size_bytes` of them.
    """

    __slots__ = (
        "_covariance",
        "_mean_bytes",
        "_mean_s",
        "_most_bytes",
        "_parts",
        "_variance",
        "row_bytes",
        "rows",
        "size_bytes",
    )

    def __init__(self, former: "PartSizes | None" = None, most_bytes: int = MOST_BYTES) -> None:
        self.size_bytes = FIRST_BYTES
        self.rows = LEAST_ROWS
        self.row_bytes = 0.0
        """What a row has taken of the body; 0.0 before that is known."""
        self._most_bytes = min(max(most_bytes, LEAST_BYTES), MOST_BYTES)
        self._parts = 0
        self._mean_bytes = self._mean_s = self._variance = self._covariance = 0.0
        if former is not None:
            self.size_bytes, self._parts = min(former.size_bytes, self._most_bytes), former._parts
            self._mean_bytes, self._mean_s = former._mean_bytes, former._mean_s
            self._variance, self._covariance = former._variance, former._covariance

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
        self._draw_line(part_bytes, seconds)
        if self._parts == 1:
            wanted = STEP * part_bytes  # two sizes make a line
        elif seconds > LONG_S:
            wanted = part_bytes * LONG_S / seconds
        else:
            wanted = self._wanted()
        stepped = min(max(wanted, self.size_bytes / STEP), self.size_bytes * STEP)
        self.size_bytes = round(min(max(stepped, LEAST_BYTES), self._most_bytes))
        self._look_at_rows()

    def _draw_line(self, part_bytes: int, seconds: float) -> None:
        self._parts = min(self._parts + 1, MEMORY_PARTS)
        step = 1 / self._parts
        more_bytes, more_s = part_bytes - self._mean_bytes, seconds - self._mean_s
        self._mean_bytes += step * more_bytes
        self._mean_s += step * more_s
        self._variance = (1 - step) * (self._variance + step * more_bytes * more_bytes)
        self._covariance = (1 - step) * (self._covariance + step * more_bytes * more_s)

    def _wanted(self) -> float:
        """Return the bytes of a part that takes what it shall, by the line."""
        steepest = self._mean_s / self._mean_bytes
        slope = self._covariance / self._variance if self._variance else steepest
        slope = min(max(slope, LEAST_SLOPE * steepest), steepest)
        call_s = self._mean_s - slope * self._mean_bytes
        return (max(AIM_S, CALLS * call_s) - call_s) / slope

    def _look_at_rows(self) -> None:
        rows = self.size_bytes / self.row_bytes if self.row_bytes else LEAST_ROWS
        self.rows = round(min(max(rows, LEAST_ROWS), MOST_ROWS))
