"""One way through the shim: bytes that come later, or a retransmission later, but in order."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Protocol

RETRANSMISSION_S = 0.2
"""What a lost segment costs: Linux's least retransmission time-out."""
_PIECE_BYTES = 1 << 16
_MAX_PIECES = 64


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to bytes on their way."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    blocked: bool = False
    both_ways: bool = False
    """Requests suffer as well; otherwise answers alone."""
    status: int = 0
    """Answer predictions with this at once, and everything else with 200; 0: ask the replica."""

    def delay_of_piece_s(self, random: Random) -> float:
        """Draw how much later a piece comes."""
        lost = RETRANSMISSION_S if random.random() < self.loss else 0.0
        return self.delay_s + random.random() * self.jitter_s + lost


class Sky:
    """The weather now, for every connection of a shim."""

    def __init__(self, seed: int) -> None:
        self.now = Weather()
        self.random = Random(seed)  # noqa: S311 - reproducible, not secret
        self._clear = asyncio.Event()
        self._clear.set()

    def change(self, weather: Weather) -> None:
        """Let other weather begin; what is on its way keeps its delay."""
        self.now = weather
        if weather.blocked:
            self._clear.clear()
        else:
            self._clear.set()

    async def clear(self) -> None:
        """Wait until something may pass."""
        await self._clear.wait()


class Source(Protocol):
    """Where pieces come from."""

    async def read(self, most_bytes: int, /) -> bytes:
        """Return the next piece, empty at the end."""
        ...


async def carry(reader: Source, writer: asyncio.StreamWriter, sky: Sky, *, answers: bool) -> None:
    """Carry bytes from one connection to another until the first ends."""
    loop = asyncio.get_running_loop()
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MAX_PIECES)

    async def take() -> None:
        while True:
            piece = await reader.read(_PIECE_BYTES)
            weather = sky.now
            suffers = answers or weather.both_ways
            delay_s = weather.delay_of_piece_s(sky.random) if suffers else 0.0
            await line.put((loop.time() + delay_s, piece))
            if not piece:
                return

    async def give() -> None:
        while True:
            due_s, piece = await line.get()
            if due_s > loop.time():
                await asyncio.sleep(due_s - loop.time())
            await sky.clear()
            if not piece:
                return
            writer.write(piece)
            await writer.drain()

    async with asyncio.TaskGroup() as both:
        both.create_task(take())
        both.create_task(give())
