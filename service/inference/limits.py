"""What a request may ask of a worker, and which plans it computes by."""

from typing import Literal, NamedTuple


class Limits(NamedTuple):
    """Bounds that the API process and the workers both enforce."""

    max_rows: int
    """The most rows in one request."""
    max_pixels: int
    """The largest picture, width times height."""
    plans: Literal["exact", "close", "off"] = "exact"
    """Which differences from scikit-learn a verified plan may have."""
    plan_tolerance: float = 0.0
    """With `close`, of numbers: absolute below 1, relative above."""
