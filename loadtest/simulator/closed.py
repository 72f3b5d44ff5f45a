"""One simulation of a closed load: clients that ask, wait for the answer, think, and ask again."""

import math
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from loadtest.simulator.call import End
from loadtest.simulator.settings import Model
from loadtest.simulator.simulate import Outcome, draw_overheads_s, outcome_of
from loadtest.simulator.stage import Requests, Stage, build_stage

_SULK_S = 0.01
"""After a refusal or a loss a client waits for so long, as the real one does: it would ask nothing
but a closed door otherwise."""
_LOST = (End.REFUSED, End.FAILED, End.TIMEOUT)


@dataclass(frozen=True)
class Loop:
    """Who asks, and when each is done thinking.

    Args:
        clients: so many.
        thinks_s: seconds before each request, of whichever client, in the order of their thinking.
        until_s: nobody asks at or after this.
    """

    clients: int
    thinks_s: NDArray[np.float64]
    until_s: float = math.inf


def draw_thinks_s(
    mean_s: float, law: Literal["constant", "exponential"], requests: int, seed: int
) -> NDArray[np.float64]:
    """Draw the pauses before so many requests."""
    if law == "exponential":
        return np.random.default_rng([seed, 4]).exponential(mean_s, requests)
    return np.full(requests, mean_s)


def simulate_closed(
    model: Model,
    loop: Loop,
    sizes: NDArray[np.float64],
    seed: int,
    rows: NDArray[np.int64] | None = None,
) -> Outcome:
    """Simulate a fleet under a closed load, until its time or its requests are over.

    A client has its answer when the overhead is over, too; so the overhead slows it down, as it
    does the real one.

    Args:
        model: the fleet.
        loop: who asks.
        sizes: factor on the service time of each request, in the order of their coming, of mean 1.
        seed: of choices and overheads.
        rows: of each request; None: all are alike.

    Raises:
        ValueError: there is no client or no request, or not a pause for each request.
    """
    if loop.clients < 1 or len(sizes) == 0 or len(loop.thinks_s) != len(sizes):
        raise ValueError("a closed loop needs clients, requests, and a pause before each")
    overheads_s = draw_overheads_s(model, len(sizes), seed)
    clients = _Clients(loop, overheads_s.tolist())
    requests = Requests(
        arrivals_s=clients.asked_s,
        sizes=sizes.tolist(),
        rows=None if rows is None else rows.tolist(),
        goes_on=clients.go_on,
    )
    stage = build_stage(model, requests, seed, clients.have_answer)
    clients.start(stage)
    stage.run()
    return outcome_of(np.array(clients.asked_s[: clients.asked]), stage, overheads_s)


@dataclass
class _Clients:
    """All clients; they are alike, so none has a name."""

    loop: Loop
    overheads_s: list[float]
    asked_s: list[float] = field(init=False)
    asked: int = 0

    def __post_init__(self) -> None:
        self.asked_s = [math.inf] * len(self.overheads_s)
        self._thinks_s = self.loop.thinks_s.tolist()
        self._thought = count().__next__
        self._stage: Stage | None = None

    def start(self, stage: Stage) -> None:
        """Let all of them think before they ask for the first time."""
        self._stage = stage
        for _ in range(self.loop.clients):
            self._think(0.0)

    def go_on(self, now: float) -> bool:
        """Return whether anybody still asks at a time."""
        return self.asked < len(self.asked_s) and now < self.loop.until_s

    def have_answer(self, now: float, index: int) -> None:
        """Let the client whose request is over go on."""
        if self._stage is not None:
            sulk_s = _SULK_S if self._stage.front.ends[index] in _LOST else 0.0
            self._think(now + self.overheads_s[index] + sulk_s)

    def _think(self, now: float) -> None:
        number = self._thought()
        if self._stage is not None and number < len(self._thinks_s):
            self._stage.clock.at(now + self._thinks_s[number], self._ask)

    def _ask(self, now: float, subject: None) -> None:
        del subject
        if self._stage is not None and self.go_on(now):
            index, self.asked = self.asked, self.asked + 1
            self.asked_s[index] = now
            self._stage.front.arrive(now, index)
