"""What balancers do when an answer does not come."""

import math
from dataclasses import dataclass

from loadtest.balancer.budget import Retries


@dataclass(frozen=True)
class Rules:
    """What the balancers do when an answer does not come, or is an error."""

    timeout_s: float = math.inf
    """The client gives up."""
    answer_timeout_s: float = math.inf
    """A balancer gives a replica up."""
    tries: int = 1
    """Attempts of a request after failures, the first included."""
    retry_refused: bool = False
    """A refusal is tried elsewhere, too."""
    hedge_s: float = math.inf
    """After so long without an answer another replica is asked as well; the first answer wins."""
    budget: Retries | None = None
    """Bounds what is asked again; None: nothing does."""
    limit: int | None = None
    """A central queue: no replica has more calls outstanding than this, the others wait here."""

    @property
    def plain(self) -> bool:
        """Whether each request is one call, sent at once."""
        return self.tries == 1 and self.limit is None and math.isinf(self.hedge_s)
