"""Drawing one plot: the look that all of them share, for light and for dark pages."""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

INK: Final = "#22303a"
GRID: Final = "#cfd8dd"
_ON_DARK: Final = {INK: "#e3eaee", GRID: "#3d4b54"}
"""What becomes of the ink on a dark page; the colours of data are readable on both."""

BLUE: Final = "#2f86c1"
ORANGE: Final = "#e08214"
GREEN: Final = "#1b9e77"
RED: Final = "#d1495b"
GREY: Final = "#8a959c"
CYCLE: Final = (BLUE, ORANGE, GREEN, "#cc6699", "#8c6bb1", "#a6761d", "#5aaed6", GREY)
"""Told apart by the colour-blind (after Okabe and Ito), in tones between light and dark."""

SMALL: Final = (5.4, 3.3)
WIDE: Final = (9.6, 3.4)
"""Inches, to be read at this size."""

_LOOK: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.linewidth": 0.7,
    "axes.prop_cycle": cycler(color=CYCLE),
    "axes.formatter.useoffset": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.7,
    "svg.hashsalt": "percore",
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class Frame:
    """What a plot is called, what one reads off it, and how large it is in inches.

    `kind` says real, emulated or simulated where that differs from the page's kind.
    """

    title: str
    caption: str
    size: tuple[float, float] = SMALL
    kind: str = ""


@dataclass(frozen=True)
class Plot:
    """One plot as SVG, for light and for dark pages."""

    title: str
    caption: str
    light: bytes
    dark: bytes
    wide: bool
    kind: str = ""


def draw(frame: Frame, paint: Callable[[Axes], None]) -> Plot:
    """Return what `paint` draws on empty axes."""
    with mpl.rc_context(cast("Any", _LOOK)), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message=".*constrained_layout not applied")
        figure = Figure(figsize=frame.size, layout="constrained")
        FigureCanvasAgg(figure)
        paint(figure.add_subplot())
        buffer = io.BytesIO()
        figure.savefig(
            buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    light = buffer.getvalue()
    dark = light
    for colour, instead in _ON_DARK.items():
        dark = dark.replace(colour.encode(), instead.encode())
    return Plot(frame.title, frame.caption, light, dark, frame.size[0] > SMALL[0] + 1, frame.kind)


def plain_log(axis: Axis) -> None:
    """Write a logarithmic axis in plain numbers; matplotlib's own are in TeX."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def legend(axes: Axes) -> None:
    """Put a legend above the axes, where it covers no data."""
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > 1:
        axes.figure.legend(handles, labels, loc="outside upper left", ncols=min(len(labels), 4))
