"""What a batch will take, learned from those that finished: seconds a call and seconds a row.

Both are kept as one line over rows, fitted by least squares whose memory fades. No clock in here.
"""

PRIOR_CALL_S = 0.005
PRIOR_ROW_S = 0.001
"""Before the first batch: rather too slow, so that a cold replica under full load is careful."""
MEMORY_BATCHES = 16
OUTLIER = 4.0
"""A batch counts as at most so many times its prediction: one pause of the machine is no news,
and a model that did become slower is learned within a dozen batches."""
TRUSTED_BATCHES = 4
ANCHOR = 0.01
"""How much the slope is held where it was, in squares of the mean rows: while all batches are of
one size there is nothing to tell a call from a row by."""
MANY_ROWS = 1 << 31
BATCH_S = 0.1
"""Rows are gathered up to so many seconds of computing: more gain nothing, and make all wait."""


class CostModel:
    """The cost of one model's batches; never negative, and never less for more rows.

    Args:
        call_s: what is believed before the first batch.
        row_s: likewise.

    Attributes:
        call_s: seconds of a batch, however many rows it has.
        row_s: seconds that each row adds.
    """

    __slots__ = (
        "_batch_rows",
        "_batches",
        "_covariance",
        "_mean_rows",
        "_mean_s",
        "_patient_s",
        "_variance",
        "call_s",
        "row_s",
    )

    def __init__(self, call_s: float = PRIOR_CALL_S, row_s: float = PRIOR_ROW_S) -> None:
        self.call_s = call_s
        self.row_s = row_s
        self._batches = 0
        self._mean_rows = 0.0
        self._mean_s = 0.0
        self._variance = 0.0
        self._covariance = 0.0
        self._look_at_batches()

    def predict(self, rows: float) -> float:
        """Return the seconds that a batch of so many rows will take."""
        return self.call_s + self.row_s * rows

    def learn(self, rows: int, seconds: float) -> None:
        """Take notice of a finished batch."""
        if rows < 1 or seconds < 0:
            return  # nothing was computed
        if self._batches >= TRUSTED_BATCHES:
            seconds = min(seconds, OUTLIER * self.predict(rows))
        if not self._batches:
            # All of it may be the rows: gathering will tell, and by then nobody was kept waiting.
            self.row_s = seconds / rows
        self._batches = min(self._batches + 1, MEMORY_BATCHES)
        step = 1 / self._batches
        more_rows, more_s = rows - self._mean_rows, seconds - self._mean_s
        self._mean_rows += step * more_rows
        self._mean_s += step * more_s
        self._variance = (1 - step) * (self._variance + step * more_rows * more_rows)
        self._covariance = (1 - step) * (self._covariance + step * more_rows * more_s)
        anchor = ANCHOR * self._mean_rows * self._mean_rows
        slope = (self._covariance + anchor * self.row_s) / (self._variance + anchor)
        self.row_s = min(max(slope, 0.0), self._mean_s / self._mean_rows)
        self.call_s = max(self._mean_s - self.row_s * self._mean_rows, 0.0)
        self._look_at_batches()

    def _look_at_batches(self) -> None:
        """Note how many rows travel together if nobody is in a hurry: asked for each request."""
        limit_s = max(BATCH_S, self.call_s)
        self._patient_s = 4 * limit_s
        self._batch_rows = self._rows_in(limit_s)

    def _rows_in(self, limit_s: float) -> int:
        rows = limit_s / self.row_s if self.row_s > 0 else MANY_ROWS
        return int(min(max(rows, 1), MANY_ROWS))

    def batch_rows(self, max_rows: int, timeout_s: float) -> int:
        """Return how many rows shall travel together.

        Args:
            max_rows: the most that may.
            timeout_s: the whole time that the first of the requests was given.
        """
        if timeout_s >= self._patient_s:  # as almost all are, and this is asked for each
            return self._batch_rows if self._batch_rows < max_rows else max_rows
        return min(self._rows_in(max(timeout_s / 4, 0.0)), max_rows)

    def share_s(self, rows: int, batch_rows: int) -> float:
        """Return a request's share of a worker's time, in batches of so many rows."""
        share = rows / batch_rows
        return rows * self.row_s + (self.call_s * share if share < 1.0 else self.call_s)


class RowBytes:
    """How many bytes of body a row takes, so that a request's length tells its rows."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes = 0.0

    def learn(self, size_bytes: int, rows: int) -> None:
        """Take notice of a request that was read."""
        if rows < 1 or size_bytes < 1:
            return
        each = size_bytes / rows
        self._bytes += (each - self._bytes) / (MEMORY_BATCHES if self._bytes else 1)

    def rows(self, size_bytes: int) -> int:
        """Return the rows that a body of this length probably has; 1 before anything is known."""
        rows = int(size_bytes / self._bytes) if self._bytes else 1
        return rows or 1
