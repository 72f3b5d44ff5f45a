"""What stood in front of the replicas and what each fault did, as tables in the terminal."""

from collections.abc import Callable

from rich.table import Table

from loadtest.faults.impact import Impact
from loadtest.front import FrontFigures


def faults_table(impacts: tuple[Impact, ...]) -> Table:
    """Return a column a fault; times are counted from its beginning."""
    table = Table(title="Faults: what each did, until the next")
    table.add_column("", style="bold")
    for each in impacts:
        where = f" {each.fault.replica}" if each.fault.replica else ""
        table.add_column(f"{each.fault.kind}{where} at {each.fault.began_s:.2f} s", justify="right")
    lines: dict[str, Callable[[Impact], str]] = {
        "in flight": lambda each: f"{each.in_flight:,}",
        "detected after": lambda each: _seconds(each.detect_s, "not seen"),
        "last request not right": lambda each: _seconds(each.last_failure_s, "none"),
        "goodput back after": lambda each: _recovered(each.recover_s),
        "promise broken for": lambda each: f"{each.violation_s:.1f} s",
        "wrong": lambda each: f"{each.wrong:,}",
        "lost": lambda each: f"{each.lost:,}",
        "refused": lambda each: f"{each.refused:,}",
    }
    for name, text in lines.items():
        table.add_row(name, *(text(each) for each in impacts))
    return table


def front_line(front: FrontFigures) -> str:
    """Return a sentence on the front."""
    line = front.product
    if front.amplification is not None:
        totals = front.totals
        line += (
            f", {front.amplification:.3f} requests to replicas for each of a client"
            f" ({totals['retries']:,} retries, {totals['hedges']:,} hedges,"
            f" {totals['parts']:,} parts of {totals['cut']:,} cut, {totals['streamed']:,} streamed)"
        )
    return line


def _seconds(value_s: float | None, unknown: str) -> str:
    return unknown if value_s is None else f"{value_s:.2f} s"


def _recovered(value_s: float | None) -> str:
    if value_s is None:
        return "never"
    return "never fell" if value_s == 0 else f"{value_s:.1f} s"
