"""Jobs over rows, one after the other or side by side on processes.

    here ── rows, once, as a file ──▶ process 1 … N   each maps the numbers and copies the texts
         ── one job at a time ──────▶                 a job's answer comes back as it ends

A process that dies (the kernel kills the largest when memory runs out) takes its job with it and
none of its neighbours': whatever was under way is tried again, alone, and only what kills its
process once more has failed.
"""

import multiprocessing
import os
import shutil
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Generic, TypeVar

import joblib

from models.errors import BadSpecification
from models.fit.table import Table

Job = TypeVar("Job")
Answer = TypeVar("Answer")

PREFIX: Final = "rows-"
"""Of the folder with the rows, beside the journal."""
KILLED: Final = (
    "its process was killed, twice, probably for want of memory; ask for fewer jobs or a smaller"
    " model"
)


@dataclass(frozen=True)
class Failure:
    """Why a job has no answer, in a sentence."""

    reason: str


@dataclass(frozen=True)
class Pool(Generic[Job, Answer]):
    """Does jobs.

    Args:
        work: what is done with the rows for a job; picklable if there are several processes.
        processes: how many; with one, jobs are done in this process.
        folder: where the rows are kept for the processes, as long as they work.
    """

    work: Callable[[Table, Job], Answer]
    processes: int
    folder: Path

    def answers(self, table: Table, jobs: Iterator[Job]) -> Iterator[tuple[Job, Answer | Failure]]:
        """Do jobs, taking each only when a process is free; yield them as they end.

        Raises:
            BadSpecification: a job found that the specification is wrong: all others would.
        """
        sweep(self.folder)
        if self.processes == 1:
            for job in jobs:
                yield job, self._here(table, job)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=PREFIX, dir=self.folder) as folder:
            path = Path(folder) / "rows.joblib"
            joblib.dump(table, path, compress=0)
            yield from self._there(path, jobs)

    def _here(self, table: Table, job: Job) -> Answer | Failure:
        try:
            return self.work(table, job)
        except BadSpecification:
            raise
        except Exception as error:
            return Failure(f"{type(error).__name__}: {error}")

    def _there(self, path: Path, jobs: Iterator[Job]) -> Iterator[tuple[Job, Answer | Failure]]:
        while True:
            suspects = yield from self._until_a_death(path, jobs, self.processes)
            if not suspects:
                return
            alone = iter(suspects)
            while dead := (yield from self._until_a_death(path, alone, 1)):
                yield dead[0], Failure(KILLED)

    def _until_a_death(
        self, path: Path, jobs: Iterator[Job], processes: int
    ) -> Generator[tuple[Job, Answer | Failure], None, list[Job]]:
        """Do jobs until there are no more, or a process has died; return those it took along."""
        context = multiprocessing.get_context("spawn")
        far_end, leash = context.Pipe(duplex=False)
        executor = ProcessPoolExecutor(processes, context, _begin, (far_end,))
        flying: dict[Future[Answer], Job] = {}
        try:
            for job in jobs:
                try:
                    future = executor.submit(_do, self.work, path, job)
                except BrokenProcessPool:
                    return [*flying.values(), job]
                flying[future] = job
                if len(flying) == processes:
                    yield from _landed(flying)
            while flying:
                yield from _landed(flying)
        except BrokenProcessPool:
            return list(flying.values())
        finally:
            if flying:
                # Nobody asks for what is under way any more.
                leash.close()
            executor.shutdown(wait=True, cancel_futures=True)
            leash.close()
            far_end.close()
        return []


def sweep(folder: Path) -> None:
    """Remove the rows that a killed run has left behind; nobody else is at work in the folder."""
    for left in folder.glob(f"{PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def processes_for(jobs: int, tasks: int) -> int:
    """Return how many processes to use.

    Args:
        jobs: what was asked for; 0 is one a core.
        tasks: how many there is something to do for.
    """
    return max(1, min(jobs or len(os.sched_getaffinity(0)), tasks))


def _landed(flying: dict[Future[Answer], Job]) -> Iterator[tuple[Job, Answer | Failure]]:
    # A fit takes as long as it takes; a process that dies ends the wait as well.
    done, _ = wait(flying, return_when=FIRST_COMPLETED)
    for future in done:
        try:
            answer: Answer | Failure = future.result()
        except (BrokenProcessPool, BadSpecification):
            raise
        except Exception as error:
            answer = Failure(f"{type(error).__name__}: {error}")
        yield flying.pop(future), answer


def _begin(far_end: Connection) -> None:
    """Runs first in each process: it is not to outlive the one that waits for it."""

    def watch() -> None:
        # Nothing is ever said. The other end closes when the jobs, or the process, are at an end;
        # a lock shared with the process would be held for ever by one that was killed.
        far_end.poll(None)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _do(work: Callable[[Table, Job], Answer], path: Path, job: Job) -> Answer:
    return work(_loaded(path), job)


@cache
def _loaded(path: Path) -> Table:
    table: Table = joblib.load(path, mmap_mode="r")
    return table
