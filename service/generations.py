"""The generation that serves, those that still answer what they have, and what all have counted."""

import asyncio

from service.batching.entry import Entry
from service.generation import Generation
from service.inference.states import PoolStatistics
from service.loadout import Name
from service.settings import Settings


class Generations:
    """The generations of a replica.

    Args:
        settings: the replica's settings.

    Attributes:
        current: the one that serves, once there is one.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.current: Generation | None = None
        self._former: list[Generation] = []
        self._retirements: set[asyncio.Task[None]] = set()
        self._restarts = 0
        self._retried = 0

    def replace(self, generation: Generation) -> None:
        """Let another one serve; the one before answers what it has, and ends."""
        former, self.current = self.current, generation
        if former is None:
            return
        self._former.append(former)
        task = asyncio.create_task(self._retire(former))
        self._retirements.add(task)
        task.add_done_callback(self._retirements.discard)

    def fall_back(self, name: Name, reason: str) -> None:
        """Let scikit-learn compute a version from now on, in every generation."""
        for generation in (self.current, *self._former):
            if generation is not None:
                generation.fall_back(name, reason)

    async def stop(self) -> None:
        """Answer what was accepted, then end all processes."""
        endings = list(self._retirements)
        if self.current is not None:
            endings.append(asyncio.ensure_future(self.current.retire(self._settings.drain_s)))
        if endings:
            await asyncio.wait(endings)

    def workers(self) -> PoolStatistics:
        """Return a snapshot of the serving workers; restarts are those of all generations."""
        if self.current is None:
            return PoolStatistics(self._settings.worker_count(), 0, 0, 0, 0, None, ())
        now = self.current.pool.statistics()
        former = sum(one.pool.statistics().restarts for one in self._former)
        return now._replace(restarts=now.restarts + former + self._restarts)

    def retried(self) -> int:
        """Return how many requests were computed anew, in all generations."""
        serving = [self.current, *self._former] if self.current is not None else self._former
        return self._retried + sum(one.batcher.statistics().retried for one in serving)

    def on_worker_ended(self, pid: int, status: int) -> None:
        """Tell whoever had a process how it has ended."""
        for generation in (self.current, *self._former):
            if generation is not None:
                generation.pool.on_ended(pid, status)

    def _take_over(self, name: Name, entry: Entry) -> None:
        if self.current is not None:
            self.current.take_over(name, entry)

    async def _retire(self, generation: Generation) -> None:
        await generation.retire(self._settings.max_request_timeout_s, self._take_over)
        # In one step, so that no counter ever goes back.
        self._former.remove(generation)
        self._restarts += generation.pool.statistics().restarts
        self._retried += generation.batcher.statistics().retried
