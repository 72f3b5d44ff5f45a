"""A replica whose calls have different numbers of rows, which is what batches are limited by."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.simulator.call import Call, End
from loadtest.simulator.clock import Clock
from loadtest.simulator.replica import Answer, Machine, Replica, Shape


@dataclass(frozen=True)
class Mix:
    """What comes to all replicas."""

    rows: Sequence[int]
    """Of each request."""
    most: int
    """Rows that travel together."""


class MixedReplica(Replica):
    """Batches by rows, as the service does: first come, first served, until the next does not fit.

    A call of more rows than fit into a batch travels alone.

    Args:
        mix: the requests' rows.
        number: its place in the fleet.
        clock: of the simulation.
        shape: of all replicas; `batch_s` goes by rows, and is as long as the largest call.
        answer: is given every call that was received.
        machine: where it runs; None: on one of its own.
    """

    __slots__ = ("_most_rows", "_rows")

    def __init__(
        self,
        mix: Mix,
        number: int,
        clock: Clock,
        shape: Shape,
        answer: Answer,
        machine: Machine | None = None,
    ) -> None:
        super().__init__(number, clock, shape, answer, machine)
        self._rows, self._most_rows = mix.rows, mix.most

    def _admit(self, now: float, call: Call) -> None:
        if self._free:
            self._start(now, self._free.popleft(), [call], self._rows[call.index])
        elif len(self._queue) < self._max_waiting:
            self._queue.append(call)
        else:
            self._answer(now, call, End.REFUSED)

    def _take(self, now: float, worker: int) -> None:
        queue, rows = self._queue, self._rows
        batch: list[Call] = []
        taken = 0
        while queue:
            call = queue[0]
            if call.open:
                if batch and taken + rows[call.index] > self._most_rows:
                    break
                batch.append(call)
                taken += rows[call.index]
            queue.popleft()
        self._begin(now, worker, batch, taken)
