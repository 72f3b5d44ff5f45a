"""How the rate of an open load changes over its duration: a ramp, or a spike."""

from typing import Annotated, Literal

from pydantic import Field

from loadtest.scenario.base import Frozen

Knot = tuple[float, float]
"""A time in seconds and the rate a second there; between knots the rate is linear, and two knots
at one time are a step."""


class Ramp(Frozen):
    """The rate goes linearly from `rate_per_s` at the start to this at the end."""

    kind: Literal["ramp"]
    to_rate_per_s: float = Field(gt=0)

    def check(self, duration_s: float) -> None:
        """Raise nothing: a ramp fits into every duration."""
        del duration_s

    def peak(self, rate_per_s: float) -> float:
        """Return the highest rate."""
        return max(rate_per_s, self.to_rate_per_s)

    def knots(self, rate_per_s: float, duration_s: float) -> list[Knot]:
        """Return the rate over time."""
        return [(0.0, rate_per_s), (duration_s, self.to_rate_per_s)]

    @property
    def words(self) -> str:
        return f"ramp to {self.to_rate_per_s:g} a second"


class Spike(Frozen):
    """The rate is another one for a while, and then what it was."""

    kind: Literal["spike"]
    rate_per_s: float = Field(gt=0)
    at_s: float = Field(ge=0)
    for_s: float = Field(gt=0)

    def check(self, duration_s: float) -> None:
        """Check that the spike lies within the load.

        Raises:
            ValueError: it ends after it.
        """
        if self.at_s + self.for_s > duration_s:
            raise ValueError(
                f"the spike ends at {self.at_s + self.for_s:g} s, the load at {duration_s:g} s"
            )

    def peak(self, rate_per_s: float) -> float:
        """Return the highest rate."""
        return max(rate_per_s, self.rate_per_s)

    def knots(self, rate_per_s: float, duration_s: float) -> list[Knot]:
        """Return the rate over time."""
        ends_s = self.at_s + self.for_s
        return [
            (0.0, rate_per_s),
            (self.at_s, rate_per_s),
            (self.at_s, self.rate_per_s),
            (ends_s, self.rate_per_s),
            (ends_s, rate_per_s),
            (duration_s, rate_per_s),
        ]

    @property
    def words(self) -> str:
        return f"spike of {self.rate_per_s:g} a second at {self.at_s:g} s for {self.for_s:g} s"


Shape = Annotated[Ramp | Spike, Field(discriminator="kind")]
