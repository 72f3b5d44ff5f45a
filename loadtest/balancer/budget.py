"""How many more times the balancer may ask than it was asked: pure state.

Retries without a bound turn a slow fleet into a dead one: each failure adds load, which adds
failures.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Reason = Literal["connect", "closed", "cut", "malformed", "timeout", "502", "503", "504"]


class Retries(BaseModel):
    """Which requests are asked again, and how often at most.

    A prediction changes nothing, so asking twice is safe even where the first replica may have
    worked on it. What costs is the work, and that is what the budget bounds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = Field(default=2, ge=2, le=5)
    """Of one request, the first included; each on a replica that has not had it yet."""
    on: tuple[Reason, ...] = ("connect", "closed", "503")
    """connect: not reached; closed, cut: the connection ended before or in the answer; malformed:
    no HTTP; timeout; or a status of the replica."""
    share: float = Field(default=0.2, ge=0, le=1)
    """Of the requests in progress that may be extra ones at the same time."""
    least: int = Field(default=3, ge=0)
    """This many may, however few requests there are."""
    tokens: int = Field(default=10, ge=1)
    """gRPC's throttle: a failure takes one, a success gives `tokens_ratio` back, and extra requests
    are allowed only while more than half are there."""
    tokens_ratio: float = Field(default=0.1, gt=0, le=1)


class Budget:
    """Allows extra requests, that is retries and hedges, while both bounds hold."""

    def __init__(self, settings: Retries) -> None:
        self._settings = settings
        self._tokens = float(settings.tokens)
        self.active = 0
        """Requests of clients in progress; the owner counts."""
        self.extra = 0
        """Extra requests in progress."""

    @property
    def tokens(self) -> float:
        """What the throttle has left."""
        return self._tokens

    def take(self) -> bool:
        """Begin an extra request, if it is allowed; each that is needs one `give_back`."""
        most = max(self._settings.least, int(self._settings.share * self.active))
        if self.extra >= most or self._tokens <= self._settings.tokens / 2:
            return False
        self.extra += 1
        return True

    def give_back(self) -> None:
        """End an extra request.

        Raises:
            ValueError: there is none.
        """
        if self.extra == 0:
            raise ValueError("no extra request is in progress")
        self.extra -= 1

    def observe(self, *, failed: bool) -> None:
        """Take note of how any request to a replica ended."""
        if failed:
            self._tokens = max(0.0, self._tokens - 1)
        else:
            most = float(self._settings.tokens)
            self._tokens = min(most, self._tokens + self._settings.tokens_ratio)
