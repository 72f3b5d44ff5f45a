"""Drawing one plot: the look that all of them share, in a light and a dark rendering."""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator, FuncFormatter, MaxNLocator, NullFormatter

from models.report.numbers import say

INK: Final = "#22303a"
GRID: Final = "#cfd8dd"
_DARK: Final = {INK: "#e3eaee", GRID: "#3d4b54"}
"""What becomes of the ink on a dark page; the colours of data are readable on both."""

BLUE: Final = "#2f86c1"
ORANGE: Final = "#e08214"
GREEN: Final = "#1b9e77"
PINK: Final = "#cc6699"
CYCLE: Final = (BLUE, ORANGE, GREEN, PINK, "#8c6bb1", "#a6761d", "#5aaed6", "#8a959c")
"""Told apart by the colour-blind (after Okabe and Ito), in tones between light and dark."""

SMALL: Final = (4.6, 3.2)
"""Inches; drawn to be read at this size, and on a phone."""
PNG_DPI: Final = 144
POINTS: Final = 2000
"""At most so many points in a cloud; more are only ink."""
LABEL_CHARS: Final = 18
MOST_TICKS: Final = 6

_LOOK: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
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
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "percore",
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class Picture:
    """One plot.

    Args:
        name: of its file, without the ending.
        title: what it shows.
        caption: what one should read off it, computed.
        light: SVG for light pages.
        dark: SVG for dark pages.
        png: for whoever takes it elsewhere; on white.
        wide: too wide for a phone: the page lets it scroll.
    """

    name: str
    title: str
    caption: str
    light: bytes
    dark: bytes
    png: bytes
    wide: bool = False


@dataclass(frozen=True)
class Frame:
    """What a plot is called, and how large it is: width and height in inches."""

    name: str
    title: str
    caption: str
    size: tuple[float, float] = SMALL


def draw(frame: Frame, paint: Callable[[Axes], None]) -> Picture:
    """Return what `paint` draws on empty axes."""
    # Column names may have letters that no font here knows; the page says them in text.
    with mpl.rc_context(cast("Any", _LOOK)), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message=".*constrained_layout not applied")
        figure = Figure(figsize=frame.size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        paint(axes)
        _thin_out(axes)
        light = _saved(figure, "svg", transparent=True, metadata={"Date": None, "Creator": None})
        # Laid out once: the second rendering has the same places.
        figure.set_layout_engine("none")
        png = _saved(figure, "png", dpi=PNG_DPI, facecolor="white", metadata={"Software": None})
    dark = light
    for colour, instead in _DARK.items():
        dark = dark.replace(colour.encode(), instead.encode())
    wide = frame.size[0] > SMALL[0] + 0.5
    return Picture(frame.name, frame.title, frame.caption, light, dark, png, wide)


def short(value: object, chars: int = LABEL_CHARS) -> str:
    """Return a value's text, cut to what an axis bears, on one line."""
    text = " ".join(str(value).split()) or "(empty)"
    return text if len(text) <= chars else text[: chars - 1] + "…"


def log_scale(axes: Axes) -> None:
    """Make x logarithmic, with plain numbers: matplotlib's own are in TeX."""
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: say(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())


def legend(axes: Axes, entries: int) -> None:
    """Put a legend above the axes, where it covers no data."""
    columns = min(entries, 3)
    axes.figure.legend(loc="outside upper center", ncols=columns)


def _thin_out(axes: Axes) -> None:
    """Leave room between the numbers along x: of its own, matplotlib writes up to nine."""
    if isinstance(axes.xaxis.get_major_locator(), AutoLocator):
        axes.xaxis.set_major_locator(MaxNLocator(MOST_TICKS - 1, steps=[1, 2, 2.5, 5, 10]))


def _saved(figure: Figure, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, **options)
    return buffer.getvalue()
