"""How busy each worker of real replicas was over time, by its CPU: no answer names its worker.

Replicas are asked over HTTP which processes predict; what those spent is read from the kernel. So
a worker that is starved, slow or dead is seen, also inside a replica that answers.
"""

import csv
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from loadtest.fleet import Replica
from loadtest.warming import cpu_s, worker_pids

FILE = "workers.csv"
STEP_S = 0.5
_ANSWER_S = 0.4
"""A replica that stands still must not hold up the clock: its workers are known from before."""
_END_S = 5.0


class Spell(NamedTuple):
    """What a worker did from one look to the next; seconds since the load began."""

    replica: str
    worker: int
    """Its place in the replica: a new worker takes the place of a dead one."""
    from_s: float
    to_s: float
    busy: float
    """Share of the time that it computed."""


class Places:
    """Gives each process of a replica a place, and a new one the first that is free."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}

    def of(self, pids: Iterable[int]) -> dict[int, int]:
        """Return the places of the processes that are there now."""
        present = list(pids)
        kept = {pid: place for pid, place in self._places.items() if pid in present}
        for pid in present:
            if pid not in kept:
                taken = set(kept.values())
                kept[pid] = next(place for place in range(len(taken) + 1) if place not in taken)
        self._places = kept
        return kept


class WorkerWatch:
    """Looks at the workers of replicas twice a second, in a thread a replica.

    Args:
        replicas: real ones.
    """

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self._replicas = replicas
        self._over = threading.Event()
        self._start_s = 0.0
        self._spells: list[Spell] = []
        self._threads = [
            threading.Thread(target=self._watch, args=(each,), name=each.name, daemon=True)
            for each in replicas
        ]

    def start(self, start_s: float) -> None:
        """Begin to look; times count from here, by time.monotonic()."""
        self._start_s = start_s
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[Spell]:
        """Look no more, and return what was seen, in the order of time."""
        self._over.set()
        deadline_s = time.monotonic() + _END_S
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline_s - time.monotonic()))
        return sorted(self._spells, key=lambda each: (each.from_s, each.replica, each.worker))

    def _watch(self, replica: Replica) -> None:
        places, before = Places(), dict[int, tuple[float, float]]()
        pids: list[int] = []
        while not self._over.wait(STEP_S):
            pids = worker_pids(replica.address, _ANSWER_S) or pids
            now_s = time.monotonic() - self._start_s
            for pid, place in places.of(pids).items():
                spent_s = cpu_s(pid)
                if spent_s == float("inf"):
                    continue  # it died since it was listed
                if pid in before:
                    from_s, had_s = before[pid]
                    busy = (spent_s - had_s) / max(now_s - from_s, 1e-9)
                    self._spells.append(Spell(replica.name, place, from_s, now_s, busy))
                before[pid] = (now_s, spent_s)


def write_spells(path: Path, spells: Iterable[Spell]) -> None:
    """Write one line a spell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Spell._fields)
        writer.writerows(spells)


def read_spells(path: Path) -> list[Spell]:
    """Read what `write_spells` wrote; nothing if there is no such file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Spell(
                row["replica"],
                int(row["worker"]),
                float(row["from_s"]),
                float(row["to_s"]),
                float(row["busy"]),
            )
            for row in csv.DictReader(file)
        ]
