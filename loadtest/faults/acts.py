"""How each fault is begun and taken back."""

import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from loadtest.child import Child
from loadtest.errors import LoadTestError
from loadtest.faults.commands import run_command
from loadtest.faults.cpu_quota import CpuQuota
from loadtest.faults.pipe import Weather
from loadtest.faults.site import Site
from loadtest.faults.tree import descendants, signal_tree, worker
from loadtest.pinning import pinned
from loadtest.scenario import faults as kinds
from loadtest.scenario.faults import Fault, fault_replica

TakeBack = Callable[[], None]
_DRAIN_S = 10.0


def nothing() -> None:
    """Take back what cannot be taken back."""


def begin(fault: Fault, site: Site) -> TakeBack:  # noqa: PLR0911 - one line a kind
    """Begin a fault and return what takes it back.

    Raises:
        LoadTestError: it cannot be done here; the sentence says why.
    """
    replica = fault_replica(fault)
    match fault:
        case kinds.KillReplica():
            return _kill(replica, site, fault.restart_after_s)
        case kinds.KillWorker():
            return _signal(worker(site.pid(replica), fault.worker), signal.SIGKILL)
        case kinds.StopReplica():
            signal_tree(site.pid(replica), signal.SIGSTOP)
            return lambda: _go_on(replica, site)
        case kinds.SlowReplica():
            return _weather(replica, site, Weather(delay_s=fault.delay_s))
        case kinds.BlackHole():
            return _weather(replica, site, Weather(status=fault.status))
        case kinds.Network():
            bad = Weather(
                fault.delay_s, fault.jitter_s, fault.loss, blocked=fault.blocked, both_ways=True
            )
            return _weather(replica, site, bad)
        case kinds.SlowWorker():
            pid = worker(site.pid(replica), fault.worker)
            return CpuQuota(pid, fault.core_share).take_back
        case kinds.DiskFull():
            return _disk_full(site.pid(replica))
        case kinds.CpuHog():
            return _hogs(site, ["cpu"], fault.processes, fault.cores)
        case kinds.MemoryPressure():
            _afford(fault.bytes)
            return _hogs(site, ["memory", str(fault.bytes)], 1, ())
        case kinds.RollingRestart():
            _rolling_restart(site, fault.pause_s)
            return nothing
        case kinds.SwapVersion():
            _promote(site)
            return nothing


def _kill(replica: str, site: Site, restart_after_s: float | None) -> TakeBack:
    site.end(replica)
    signal_tree(site.pid(replica), signal.SIGKILL)
    return nothing if restart_after_s is None else lambda: site.restart(replica)


def _signal(pid: int, number: signal.Signals) -> TakeBack:
    signal_tree(pid, number)
    return nothing


def _go_on(replica: str, site: Site) -> None:
    signal_tree(site.pid(replica), signal.SIGCONT)


def _weather(replica: str, site: Site, weather: Weather) -> TakeBack:
    site.weather(replica, weather)
    return lambda: site.weather(replica, Weather())


def _disk_full(pid: int) -> TakeBack:
    """Forbid a replica's processes to write to files beyond what is there: EFBIG for ENOSPC."""
    before = {}
    for each in (pid, *descendants(pid)):
        before[each] = resource.prlimit(each, resource.RLIMIT_FSIZE)
        # Only the soft limit: it can be raised again without privileges.
        resource.prlimit(each, resource.RLIMIT_FSIZE, (0, before[each][1]))

    def take_back() -> None:
        for each, limits in before.items():
            try:
                resource.prlimit(each, resource.RLIMIT_FSIZE, limits)
            except ProcessLookupError:
                continue

    return take_back


def _hogs(site: Site, what: list[str], count: int, cores: tuple[int, ...]) -> TakeBack:
    command = [sys.executable, "-m", "loadtest.faults.hog", *what]
    hogs = []
    for number in range(count):
        name = f"hog-{what[0]}-{time.monotonic_ns()}-{number}"
        child = Child(name, command, site.folder, piped=True)
        with pinned(cores):
            hogs.append(site.stack.enter_context(child))

    def take_back() -> None:
        for hog in hogs:
            hog.kill()

    return take_back


def _afford(size_bytes: int) -> None:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    free_kib = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    if size_bytes > free_kib * 1024 // 2:
        raise LoadTestError(
            f"faults.bytes: {size_bytes} is more than half of the memory that is free,"
            f" {free_kib * 1024}; the machine would end a process of its own choice."
        )


def _rolling_restart(site: Site, pause_s: float) -> None:
    for number, replica in enumerate(site.names):
        if number:
            time.sleep(pause_s)
        site.drain(replica, _DRAIN_S)
        site.end(replica)
        child = site.child(replica)
        child.terminate()
        if child.wait(site.fleet.stop_timeout_s) is None:
            raise child.failure(f"did not end within {site.fleet.stop_timeout_s:g} s")
        site.restart(replica)
        site.undrain(replica)


def _promote(site: Site) -> None:
    if site.swap is None:
        raise LoadTestError("no version was published to swap to.")
    name, version = site.swap
    command = [sys.executable, "-m", "models", "promote", name, str(version)]
    run_command([*command, "--store", str(site.fleet.store)])
