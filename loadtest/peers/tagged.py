"""The processes of a server: all that bear its tag in their environment, detached ones too."""

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

TAG: Final = "PEER_TAG"
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


def tagged(tag: str) -> list[int]:
    """Return the ids of the processes that were started with this tag, or by such."""
    mark = f"{TAG}={tag}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # it ended by itself, or is not ours to see
            continue
    return found


def kill_tagged(tag: str) -> None:
    """Kill what a server left behind: some detach processes, which still bear the tag."""
    for pid in tagged(tag):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue


def pss_bytes(pids: Iterable[int]) -> int:
    """Return the memory of processes; what several of them share is counted once, in parts."""
    return sum(_pss(text) for text in _texts(pids, "smaps_rollup"))


def cpu_s(pids: Iterable[int]) -> float:
    """Return the CPU time that processes have spent so far."""
    # After the name in parentheses, which may hold spaces: state is field 3, utime 14, stime 15.
    fields = (text[text.rindex(")") + 2 :].split() for text in _texts(pids, "stat"))
    return sum(int(each[11]) + int(each[12]) for each in fields) / _TICKS_PER_S


def _pss(rollup: str) -> int:
    lines = (line.split() for line in rollup.splitlines() if line.startswith("Pss:"))
    return sum(int(words[1]) << 10 for words in lines)


def _texts(pids: Iterable[int], name: str) -> Iterator[str]:
    for pid in pids:
        try:
            text = Path("/proc", str(pid), name).read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended
            continue
        if text:
            yield text
