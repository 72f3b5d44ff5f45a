"""The policies, made for speed.

`loadtest.balancer.policies` has the same policies for the real balancer, over names; a test holds
both to the same choices. Here replicas are numbers, and no choice costs more than O(choices),
however many replicas there are.
"""

from random import Random

from loadtest.simulator.view import NOBODY, View


class RandomChoice(View):
    """Any ready replica."""

    __slots__ = ()

    def choose(self, now: float) -> int:
        """Return a ready replica, or NOBODY."""
        del now
        ready = self.ready
        return ready[int(self._random() * len(ready))] if ready else NOBODY


class RoundRobin(View):
    """Each ready replica in turn, in the order of their numbers.

    Many balancers start at different places; all at the first would march in step.
    """

    __slots__ = ("_next",)

    def __init__(self, count: int, random: Random, first: int = 0) -> None:
        super().__init__(count, random)
        self._next = first

    def choose(self, now: float) -> int:
        """Return a ready replica, or NOBODY."""
        del now
        if not self.ready:
            return NOBODY
        chosen = self._next
        while self._blocked[chosen]:
            chosen = (chosen + 1) % self.count
        self._next = (chosen + 1) % self.count
        return chosen


class LeastOutstanding(View):
    """The ready replica with the fewest calls outstanding; ties are broken at random.

    Ready replicas stand in lists by how many calls they have: a call moves one replica by one
    list, so that nothing is ever searched.
    """

    __slots__ = ("_least", "_levels", "_spot")

    def __init__(self, count: int, random: Random) -> None:
        super().__init__(count, random)
        self._levels: list[list[int]] = [list(range(count)), []]
        self._spot = list(range(count))
        self._least = 0

    def choose(self, now: float) -> int:
        """Return a ready replica, or NOBODY."""
        del now
        if not self.ready:
            return NOBODY
        least = self._levels[self._least]
        return least[int(self._random() * len(least))]

    def least(self) -> int:
        """Return how many calls the least loaded ready replica has."""
        return self._least

    def add(self, replica: int) -> None:
        """Count a call as outstanding there."""
        held = self.outstanding[replica]
        self.outstanding[replica] = held + 1
        if self._blocked[replica]:
            return
        # In this and in `remove` a replica moves by one level, without a call: both run for every
        # request.
        levels, spot = self._levels, self._spot
        level = levels[held]
        last = level.pop()
        if last != replica:
            place = spot[replica]
            level[place] = last
            spot[last] = place
        if held + 1 == len(levels):
            levels.append([])
        target = levels[held + 1]
        spot[replica] = len(target)
        target.append(replica)
        if held == self._least and not level:
            self._least = held + 1

    def remove(self, replica: int, now: float, took_s: float) -> None:
        """Take note that a call has ended."""
        del now, took_s
        held = self.outstanding[replica]
        self.outstanding[replica] = held - 1
        if self._blocked[replica]:
            return
        levels, spot = self._levels, self._spot
        level = levels[held]
        last = level.pop()
        if last != replica:
            place = spot[replica]
            level[place] = last
            spot[last] = place
        target = levels[held - 1]
        spot[replica] = len(target)
        target.append(replica)
        if held <= self._least:
            self._least = held - 1

    def _left(self, replica: int) -> None:
        level = self._levels[self.outstanding[replica]]
        last = level.pop()
        if last != replica:
            place = self._spot[replica]
            level[place] = last
            self._spot[last] = place
        if self.ready:
            while not self._levels[self._least]:
                self._least += 1

    def _came(self, replica: int) -> None:
        held = self.outstanding[replica]
        while held >= len(self._levels):
            self._levels.append([])
        self._spot[replica] = len(self._levels[held])
        self._levels[held].append(replica)
        if held < self._least or len(self.ready) == 1:
            self._least = held
