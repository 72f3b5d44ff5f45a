"""What /proc tells of a service of several API processes."""

import os
from pathlib import Path

from tests.processes.replica import Replica, children, comm, parent_of

ESTABLISHED = "01"


def api_processes(replica: Replica) -> list[int]:
    """Return the pids of the API processes, by their command lines."""
    found = []
    for pid in children(replica.process.pid):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"service.many.member" in words:
            found.append(pid)
    return sorted(found)


def connections(replica: Replica) -> dict[int, int]:
    """Return how many connections of clients each API process has."""
    ours = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *rest = line.split()
        if int(local.partition(":")[2], 16) == replica.port and state == ESTABLISHED:
            ours.add(f"socket:[{rest[5]}]")
    return {pid: len(ours & sockets(pid)) for pid in api_processes(replica)}


def sockets(pid: int) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(os.readlink(entry))
        except OSError:
            continue  # closed meanwhile
    return found


def workers_of(replica: Replica) -> list[int]:
    """Return every process that a loader has forked to predict, spares included."""
    found = children(replica.process.pid)
    return [pid for pid in found if comm(pid).startswith("percore-w")]


def zombies(replica: Replica) -> list[int]:
    """Return the ended children of the supervisor that nobody has reaped."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and parent_of(int(entry.name)) is None:
            try:
                state, parent = (entry / "stat").read_text().rpartition(") ")[2].split()[:2]
            except OSError:
                continue
            if state == "Z" and int(parent) == replica.process.pid:
                found.append(int(entry.name))
    return found
