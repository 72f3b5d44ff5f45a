"""Each fault on real processes: what it does, and that it can be taken back."""

import http.client
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loadtest.errors import LoadTestError
from loadtest.faults.acts import begin
from loadtest.faults.cpu_quota import CpuQuota
from loadtest.faults.tree import descendants, worker
from loadtest.http1 import Address
from loadtest.scenario.faults import (
    BlackHole,
    CpuHog,
    DiskFull,
    Fault,
    KillReplica,
    KillWorker,
    MemoryPressure,
    Network,
    RollingRestart,
    SlowReplica,
    StopReplica,
)
from tests.loadtest.faults.sites import ask, replica_running, state_of, wait_until

pytestmark = pytest.mark.integration


def is_well(address: Address) -> bool:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=5.0)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def test_a_killed_replica_is_gone_with_all_its_processes_and_comes_back(tmp_path: Path) -> None:
    fault = KillReplica(at_s=0, restart_after_s=0)
    with replica_running(tmp_path, fault) as (site, address):
        first = site.child("replica-0")
        tree = [first.process.pid, *descendants(first.process.pid)]
        take_back = begin(fault, site)
        assert first.wait(10) == -signal.SIGKILL
        wait_until(lambda: not any(is_running(pid) for pid in tree))
        with pytest.raises(OSError, match=r".*"):
            ask(address)
        take_back()
        assert ask(address) == 200
        assert site.child("replica-0") is not first
        assert site.ended_on_purpose == {"replica-0"}
        assert site.child("replica-0").log != first.log


def is_running(pid: int) -> bool:
    try:
        return state_of(pid) != "Z"
    except OSError:
        return False


def test_a_killed_worker_is_one_worker(tmp_path: Path) -> None:
    with replica_running(tmp_path) as (site, address):
        pid = site.pid("replica-0")
        one, other = worker(pid, 0), worker(pid, 1)
        begin(KillWorker(at_s=0, worker=1), site)
        wait_until(lambda: not is_running(other))
        assert is_running(one)
        assert ask(address) == 200
        with pytest.raises(LoadTestError, match="there is no worker number 7"):
            begin(KillWorker(at_s=0, worker=7), site)


def test_a_stopped_replica_keeps_its_connections_and_says_nothing(tmp_path: Path) -> None:
    with replica_running(tmp_path) as (site, address):
        tree = [site.pid("replica-0"), *descendants(site.pid("replica-0"))]
        take_back = begin(StopReplica(at_s=0, for_s=1), site)
        wait_until(lambda: all(state_of(pid) == "T" for pid in tree))
        with pytest.raises(TimeoutError):
            ask(address, 0.2)
        take_back()
        assert ask(address) == 200
        assert not any(state_of(pid) == "T" for pid in tree)


def test_a_slow_worker_gets_a_share_of_a_core(tmp_path: Path) -> None:
    spin = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        if not may_make_groups():
            with pytest.raises(LoadTestError, match="needs a control group"):
                CpuQuota(spin.pid, 0.1)
            return
        quota = CpuQuota(spin.pid, 0.1)
        slow = ticks_in(spin.pid, 1.0)
        quota.take_back()
        quick = ticks_in(spin.pid, 1.0)
        assert slow <= 20  # of a hundred a second
        assert quick > slow
        assert not list(Path("/sys/fs/cgroup").glob(f"**/percore-loadtest-{spin.pid}"))
    finally:
        spin.kill()
        spin.wait()


