"""Who answered when: a heat map, one line a replica."""

from typing import Final

import numpy as np
from matplotlib.axes import Axes

from loadtest.report.drawing import Frame, Plot, draw
from loadtest.report.samples import Samples

_MOST: Final = 64
"""More replicas than this are no longer told apart: those with the fewest answers are left out."""


def replicas_plot(samples: Samples) -> Plot | None:
    """Draw answers a second by replica over time, of every status."""
    names, counts = np.unique(samples.replicas[samples.replicas != ""], return_counts=True)
    if not len(names):
        return None
    kept = sorted(names[np.argsort(-counts)[:_MOST]].tolist(), key=natural)
    edges = samples.slices()
    grid = np.array(
        [np.histogram(samples.done_s[samples.replicas == name], edges)[0] for name in kept]
    ) / float(edges[1])

    def paint(axes: Axes) -> None:
        mesh = axes.pcolormesh(
            edges, np.arange(len(kept) + 1), grid, cmap="viridis", vmin=0, rasterized=True
        )
        axes.grid(visible=False)
        axes.invert_yaxis()
        step = max(1, len(kept) // 16)
        axes.set_yticks(np.arange(0, len(kept), step) + 0.5, kept[::step])
        axes.set_xlabel("time, s")
        bar = axes.figure.colorbar(mesh, ax=axes, pad=0.01)
        bar.set_label("answers a second")

    tall = min(6.0, max(1.7, 1.1 + 0.28 * len(kept)))
    left = f" {len(names) - len(kept)} others are not drawn." if len(names) > len(kept) else ""
    caption = (
        f"Answers by replica, as the balancer names it, in slices of {edges[1]:g} s; dark: it"
        f" answered nothing.{left}"
    )
    return draw(Frame("Answers by replica over time", caption, (9.6, tall)), paint)


def natural(name: str) -> tuple[str, int]:
    """Return what sorts replica-2 before replica-10."""
    head, _, number = name.rpartition("-")
    return (head, int(number)) if number.isdigit() else (name, 0)
