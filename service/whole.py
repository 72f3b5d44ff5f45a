"""The service as clients see it: one thing, of however many processes it is made."""

from typing import NamedTuple, Protocol

from service.inference.states import PoolStatistics
from service.metrics import Metrics


class Overview(NamedTuple):
    """What health, metrics and statistics tell."""

    ready: bool
    workers: PoolStatistics
    metrics: Metrics


class Whole(Protocol):
    """Tells of all processes, and hands orders to who decides for all."""

    async def overview(self) -> Overview:
        """Return how the service is now; raises `Unavailable` if that cannot be known."""

    async def reload(self) -> None:
        """Look at the store now."""

    async def show(self, name: str) -> None:
        """Serve what the store says of a name (again); raises `Unavailable` if that is too slow."""

    async def hide(self, name: str) -> None:
        """Serve nothing of a name; raises `Unavailable` if that is too slow."""
