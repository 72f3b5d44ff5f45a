"""Peers against Percore, cell by cell."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from loadtest.report.drawing import CYCLE, INK, Frame, Plot, draw, legend, plain_log
from loadtest.report.figures import Ratio


def ratios_plot(ratios: Sequence[Ratio]) -> Plot | None:
    """Draw each peer's rate as a multiple of Percore's, with its least and greatest round."""
    if not ratios:
        return None
    peers = list(dict.fromkeys(each.peer for each in ratios))
    cells = list(dict.fromkeys(each.cell for each in ratios))

    def paint(axes: Axes) -> None:
        axes.set_xscale("log")
        axes.axvline(1, color=INK, linewidth=1)
        for number, cell in enumerate(cells):
            colour = CYCLE[number % len(CYCLE)]
            shift = (number - (len(cells) - 1) / 2) * 0.7 / len(cells)
            chosen = [each for each in ratios if each.cell == cell]
            rows = [peers.index(each.peer) + shift for each in chosen]
            axes.hlines(rows, [each.low for each in chosen], [each.high for each in chosen],
                        color=colour, linewidth=3, alpha=0.45)  # fmt: skip
            axes.plot([each.median for each in chosen], rows, "o", color=colour, markersize=5,
                      label=cell)  # fmt: skip
        axes.set_yticks(range(len(peers)), peers)
        axes.set_ylim(len(peers) - 0.5, -0.5)
        plain_log(axes.xaxis)
        axes.set_xlabel("requests a second, as a multiple of Percore's")
        legend(axes)

    tall = max(2.4, 1.4 + 0.14 * len(ratios) + 0.3 * len(peers))
    caption = "Left of the line a peer is slower than Percore. Bars: the least and greatest round."
    return draw(Frame("Peers against Percore", caption, (9.6, min(tall, 9.0))), paint)
