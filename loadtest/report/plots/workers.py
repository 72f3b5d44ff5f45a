"""Who computed when: a heat map, one line a worker."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from loadtest.report.drawing import Frame, Plot, draw
from loadtest.report.plots.replicas import natural
from loadtest.watching import Spell

_MOST: Final = 64
_FAINT: Final = 0.1


def workers_plot(spells: Sequence[Spell]) -> Plot | None:
    """Draw the share of a core that each worker used, over time; a gap: it was not there."""
    lines = sorted({(each.replica, each.worker) for each in spells}, key=_order)[:_MOST]
    if not lines:
        return None
    edges = _edges(spells)
    grid = np.array([_shares(spells, line, edges) for line in lines])
    # A fleet that has little to do is not to be a dark page.
    most = max(_FAINT, float(np.nanmax(grid)))

    def paint(axes: Axes) -> None:
        mesh = axes.pcolormesh(
            edges,
            np.arange(len(lines) + 1),
            grid,
            cmap="viridis",
            vmin=0,
            vmax=most,
            rasterized=True,
        )
        axes.grid(visible=False)
        axes.invert_yaxis()
        names = [f"{replica}, {worker}" for replica, worker in lines]
        step = max(1, len(lines) // 16)
        axes.set_yticks(np.arange(0, len(lines), step) + 0.5, names[::step])
        axes.set_xlabel("time, s")
        axes.figure.colorbar(mesh, ax=axes, pad=0.01).set_label("share of a core")

    caption = (
        "CPU of each worker, read from the kernel; the replica lists its workers, and a new one"
        " takes the line of the one that died. No colour: it was not there."
    )
    tall = min(6.0, max(1.7, 1.1 + 0.28 * len(lines)))
    return draw(Frame("Busy workers over time", caption, (9.6, tall)), paint)


def _order(line: tuple[str, int]) -> tuple[tuple[str, int], int]:
    return natural(line[0]), line[1]


def _edges(spells: Sequence[Spell]) -> np.typing.NDArray[np.float64]:
    """Return slices as long as the usual spell, that cover all of them."""
    length_s = max(float(np.median([each.to_s - each.from_s for each in spells])), 1e-3)
    first_s = min(each.from_s for each in spells)
    last_s = max(each.to_s for each in spells)
    number = max(1, round((last_s - first_s) / length_s))
    return np.linspace(first_s, last_s, number + 1)


def _shares(
    spells: Sequence[Spell], line: tuple[str, int], edges: np.typing.NDArray[np.float64]
) -> np.typing.NDArray[np.float64]:
    """Return the mean share in each slice, weighed by how much of it a spell covers."""
    covered, spent = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
    for each in spells:
        if (each.replica, each.worker) == line:
            overlap = np.clip(
                np.minimum(edges[1:], each.to_s) - np.maximum(edges[:-1], each.from_s), 0.0, None
            )
            covered += overlap
            spent += overlap * each.busy
    return np.where(covered > 0, spent / np.where(covered > 0, covered, 1.0), np.nan)
