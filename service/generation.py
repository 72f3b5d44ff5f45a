"""A generation: one loader with its workers and their queue, for one set of versions.

It answers what it accepted, and then ends; the next one serves meanwhile.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from service.batching.batcher import Batcher
from service.batching.entry import Entry
from service.batching.lane import Lane
from service.batching.open_streams import OpenStreams
from service.batching.quarantine import Quarantine
from service.errors import FrameError, ServiceError, Unavailable
from service.inference.pool import FORK_TIMEOUT_S, WorkerPool
from service.loadout import Loadout, Name
from service.settings import Settings

STOP_S = 5.0
DRAIN_LOOK_S = 0.02

OnDiffers = Callable[[Name, str], None]
"""Hears of a version of which a form answered otherwise than scikit-learn, and what differed."""
Heir = Callable[[Name, Entry], None]
"""Computes a request to a version that another generation has left undone."""

log = structlog.get_logger()


class Generation:
    """Workers that serve a loadout, and the queue before them.

    Args:
        loadout: what is served.
        lanes: a queue for each version of it.
        settings: the replica's settings.
        quarantine: inputs that are not tried, in no generation.
        cores: one a worker, which it is pinned to; none if workers are not pinned.
        on_differs: hears of forms that are not used any more.
    """

    def __init__(
        self,
        loadout: Loadout,
        lanes: dict[Name, Lane],
        settings: Settings,
        quarantine: Quarantine,
        cores: Sequence[int] = (),
        on_differs: OnDiffers | None = None,
    ) -> None:
        self.loadout = loadout
        self.lanes = lanes
        self.streams = OpenStreams()
        self._tell_differs = on_differs
        self.pool = WorkerPool(settings.worker_count(), cores, self._on_differs)
        self.batcher = Batcher(
            self.pool,
            settings.max_batch_rows,
            settings.max_waiting,
            settings.max_queue_wait_s,
            settings.hang_limit_s,
            quarantine,
        )
        for lane in lanes.values():
            self.batcher.add_lane(lane)

    def fall_back(self, name: Name, reason: str) -> None:
        """Let scikit-learn compute a version from now on, in this generation's workers."""
        if name in self.loadout.numbers:
            self.pool.fall_back(self.loadout.numbers[name])
            self.loadout.fall_back(name, reason)

    def _on_differs(self, model: int, found: bytes) -> None:
        names = {number: name for name, number in self.loadout.numbers.items()}
        name = names.get(model)
        if name is None:
            raise FrameError("a difference in a model that is not there")
        told = found.decode(errors="replace")
        log.error("plan_differs", model=name[0], version=name[1], found=told)
        self.fall_back(name, f"in service a form answered otherwise than scikit-learn: {told}")
        if self._tell_differs is not None:
            self._tell_differs(name, told)

    def inherit(self, former: "Generation") -> None:
        """Take over what was learned of the versions that both serve."""
        for name in self.lanes.keys() & former.lanes.keys():
            self.lanes[name].cost = former.lanes[name].cost

    def take_over(self, name: Name, entry: Entry) -> None:
        """Compute what another generation has left undone."""
        try:
            if name not in self.lanes:
                text = "The version was taken out of service."
                raise Unavailable(text, code="version_retired")
            self.batcher.submit(self.lanes[name], entry)
        except ServiceError as error:
            entry.resolve(error)

    def _hand_over(self, heir: Heir) -> None:
        names = {lane.name: name for name, lane in self.lanes.items()}
        given = [one for one in self.batcher.surrender() if not one[1].future.done()]
        for lane, entry in given:
            heir(names[lane.name], entry)
        if given:
            log.warning("handed_over", requests=len(given), reason="loader and workers are gone")

    async def start(self) -> None:
        """Start the workers.

        Raises:
            Unavailable: they end before they are ready, or cannot be made; the text says why.
            TimeoutError: they do not get ready.
        """
        await self.pool.start(self.loadout.source, self.batcher)
        await self.loadout.stand_by(FORK_TIMEOUT_S)

    async def retire(self, limit_s: float, heir: Heir | None = None) -> None:
        """Answer what was accepted, and streams to their end; then end all processes.

        Args:
            limit_s: how long that may take.
            heir: takes what nobody here can compute any more, because loader and workers are gone;
                None if nobody does.
        """
        deadline = asyncio.get_running_loop().time() + limit_s
        while any(self.batcher.statistics()[:2]) or self.streams:
            if asyncio.get_running_loop().time() > deadline:
                cut_off = self.batcher.statistics()._asdict()
                log.warning("drain_cut_off", streams=len(self.streams), **cut_off)
                self.streams.cut()
                break
            if heir is not None and self.pool.is_deserted():
                self._hand_over(heir)
            await asyncio.sleep(DRAIN_LOOK_S)
        self.batcher.close()
        self.pool.stop()
        await self.loadout.stop(STOP_S)
