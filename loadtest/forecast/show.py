"""A forecast in the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest.forecast.result import Result


def show_forecast(result: Result, console: Console) -> None:
    """Draw what was said, what was measured, and the error of each figure."""
    fleet = result.scenario.fleet
    table = Table(title=f"{fleet.replicas} {fleet.kind} replicas, foretold from smaller fleets")
    for name in ("run", "figure", "foretold", "measured", "its interval", "error", "allowed"):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for number, each in enumerate(result.held):
        for check in each.validation.checks:
            rate = check.name == "throughput"
            table.add_row(
                str(number),
                check.name,
                _figure(check.predicted, rate=rate),
                _figure(check.measured, rate=rate),
                _interval(check.low, check.high, rate=rate),
                f"{check.error:+.1%}",
                f"{check.tolerance:.0%}",
            )
        table.add_section()
    if result.held:
        console.print(table)
    for line in result.sentences:
        style = "bold" if result.accepted else "bold red"
        console.print(Text(line, style=style))


def _interval(low: float | None, high: float | None, *, rate: bool) -> str:
    if low is None or high is None:
        return ""
    return f"{_figure(low, rate=rate)} to {_figure(high, rate=rate)}"


def _figure(value: float, *, rate: bool) -> str:
    return f"{value:,.1f}/s" if rate else f"{value * 1000:,.2f} ms"
