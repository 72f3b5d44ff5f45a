"""Runs the generator's processes: all ready, one start, one result."""

import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from loadtest.child import Child
from loadtest.errors import ChildError
from loadtest.generator import Job, read_result
from loadtest.pinning import pinned
from loadtest.plan import limit_s
from loadtest.record import LoadResult, merged, write_records

_READY_S = 120.0
_HEAD_START_S = 0.1
"""Between GO and the start: every process must have read it by then."""
_WRITING_S = 60.0
"""What a process may need after its load, to write its records."""


def generate(
    job: Job,
    cores: Sequence[int] = (),
    started: Callable[[float], None] | None = None,
    interrupted: Callable[[], None] | None = None,
) -> LoadResult:
    """Run the generator's processes and return what they saw; requests.csv has all of it.

    Args:
        job: what to do, and the folder where everything goes.
        cores: to pin the processes to; none: they are not pinned.
        started: is given the start of the load, by time.monotonic(), just before it.
        interrupted: is called when Ctrl-C ends the load before its plan, and what there is by then
            is the result; a second one ends all. None: the first one does.

    Raises:
        ChildError: one failed, or took much longer than its plan.
    """
    path = job.folder / "job.json"
    path.write_text(job.model_dump_json(), encoding="utf-8")
    indices = range(job.load.processes)
    with ExitStack() as stack:
        with pinned(cores):
            children = [stack.enter_context(_child(job, str(path), index)) for index in indices]
        _start(children, started)
        ending_s = 2 * job.load.timeout_s + _WRITING_S
        try:
            _wait(children, limit_s(job.load) + ending_s)
        except KeyboardInterrupt:
            if interrupted is None:
                raise
            interrupted()
            for child in children:
                child.process.send_signal(signal.SIGINT)
            _wait(children, ending_s)
    results = [read_result(job, index) for index in indices]
    if len(results) == 1:
        return results[0]
    whole = merged(results)
    for index in indices:
        records_path, _, _ = job.paths(index)
        records_path.unlink()
    write_records(job.paths(0)[0], whole.records)
    return whole


def _wait(children: Sequence[Child], patience_s: float) -> None:
    deadline_s = time.monotonic() + patience_s
    for child in children:
        code = child.wait(max(0.0, deadline_s - time.monotonic()))
        if code is None:
            raise child.failure(f"did not end within {patience_s:g} s")
        if code != 0:
            raise child.failure(f"failed with code {code}")


def _child(job: Job, path: str, index: int) -> Child:
    name = f"generator-{index}" if index else "generator"
    command = [sys.executable, "-m", "loadtest.generator", path, str(index)]
    return Child(name, command, job.folder, piped=True)


def _start(children: Sequence[Child], started: Callable[[float], None] | None) -> None:
    deadline_s = time.monotonic() + _READY_S
    for child in children:
        if child.read_line(deadline_s - time.monotonic()) != "READY":
            raise child.failure("did not say READY")
    began_s = time.monotonic() + _HEAD_START_S
    for child in children:
        try:
            child.write_line(f"GO {began_s!r}")
        except OSError as error:
            raise ChildError(f"{child.name} ended before the load began.") from error
    if started is not None:
        started(began_s)
