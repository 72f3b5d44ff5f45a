"""What the pool knows of its workers."""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

from service.inference.channel import WorkerChannel


@dataclass(slots=True)
class WorkerState:
    """What the pool knows of a worker; times are monotonic seconds."""

    pid: int
    pidfd: int
    channel: WorkerChannel
    started_at: float
    heard_at: float = 0.0
    """When it last sent anything; 0.0 before it was ready."""
    busy_since: float = 0.0
    """0.0 while it is idle."""
    hang_limit_s: float = 0.0
    """How long its batch may take."""
    asked_at: float = 0.0
    """When it was pinged; 0.0 if it has answered."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    is_ours: bool = False
    """Whether we ended it, for what it did with its batch."""
    is_stopped: bool = False
    """Whether a signal had stopped it at the last look."""
    status: int | None = None
    """Its exit status, if that was heard before the end of file."""


class Lost(NamedTuple):
    """A worker that is gone, of which it is not known yet how it ended."""

    worker: int
    is_ours: bool


class PoolStatistics(NamedTuple):
    """A snapshot for readiness, metrics and tests."""

    wanted: int
    ready: int
    """Workers that take batches; spares are not among them."""
    spare: int
    busy: int
    restarts: int
    heard_s: float | None
    """Seconds since any worker last sent something; None if none ever did."""
    pids: tuple[int, ...]
