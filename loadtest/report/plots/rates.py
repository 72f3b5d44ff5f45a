"""What was offered and what came of it, over time."""

import numpy as np
from matplotlib.axes import Axes

from loadtest.record import Outcome
from loadtest.report.drawing import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    WIDE,
    Frame,
    Plot,
    draw,
    legend,
)  # fmt: skip
from loadtest.report.samples import Samples


def rates_plot(samples: Samples, *, is_open: bool, limit_s: float | None) -> Plot | None:
    """Draw requests due and right answers a second, and those that failed.

    Args:
        samples: of one run.
        is_open: arrivals did not wait for answers.
        limit_s: right answers count as good up to this latency; None: all of them.
    """
    if not len(samples):
        return None
    edges = samples.slices()
    length_s = float(edges[1])
    good = samples.right & (samples.latency_s <= (np.inf if limit_s is None else limit_s))
    lines = [
        ("due" if is_open else "asked", samples.intended_s, BLUE, "-"),
        ("right" if limit_s is None else "right, within the SLO", samples.done_s[good], GREEN, "-"),
    ]
    for outcome, colour in ((Outcome.REFUSED, ORANGE), (Outcome.LOST, RED), (Outcome.WRONG, RED)):
        chosen = samples.outcomes == outcome.value
        if chosen.any():
            dashes = "--" if outcome is Outcome.WRONG else "-"
            lines.append((outcome.value, samples.done_s[chosen], colour, dashes))

    def paint(axes: Axes) -> None:
        for name, times_s, colour, style in lines:
            counts, _ = np.histogram(times_s, edges)
            axes.stairs(
                counts / length_s, edges, baseline=None, color=colour, label=name, linestyle=style
            )
        axes.set_xlim(0, float(edges[-1]))
        axes.set_ylim(bottom=0)
        axes.set_xlabel("time, s")
        axes.set_ylabel("requests a second")
        legend(axes)

    what = "Requests due" if is_open else "Requests asked"
    caption = f"{what} at their intended start, answers at their arrival; slices of {length_s:g} s."
    return draw(Frame("Offered and answered over time", caption, WIDE), paint)
