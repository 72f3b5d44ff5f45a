"""What the simulator said beforehand, against what was measured then."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from loadtest.report.drawing import BLUE, GREY, INK, Frame, Plot, draw, legend, plain_log
from loadtest.report.figures import Prediction


def predictions_plot(predictions: Sequence[Prediction]) -> Plot | None:
    """Draw measured against simulated latencies; on the diagonal they agree."""
    times = [each for each in predictions if each.unit == "s"]
    if not times:
        return None
    most = max(max(each.simulated, each.measured) for each in times) * 1300
    least = min(min(each.simulated, each.measured) for each in times) * 700

    def paint(axes: Axes) -> None:
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.plot([least, most], [least, most], color=INK, linewidth=1)
        axes.fill_between([least, most], [least * 0.8, most * 0.8], [least * 1.2, most * 1.2],
                          color=GREY, alpha=0.2, linewidth=0)  # fmt: skip
        for held_out, name, fill in ((True, "held out", BLUE), (False, "calibrated on", "none")):
            chosen = [each for each in times if each.held_out is held_out]
            if chosen:
                axes.plot(
                    [each.simulated * 1000 for each in chosen],
                    [each.measured * 1000 for each in chosen],
                    "o", color=BLUE, markerfacecolor=fill, markersize=6, label=name,
                )  # fmt: skip
        plain_log(axes.xaxis)
        plain_log(axes.yaxis)
        axes.set_xlim(least, most)
        axes.set_ylim(least, most)
        axes.set_xlabel("simulated, ms")
        axes.set_ylabel("measured, ms")
        legend(axes)

    caption = "On the line they agree; in the band they are within 20 %."
    kind = "simulated and measured"
    return draw(Frame("Simulated against measured", caption, kind=kind), paint)
