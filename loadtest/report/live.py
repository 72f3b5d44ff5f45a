"""The live view: what the generators have published so far, for whoever waits for a run.

A terminal gets a panel that is drawn again; a log gets a line every few seconds. The view only
reads files that the generators write, so it can be neither in their way nor in the figures.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from loadtest.progress import Snapshot, read_snapshot, watched_quantile
from loadtest.report.words import ms, rate

EVENTS: Final = "balancer.jsonl"
"""What our balancer saw happen to replicas, a JSON object a line."""

_EVERY_S: Final = 0.5
_LOG_EVERY_S: Final = 5.0
_TAIL_BYTES: Final = 64 << 10
_EVENTS_SHOWN: Final = 5
_WATCHED: Final = {"p50": 0.5, "p99": 0.99}


class LiveView:
    """Shows what is being done and how it goes. Call it with a few words when something begins.

    Args:
        console: where to; a terminal is drawn on, anything else gets lines.
        folder: of the run, or of runs one after the other: the one that moves is shown.
        faults: when each is due, from the start of the load, and its words.
    """

    def __init__(
        self, console: Console, folder: Path, faults: Sequence[tuple[float, str]] = ()
    ) -> None:
        self._faults = sorted(faults)
        self._console = console
        self._folder = folder
        self._words = "preparing"
        self._since_s = time.time()
        self._over = threading.Event()
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._thread = threading.Thread(target=self._watch, name="live view", daemon=True)

    def __call__(self, words: str) -> None:
        self._words, self._since_s = words, time.time()
        if not self._console.is_terminal:
            self._console.print(words, markup=False, highlight=False)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(10.0)
        if self._console.is_terminal:
            self._live.stop()

    def _watch(self) -> None:
        spinner = Spinner("dots")
        said_s = time.monotonic()
        while not self._over.wait(_EVERY_S):
            now = latest(self._folder, self._since_s)
            if self._console.is_terminal:
                spinner.update(text=Text(self._words))
                below = panel(now, self._happened(now[1].at_s)) if now else ""
                self._live.update(Group(spinner, below), refresh=True)
            elif now and time.monotonic() - said_s >= _LOG_EVERY_S:
                said_s = time.monotonic()
                happened = "".join(f"; {text}" for text in self._happened(now[1].at_s)[-2:])
                text = line(now) + happened
                self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _happened(self, at_s: float) -> list[str]:
        due = [f"fault {words}, {at_s - begins_s:.0f} s ago" for begins_s, words in self._faults
               if begins_s <= at_s]  # fmt: skip
        return due[-_EVENTS_SHOWN:] + events(self._folder)


def latest(folder: Path, since_s: float) -> tuple[Snapshot, Snapshot] | None:
    """Return the last two snapshots of the run that is under way, all its generators together.

    Args:
        folder: is looked through with its folders.
        since_s: what was published before, by the files' clock, belongs to a load that is over.

    Returns:
        None if nothing was published since.
    """
    fresh = [path for path in folder.rglob("progress*.jsonl") if _written_s(path) > since_s]
    if not fresh:
        return None
    newest = max(fresh, key=_written_s).parent
    last = [pair for path in fresh if path.parent == newest if (pair := _last_two(path))]
    if not last:
        return None
    return together([before for before, _ in last]), together([after for _, after in last])


def together(snapshots: Sequence[Snapshot]) -> Snapshot:
    """Return the sum of what several generators saw; counts and bins add, percentiles never do."""
    ends: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    bins: Counter[int] = Counter()
    for each in snapshots:
        ends.update(each.ends)
        causes.update(each.causes)
        bins.update(each.bins)
    return Snapshot(
        at_s=max(each.at_s for each in snapshots),
        sent=sum(each.sent for each in snapshots),
        ends=dict(ends),
        causes=dict(causes),
        bins=dict(bins),
        lag_max_s=max(each.lag_max_s for each in snapshots),
    )


def events(folder: Path) -> list[str]:
    """Return what the balancer last saw happen to replicas, oldest first."""
    paths = sorted(folder.rglob(EVENTS), key=_written_s)
    shown = []
    for text in _tail(paths[-1])[-_EVENTS_SHOWN:] if paths else []:
        try:
            each = json.loads(text)
            shown.append(f"{each['event']} {each['replica']}")
        except (ValueError, KeyError, TypeError):  # not whole yet
            continue
    return shown


def panel(now: tuple[Snapshot, Snapshot], happened: Sequence[str]) -> Table:
    """Return the figures as a small table."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    for name, text in figures(now).items():
        table.add_row(name, text)
    for text in happened:
        table.add_row("event", text, style="yellow")
    return table


def line(now: tuple[Snapshot, Snapshot]) -> str:
    """Return the figures on one line, for a log."""
    return "; ".join(f"{name} {text}" for name, text in figures(now).items())


def figures(now: tuple[Snapshot, Snapshot]) -> dict[str, str]:
    """Return name → figure; rates are those of the last interval."""
    before, after = now
    span_s = max(after.at_s - before.at_s, 1e-9)
    ended = (after.ended - before.ended) / span_s
    right = (after.ends.get("right", 0) - before.ends.get("right", 0)) / span_s
    shares = {name: watched_quantile(after.bins, share) for name, share in _WATCHED.items()}
    errors = [f"{cause} {count:,}" for cause, count in Counter(after.causes).most_common(4)]
    return {
        "time": f"{after.at_s:.0f} s",
        "sent": f"{rate((after.sent - before.sent) / span_s)} a second, {after.sent:,} in all",
        "ended": f"{rate(ended)} a second, right {rate(right)}",
        "latency so far": ", ".join(
            f"{name} about {ms(value)}" for name, value in shares.items() if value is not None
        )
        or "no answer yet",
        "outstanding": f"{after.sent - after.ended:,}",
        "not right": ", ".join(errors) or "none",
        "generator lag": f"at most {ms(after.lag_max_s)}",
    }


def _last_two(path: Path) -> tuple[Snapshot, Snapshot] | None:
    snapshots = []
    for text in _tail(path)[-3:]:
        try:
            snapshots.append(read_snapshot(text))
        except ValueError:  # not whole yet
            continue
    if not snapshots:
        return None
    before = snapshots[-2] if len(snapshots) > 1 else Snapshot(at_s=0.0, sent=0)
    return before, snapshots[-1]


def _tail(path: Path) -> list[str]:
    """Return the last lines of a file that grows; the first may be cut."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def _written_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it was there a moment ago
        return 0.0
