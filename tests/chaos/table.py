"""What the faults did, one row a scenario: for people as a table, for programs as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table

COLUMNS = (
    "fault", "injected", "busy", "sent", "refused", "lost", "wrong", "retried", "quarantined",
    "p99 ratio", "worst added", "to full: median / worst", "notes",
)  # fmt: skip


@dataclass
class Verdict:
    """What became of the traffic while a fault was injected."""

    fault: str
    injected: int = 0
    busy: int = 0
    """Of the injected, those that hit a worker with a batch."""
    sent: int = 0
    right: int = 0
    refused: int = 0
    lost: int = 0
    wrong: int = 0
    retried: int = 0
    quarantined: int = 0
    p99_quiet_s: list[float] = field(default_factory=list)
    """p99 of each window before and after the faults."""
    p99_s: list[float] = field(default_factory=list)
    """p99 of each window with faults."""
    worst_added_s: float | None = None
    """Slowest answer among the faults, minus the median without them."""
    full_s: list[float] = field(default_factory=list)
    """After each fault, how long until every worker was ready again."""
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """What must not be, in sentences; empty if the scenario passed."""

    @property
    def p99_ratio(self) -> float | None:
        """Median p99 with faults over median p99 without."""
        if not self.p99_quiet_s or not self.p99_s:
            return None
        return median(self.p99_s) / median(self.p99_quiet_s)

    def expect(self, holds: bool, otherwise: str) -> None:
        """Note a failure unless something holds."""
        if not holds:
            self.failures.append(otherwise)

    def cells(self) -> list[str]:
        """Return the row as people read it."""
        ratio = self.p99_ratio
        spread = f" [{_ms(min(self.p99_s))}-{_ms(max(self.p99_s))}]" if self.p99_s else ""
        added = self.worst_added_s
        full = f"{_ms(median(self.full_s))} / {_ms(max(self.full_s))}" if self.full_s else "-"
        return [
            self.fault,
            *(
                str(count)
                for count in (
                    self.injected, self.busy, self.sent, self.refused, self.lost, self.wrong,
                    self.retried, self.quarantined,
                )
            ),
            "-" if ratio is None else f"{ratio:.2f}{spread}",
            "-" if added is None else _ms(added),
            full,
            "; ".join([*self.notes, *(f"FAILED: {failure}" for failure in self.failures)]),
        ]  # fmt: skip


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def draw(verdicts: Sequence[Verdict]) -> Table:
    """Return the table; a failed scenario is red."""
    table = Table(title="What the faults did", show_lines=True)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in {"fault", "notes"} else "right")
    for verdict in verdicts:
        table.add_row(*map(escape, verdict.cells()), style="red" if verdict.failures else "")
    return table


def write(verdicts: Sequence[Verdict], path: Path) -> None:
    """Write everything that is known as JSON, and print the table."""
    rows = [asdict(verdict) | {"p99_ratio": verdict.p99_ratio} for verdict in verdicts]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    Console(width=200).print(draw(verdicts))
