"""What a request may ask of a worker."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Bounds that the API process and the workers both enforce."""

    max_rows: int
    """The most rows in one request."""
    max_pixels: int
    """The largest picture, width times height."""
