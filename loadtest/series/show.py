"""A series as tables in the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest.series.series import Series
from loadtest.series.spread import METRICS, Spread


def show_series(series: Series, console: Console) -> None:
    """Draw the figures of each variant, and how far they are from the first one's."""
    first = next(iter(series.reports))
    kinds = sorted({reports[0].scenario.fleet.kind for reports in series.reports.values()})
    title = f"{' and '.join(kinds)} replicas: median over runs, 95 % interval of the mean"
    table = _table(title)
    for name, reports in series.reports.items():
        found = series.spreads(name)
        table.add_row(
            name, str(len(reports)), *(_cell(metric, found.get(metric)) for metric in METRICS)
        )
    console.print(table)
    if len(series.reports) > 1:
        table = _table(f"minus {first}, run by run")
        for name, reports in list(series.reports.items())[1:]:
            found = series.differences(name)
            cells = (_cell(metric, found.get(metric)) for metric in METRICS)
            table.add_row(name, str(len(reports)), *cells)
        console.print(table)
    for line in series.noisy:
        console.print(Text(f"Warning: {line}", style="yellow"))
    for name, reports in series.reports.items():
        for number, report in enumerate(reports, start=1):
            for line in report.summary.warnings:
                console.print(Text(f"Warning: {name}, run {number}: {line}", style="yellow"))
    console.print(Text(f"Verdict: {series.verdict.upper()}", style="bold"))


def _table(title: str) -> Table:
    table = Table(title=title)
    table.add_column("variant")
    table.add_column("runs", justify="right")
    for metric in METRICS:
        table.add_column(metric.removesuffix("_s").removesuffix("_per"), justify="right")
    return table


def _cell(metric: str, found: Spread | None) -> str:
    """Return a figure and its interval; one of a difference that has 0 in it shows none."""
    if found is None:
        return "-"
    text = _number(metric, found.median)
    if found.low is None or found.high is None:
        return text
    return f"{text} [{_number(metric, found.low)}, {_number(metric, found.high)}]"


def _number(metric: str, value: float) -> str:
    return f"{value:,.1f}/s" if metric.endswith("_per_s") else f"{value * 1000:.2f} ms"
