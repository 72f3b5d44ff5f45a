"""Serving needs no disk: no store, no temporary folder and no log that can be written."""

import resource
import time
from pathlib import Path

import pytest

from tests.chaos.bench import bench, count_ends, expect_all_right, steady_stream
from tests.chaos.faults import kill_worker
from tests.chaos.forms import Form
from tests.chaos.shelf import copy_of
from tests.chaos.table import Verdict

pytestmark = [pytest.mark.integration, pytest.mark.chaos]


def test_nothing_can_be_written(shelf: Path, tmp_path: Path, form: Form, verdict: Verdict) -> None:
    """The disk is full: every write of the API process to a file fails, its log's too."""
    store = copy_of(shelf, tmp_path)
    before = contents(store)
    with bench(store, tmp_path, env={"TMPDIR": "/proc/nothing"}) as started:
        unlimited = resource.prlimit(started.api, resource.RLIMIT_FSIZE)
        with started.traffic(steady_stream(started, 100.0, form.pick(2.0, 20.0))) as traffic:
            time.sleep(0.5)
            resource.prlimit(started.api, resource.RLIMIT_FSIZE, (0, unlimited[1]))
            logged_bytes = started.replica.log.stat().st_size
            pid, busy = kill_worker(started.workers(), started.chance, 0.2)
            died_s = time.monotonic()
            verdict.injected += 1
            verdict.busy += busy
            verdict.full_s.append(started.full_after(pid, died_s))
            traffic.finish()
            good = traffic.outcomes("good")
        assert started.replica.log.stat().st_size == logged_bytes, "the fault did not work"
        resource.prlimit(started.api, resource.RLIMIT_FSIZE, unlimited)
        count_ends(verdict, good.result)
        code = started.replica.stop()
        verdict.expect(code == 0, f"it ended with code {code}")
    expect_all_right(verdict)
    verdict.expect(contents(store) == before, "serving changed the store")


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Return time and size of everything in a folder."""
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}