def may_make_groups() -> bool:
    roots = [Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")]
    root = next(each for each in roots if each.exists())
    probe = root / f"percore-test-{os.getpid()}"
    try:
        probe.mkdir()
        made = (probe / "cpu.cfs_quota_us").exists() or (probe / "cpu.max").exists()
        probe.rmdir()
    except OSError:
        return False
    return made


def ticks_in(pid: int, seconds: float) -> int:
    before = cpu_ticks(pid)
    time.sleep(seconds)
    return cpu_ticks(pid) - before


def test_on_a_full_disk_nothing_can_be_written_until_there_is_room(tmp_path: Path) -> None:
    with replica_running(tmp_path) as (site, address):
        assert ask(address) == 200
        size_bytes = (tmp_path / "log").stat().st_size
        take_back = begin(DiskFull(at_s=0, for_s=1), site)
        assert ask(address) == 507
        assert (tmp_path / "log").stat().st_size == size_bytes
        take_back()
        assert ask(address) == 200
        assert (tmp_path / "log").stat().st_size > size_bytes


def test_a_black_hole_fails_predictions_and_says_that_it_is_well(tmp_path: Path) -> None:
    fault = BlackHole(at_s=0, for_s=1, status=500)
    with replica_running(tmp_path, fault) as (site, address):
        assert ask(address) == 200
        logged = (tmp_path / "log").read_text(encoding="utf-8")
        take_back = begin(fault, site)
        assert (ask(address), is_well(address)) == (500, True)
        assert (tmp_path / "log").read_text(encoding="utf-8") == logged
        take_back()
        assert ask(address) == 200


@pytest.mark.parametrize(
    "fault", [SlowReplica(at_s=0, for_s=1, delay_s=0.3), Network(at_s=0, for_s=1, delay_s=0.15)]
)
def test_a_delay_is_at_least_what_was_asked(tmp_path: Path, fault: Fault) -> None:
    with replica_running(tmp_path, fault) as (site, address):
        take_back = begin(fault, site)
        began_s = time.monotonic()
        assert ask(address) == 200
        assert time.monotonic() - began_s >= 0.3
        with pytest.raises(TimeoutError):
            ask(address, 0.1)
        take_back()
        assert ask(address) == 200


def test_through_a_blocked_network_nothing_comes_until_it_is_open(tmp_path: Path) -> None:
    fault = Network(at_s=0, for_s=1, blocked=True)
    with replica_running(tmp_path, fault) as (site, address):
        take_back = begin(fault, site)
        with pytest.raises(TimeoutError):
            ask(address, 0.2)
        take_back()
        assert ask(address) == 200


def test_hogs_run_until_they_are_taken_back(tmp_path: Path) -> None:
    size_bytes = 64 << 20
    with replica_running(tmp_path) as (site, _):
        before = children_of_mine()
        take_back = begin(MemoryPressure(at_s=0, for_s=1, bytes=size_bytes), site)
        (hog,) = children_of_mine() - before
        wait_until(lambda: resident_bytes(hog) >= size_bytes)
        take_back()
        wait_until(lambda: not is_running(hog))
        take_back = begin(CpuHog(at_s=0, for_s=1, processes=2), site)
        hogs = children_of_mine() - before - {hog}
        assert len(hogs) == 2
        wait_until(lambda: all(cpu_ticks(each) > 5 for each in hogs))
        take_back()
        wait_until(lambda: not any(is_running(each) for each in hogs))
        with pytest.raises(LoadTestError, match="more than half of the memory"):
            begin(MemoryPressure(at_s=0, for_s=1, bytes=1 << 60), site)


def children_of_mine() -> set[int]:
    return {pid for pid in descendants(os.getpid()) if is_running(pid) and is_hog(pid)}


def is_hog(pid: int) -> bool:
    try:
        return b"loadtest.faults.hog" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * 4096


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])


def test_a_rolling_restart_leaves_a_new_process_at_the_same_address(tmp_path: Path) -> None:
    with replica_running(tmp_path) as (site, address):
        old = site.pid("replica-0")
        begin(RollingRestart(at_s=0), site)
        assert ask(address) == 200
        assert site.pid("replica-0") != old


def test_a_shim_ends_with_whoever_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "loadtest.faults.shim", "127.0.0.1", "9", "0"]
    shim = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert shim.stdout is not None
    assert shim.stdin is not None
    assert shim.stdout.readline().startswith(b"READY ")
    shim.stdin.close()
    assert shim.wait(20) == 0
    shim.stdout.close()
