"""Growth, drawn: both axes logarithmic, the fitted line dashed, its slope in the legend."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from loadtest.bench.growth.results import Curve, GrowthResults
from loadtest.report.drawing import CYCLE, Frame, draw, legend


def draw_curves(results: GrowthResults, folder: Path) -> list[Path]:
    """Write an SVG a curve; those over rows share one, for they are the same thing measured."""
    drawings: dict[str, list[Curve]] = {}
    for key, curve in results.curves.items():
        drawings.setdefault(drawing(key), []).append(curve)
    for name, curves in drawings.items():
        (folder / f"{name}.svg").write_bytes(_drawn(curves))
    return [folder / f"{name}.svg" for name in drawings]


def drawing(key: str) -> str:
    """Return the name of the drawing that shows a curve."""
    return "growth-rows" if key.startswith("rows-") else f"growth-{key}"


def _drawn(curves: Sequence[Curve]) -> bytes:
    def paint(axes: Axes) -> None:
        axes.set_xscale("log")
        axes.set_yscale("log")
        for place, curve in enumerate(curves):
            _curve(axes, curve, CYCLE[place % len(CYCLE)])
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator())
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
            axis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(curves[0].grows.partition(",")[0])
        axes.set_ylabel(f"{curves[0].measured}, {curves[0].unit}")
        legend(axes)

    return draw(Frame(curves[0].measured, ""), paint).light


def _curve(axes: Axes, curve: Curve, colour: str) -> None:
    sizes = np.array([each.size for each in curve.points], dtype=np.float64)
    values = np.array([each.value for each in curve.points], dtype=np.float64)
    fitted = sizes >= curve.fitted_from
    logs = np.log(values[fitted]) - curve.slope * np.log(sizes[fitted])
    line = np.exp(logs.mean()) * sizes[fitted] ** curve.slope
    name = curve.grows.partition(", as ")[2] or curve.measured
    axes.plot(sizes, values, "o-", color=colour, label=f"{name}: slope {curve.slope:.2f}")
    axes.plot(sizes[fitted], line, "--", color=colour, linewidth=1)
