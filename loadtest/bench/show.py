"""The benchmark's results for a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest.bench.results import PERCORE, CellResult, Results
from loadtest.report.words import rate

MEGABYTE = 1 << 20


def show(results: Results, console: Console) -> None:
    """Print a line a cell and server, and what each server needs."""
    table = Table(title="Right answers a second; medians, least and greatest of the runs")
    for name in ("cell", "server", "rate", "from", "to", "p50 ms", "p99 ms", "cores", "bad"):
        table.add_column(name, justify="left" if name in ("cell", "server") else "right")
    for key, cell in results.cells.items():
        for row in _rows(key, cell):
            table.add_row(*row)
        table.add_section()
    console.print(table)
    needs = Table(title="What each needs")
    for name in ("model", "server", "start s", "processes", "PSS MB at first", "after the load"):
        needs.add_column(name, justify="left" if name in ("model", "server") else "right")
    for each in results.footprints.values():
        sizes = (f"{size / MEGABYTE:,.0f}" for size in (each.start_bytes, each.loaded_bytes))
        needs.add_row(each.model, each.form, f"{each.start_s:.2f}", str(each.processes), *sizes)
    console.print(needs)
    for key, cell in results.cells.items():
        for name, why in cell.left_out.items():
            console.print(Text(f"{key}: {name} was left out: {why}.", style="yellow"))


def _rows(key: str, cell: CellResult) -> list[list[str]]:
    found = []
    for name, each in cell.servers.items():
        if not each.runs:
            continue
        low, high = each.ends("rate_per_s")
        said = [rate(value * cell.rows) for value in (each.middle("rate_per_s"), low, high)]
        times = [f"{each.middle(which) * 1e3:.2f}" for which in ("p50_s", "p99_s")]
        label = name if each.form in (name, PERCORE) else each.form
        cores = f"{each.middle('cores'):.2f}"
        found.append([key, label, *said, *times, cores, str(each.bad)])
    return found
