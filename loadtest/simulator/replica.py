"""A replica: workers that take what waits as soon as they are free, and the faults it may have.

Batch-while-busy: a call that finds a free worker starts at once, alone; while all are busy calls
gather, and the next free worker takes as many as fit. No timer.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from heapq import heappush

from loadtest.simulator.call import Call, End
from loadtest.simulator.clock import Clock
from loadtest.simulator.network import Network

Answer = Callable[[float, Call, End], None]
Run = tuple[int, list[Call]]
"""A worker and its batch."""


_RIGHT = End.RIGHT


class Trouble(Enum):
    """What ails a replica."""

    NONE = 0
    DEAD = 1
    """Connections are refused."""
    STOPPED = 2
    """SIGSTOP: the kernel still accepts, but nothing moves."""
    FAILING = 3
    """Every call is answered with an error, fast: a black hole for load-aware balancers."""


@dataclass(frozen=True)
class Shape:
    """What all replicas of a fleet share.

    Args:
        workers: each has at most one batch at a time.
        batch_s: [k]: seconds of a batch of k calls; its length says how many fit, [0] is not used.
        slowdown: [n]: factor on a batch's time while n workers of the machine are busy, this one
            included; beyond the end, the last holds. [0] is not used.
        max_waiting: calls that may wait; the next is refused.
    """

    workers: int
    batch_s: Sequence[float]
    slowdown: Sequence[float] = (1.0, 1.0)
    max_waiting: int = 1 << 60


class Machine:
    """Where replicas run; those on the same one slow each other down."""

    __slots__ = ("busy",)

    def __init__(self) -> None:
        self.busy = 0
        """Workers that compute now."""


class Replica:
    """One replica.

    Args:
        number: its place in the fleet.
        clock: of the simulation.
        shape: of all replicas.
        answer: is given every call that was received, once, with its end; unless the call was
            given up before.
        machine: where it runs; None: on one of its own.
    """

    __slots__ = (
        "_answer", "_away", "_batch_s", "_clock", "_fail_s", "_finish", "_free", "_frozen", "_heap",
        "_ill", "_machine", "_max_waiting", "_most", "_network", "_order", "_queue", "_slowdown",
        "_speeds", "_told", "_trouble",
        "batches", "busy_s", "failed", "idle", "number", "served", "workers",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        clock: Clock,
        shape: Shape,
        answer: Answer,
        machine: Machine | None = None,
    ) -> None:
        # for life
        self.number = number
        self._clock, self._heap, self._order = clock, clock.heap, clock.order
        self._answer = self._told = answer
        self.workers = shape.workers
        self._batch_s = list(shape.batch_s)
        self._most = len(shape.batch_s) - 1
        self._slowdown = shape.slowdown
        self._machine = machine or Machine()
        self._max_waiting = shape.max_waiting
        self._finish = self._finished
        self.idle: Callable[[float, int], None] | None = None
        """Is told when the replica has nothing to do any more."""
        # as it goes
        self._queue: deque[Call] = deque()
        self._free = deque(range(shape.workers))
        self._away: set[int] = set()
        self._speeds = [1.0] * shape.workers
        self._trouble = Trouble.NONE
        self._ill = False
        self._frozen: list[tuple[float, Run]] = []
        self._network: Network | None = None
        self._fail_s = 0.0
        self.batches = 0
        self.served = 0
        self.busy_s = 0.0
        self.failed = 0

    @property
    def waiting(self) -> int:
        """Calls that wait for a worker."""
        return len(self._queue)

    def receive(self, now: float, call: Call) -> None:
        """Take a call in: start, queue, refuse or fail it."""
        if self._ill:
            self._receive_in_trouble(now, call)
        else:
            self._admit(now, call)

    def _admit(self, now: float, call: Call) -> None:
        if self._free:
            self._start(now, self._free.popleft(), [call], 1)
        elif len(self._queue) < self._max_waiting:
            self._queue.append(call)
        else:
            self._answer(now, call, End.REFUSED)

    def kill(self, now: float) -> None:
        """Die: every call in the replica fails."""
        runs = [run for _, run in self._frozen + self._clock.withdraw(self._finish)]
        lost = [*(call for _, batch in runs for call in batch), *self._queue]
        self._reset()
        self._ail(Trouble.DEAD)
        for call in lost:
            self._answer(now, call, End.FAILED)

    def stop(self, now: float) -> None:
        """Freeze as by SIGSTOP."""
        if self._trouble is Trouble.NONE:
            runs = self._clock.withdraw(self._finish)
            self._frozen = [(when_s - now, run) for when_s, run in runs]
            self._ail(Trouble.STOPPED)

    def fail_fast(self, within_s: float) -> None:
        """Answer every call from now on with an error, after so long."""
        self._ail(Trouble.FAILING)
        self._fail_s = within_s

    def slow_down(self, factor: float, worker: int | None = None) -> None:
        """Let batches that start from now on take longer, in one worker or all."""
        chosen = range(self.workers) if worker is None else [worker]
        for each in chosen:
            self._speeds[each] = factor

    def kill_worker(self, now: float, worker: int) -> None:
        """Lose one worker until `recover`; what it computed is computed again, first of all."""
        if self._trouble is Trouble.NONE:
            for when_s, run in self._clock.withdraw(self._finish):
                if run[0] == worker:
                    self._machine.busy -= 1
                    self._queue.extendleft(reversed(run[1]))
                else:
                    self._clock.at(when_s, self._finish, run)
            if worker in self._free:
                self._free.remove(worker)
            self._away.add(worker)
            while self._queue and self._free:
                self._take(now, self._free.popleft())

    def send_through(self, network: Network) -> None:
        """Get calls and send answers through a bad network until `recover`."""
        self._network = network
        self._answer = self._answer_late
        self._ill = True

    def recover(self, now: float) -> None:
        """Be well again; what was frozen goes on where it was."""
        for left_s, run in self._frozen:
            self._clock.at(now + left_s, self._finish, run)
        self._frozen = []
        self._network = None
        self._answer = self._told
        self._ail(Trouble.NONE)
        self.slow_down(1.0)
        self._free.extend(self._away)
        self._away.clear()
        while self._queue and self._free:
            self._take(now, self._free.popleft())

    def _ail(self, trouble: Trouble) -> None:
        self._trouble = trouble
        self._ill = trouble is not Trouble.NONE or self._network is not None

    def _receive_in_trouble(self, now: float, call: Call) -> None:
        if self._network is None:
            self._take_in(now, call)
        else:
            self._clock.at(now + self._network.way_s(), self._take_in, call)

    def _take_in(self, now: float, call: Call) -> None:
        """Take in what has come all the way, whatever ails the replica by now."""
        if self._trouble is Trouble.DEAD:
            self._answer(now, call, End.FAILED)
        elif self._trouble is Trouble.STOPPED:
            self._queue.append(call)
        elif self._trouble is Trouble.FAILING:
            self._clock.at(now + self._fail_s, self._fail, call)
        else:
            self._admit(now, call)

    def _answer_late(self, now: float, call: Call, end: End) -> None:
        late_s = 0.0 if self._network is None else self._network.way_s()
        self._clock.at(now + late_s, self._deliver, (call, end))

    def _deliver(self, now: float, subject: tuple[Call, End]) -> None:
        self._told(now, *subject)

    def _fail(self, now: float, call: Call) -> None:
        self.failed += 1
        self._answer(now, call, End.FAILED)

    def _start(self, now: float, worker: int, batch: list[Call], place: int) -> None:
        """Begin a batch that takes as long as `batch_s` has at a place."""
        self._machine.busy = busy = self._machine.busy + 1
        slowdown = self._slowdown[busy] if busy < len(self._slowdown) else self._slowdown[-1]
        lasts_s = self._batch_s[place] * batch[0].size * slowdown * self._speeds[worker]
        self.batches += 1
        self.served += len(batch)
        self.busy_s += lasts_s
        heappush(self._heap, (now + lasts_s, self._order(), self._finish, (worker, batch)))

    def _take(self, now: float, worker: int) -> None:
        """Give a free worker what waits, as much as fits; calls given up are not started."""
        queue, most = self._queue, self._most
        batch: list[Call] = []
        while queue and len(batch) < most:
            call = queue.popleft()
            if call.open:
                batch.append(call)
        self._begin(now, worker, batch, len(batch))

    def _begin(self, now: float, worker: int, batch: list[Call], place: int) -> None:
        if batch:
            self._start(now, worker, batch, place)
        else:
            self._free.append(worker)
            if self.idle is not None and len(self._free) == self.workers:
                self.idle(now, self.number)

    def _finished(self, now: float, run: Run) -> None:
        worker, batch = run
        self._machine.busy -= 1
        # The worker first: an answer may bring the balancer's next call at once.
        if self._queue:
            self._take(now, worker)
        else:
            self._free.append(worker)
            if self.idle is not None and len(self._free) == self.workers:
                self.idle(now, self.number)
        answer = self._answer
        for call in batch:
            answer(now, call, _RIGHT)

    def _reset(self) -> None:
        self._queue.clear()
        self._machine.busy -= self.workers - len(self._free) - len(self._away)
        self._free = deque(range(self.workers))
        self._away.clear()
        self._frozen = []
