"""Where the time went: one bar for the mean, one for the requests about each percentile."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from loadtest.report.drawing import BLUE, CYCLE, GREEN, GREY, ORANGE, RED, Frame, Plot, draw
from loadtest.report.stages import LATE, PARTS, WAY, Band, named

_COLOURS: Final = {
    LATE: RED,
    "parse": CYCLE[6],
    "queue": ORANGE,
    "predict": BLUE,
    "transfer": CYCLE[4],
    "encode": GREEN,
    WAY: GREY,
}


def stages_plot(found: Sequence[Band]) -> Plot | None:
    """Draw the stages of the mean request and of those about p50, p90 and p99."""
    if not found:
        return None
    shown = named(found)
    places = np.arange(len(found))

    def paint(axes: Axes) -> None:
        left_ms = np.zeros(len(found))
        for part in shown:
            width_ms = np.array([band.parts_s[PARTS.index(part)] for band in found]) * 1000
            axes.barh(places, width_ms, left=left_ms, color=_COLOURS[part], label=part, height=0.65)
            left_ms += width_ms
        axes.set_yticks(places, [band.name for band in found])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("latency, ms")
        axes.figure.legend(loc="outside upper left", ncols=4)

    caption = (
        "Mean time of each stage, of all right answers and of those whose latency is about the"
        " percentile (half a percent to each side). Queue to encode are what the replicas say"
        " (Server-Timing); generator is from the intended start to the send; balancer and network"
        " is the rest."
    )
    return draw(Frame("Stages of a request", caption), paint)
