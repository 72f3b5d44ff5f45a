"""The benchmark's plots: a model's cells, one bar a server."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from loadtest.bench.results import PERCORE, CellResult, Results
from loadtest.report.drawing import CYCLE, INK, WIDE, Frame, draw, legend, plain_log


def draw_cells(results: Results, folder: Path) -> list[Path]:
    """Write one SVG a model, bench-MODEL.svg, and return where."""
    paths = []
    for model in dict.fromkeys(cell.model for cell in results.cells.values()):
        cells = [cell for cell in results.cells.values() if cell.model == model]
        path = folder / f"bench-{model}.svg"
        path.write_bytes(_drawn(model, cells))
        paths.append(path)
    return paths


def _drawn(model: str, cells: Sequence[CellResult]) -> bytes:
    names = _servers(cells)
    width = 0.8 / len(names)

    def paint(axes: Axes) -> None:
        axes.set_yscale("log")
        for place, name in enumerate(names):
            middle, below, above = _bars(name, cells)
            offset = (place - (len(names) - 1) / 2) * width
            axes.bar(
                [at + offset for at in range(len(cells))],
                middle,
                width * 0.92,
                yerr=[below, above],
                ecolor=INK,
                error_kw={"elinewidth": 0.7},
                color=CYCLE[place % len(CYCLE)],
                label=name,
            )
        axes.set_xticks(range(len(cells)), [cell.cell for cell in cells])
        plain_log(axes.yaxis)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.grid(visible=False, axis="x")
        axes.set_ylabel("right rows a second")
        legend(axes)

    return draw(Frame(model, "", WIDE), paint).light


def _bars(name: str, cells: Sequence[CellResult]) -> tuple[list[float], list[float], list[float]]:
    """Return a server's medians in rows a second, and how far its runs went below and above."""
    middle, below, above = [], [], []
    for cell in cells:
        server = cell.servers.get(name)
        runs = server.runs if server is not None else []
        rates = [run.rate_per_s * cell.rows for run in runs] or [math.nan]
        middle.append(median(rates))
        below.append(middle[-1] - min(rates))
        above.append(max(rates) - middle[-1])
    return middle, below, above


def _servers(cells: Iterable[CellResult]) -> list[str]:
    """Return every server of the cells, Percore first."""
    names = dict.fromkeys(
        name for cell in cells for name in cell.servers if cell.servers[name].runs
    )
    return sorted(names, key=lambda name: name != PERCORE)
