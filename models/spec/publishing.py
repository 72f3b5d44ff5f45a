"""What happens with a fitted model."""

from typing import Literal

from pydantic import Field

from models.spec.base import Part


class Publish(Part):
    """When a candidate becomes the production version."""

    promote: Literal["if_better", "never", "always"] = "if_better"
    margin: float = 0.0
    """By how much the metric must beat the production version's, on the same held-out rows."""
    slices: tuple[str, ...] = ()
    """Columns: of each of their values the candidate must not be worse."""
    slice_tolerance: float = Field(default=0.0, ge=0)
    """By so much a slice may be worse."""
    slice_least_rows: int = Field(default=30, ge=1)
    """Smaller slices say nothing, and are told as too small."""
    policies: tuple[str, ...] = ()
    """COLUMN:KIND=VALUE, as `models register --policy`."""
    export: tuple[Literal["weights", "trees", "support_vectors", "onnx", "skops"], ...] = ()
    """Files for other languages, stored beside the model."""
    report: bool = True
