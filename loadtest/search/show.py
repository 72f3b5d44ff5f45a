"""A search in the terminal: the whole curve, never one number alone."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest.search.bracket import CONFIRMING_SHARE
from loadtest.search.probe import Probe
from loadtest.search.searching import SearchReport


def show_search(report: SearchReport, console: Console) -> None:
    """Draw every probe by its rate, and what was found."""
    slo = report.scenario.slo
    fleet = report.scenario.fleet
    promise = "" if slo is None else f"p{slo.p * 100:g} within {slo.limit_s * 1000:g} ms"
    table = Table(title=f"{fleet.replicas} {fleet.kind} replicas: {promise}")
    for name in ("offered/s", "goodput/s", "p50", "p99", "over", "backlog/s", "sustained"):
        table.add_column(name, justify="right")
    for probe in report.curve:
        table.add_row(*_cells(probe))
    console.print(table)
    for probe in report.curve:
        if probe.reasons:
            why = "; ".join(probe.reasons)
            console.print(Text(f"At {probe.rate_per_s:,.1f}: {why}.", style="dim"))
    console.print(Text(verdict(report), style="bold"))


def verdict(report: SearchReport) -> str:
    """Say in a sentence what was found."""
    found = report.found
    if found.rate_per_s is None and found.limit == "generator":
        return (
            "Nothing is known: the generator was late at the first rate. Begin lower, raise"
            " load.processes, or give it a quieter machine."
        )
    if found.rate_per_s is None:
        return "No rate that was tried is sustained and confirmed."
    sentence = (
        f"Sustained: {found.rate_per_s:,.1f} requests a second;"
        f" {len(found.confirmations)} fresh runs at {CONFIRMING_SHARE:g} times it confirm."
    )
    if found.limit == "fleet":
        return f"{sentence} It breaks at {found.broke_at_per_s:,.1f}."
    if found.limit == "generator":
        return (
            f"{sentence} At {found.broke_at_per_s:,.1f} the generator is the limit:"
            " raise load.processes."
        )
    return f"{sentence} Nothing higher was tried: raise --most."


def _cells(probe: Probe) -> tuple[str, ...]:
    word = "yes" if probe.sustained else "no" if probe.valid else "INVALID"
    return (
        f"{probe.rate_per_s:,.1f}",
        f"{probe.goodput_per_s:,.1f}",
        _ms(probe.p50_s),
        _ms(probe.p99_s),
        f"{probe.over}/{probe.requests}",
        f"{probe.backlog_slope_per_s:+.2f}",
        word,
    )


def _ms(value_s: float | None) -> str:
    return "-" if value_s is None else f"{value_s * 1000:.2f} ms"
