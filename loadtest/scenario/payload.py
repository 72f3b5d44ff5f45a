"""What requests ask."""

from pydantic import Field

from loadtest.scenario.base import Frozen


class Payload(Frozen):
    """What each request asks."""

    model: str = Field(min_length=1)
    rows: int = Field(default=1, ge=1, le=100_000)
    """Rows a request."""
    probabilities: bool = False
    distinct_requests: int = Field(default=32, ge=1, le=10_000)
    """How many different bodies there are; each request draws one of them, with replacement."""
