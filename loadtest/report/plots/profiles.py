"""Whole distributions beside each other: what was simulated and what was measured."""

from collections.abc import Sequence
from fractions import Fraction

from matplotlib.axes import Axes

from loadtest.report.drawing import BLUE, CYCLE, ORANGE, Frame, Plot, draw, legend, plain_log
from loadtest.report.figures import Profile
from loadtest.report.plots.percentiles import nines, nines_axis


def profiles_plot(profiles: Sequence[Profile]) -> Plot | None:
    """Draw latency by percentile, measured solid and simulated dashed."""
    known = [each for each in profiles if len(each.points) > 1]
    if not known:
        return None
    deepest = max(share for each in known for share, _ in each.points)

    def paint(axes: Axes) -> None:
        axes.set_yscale("log")
        for number, each in enumerate(known):
            simulated = each.kind == "simulated"
            colour = (BLUE if simulated else ORANGE) if len(known) == 2 else CYCLE[number // 2 % 8]
            axes.plot(
                [nines(share) for share, _ in each.points],
                [value_s * 1000 for _, value_s in each.points],
                color=colour, linestyle="--" if simulated else "-", label=each.name,
            )  # fmt: skip
        nines_axis(axes, Fraction(deepest).limit_denominator(10_000))
        plain_log(axes.yaxis)
        axes.set_ylabel("latency, ms")
        legend(axes)

    kinds = " and ".join(dict.fromkeys(each.kind for each in known))
    caption = "From the intended start. Dashed: said by the simulator. Solid: measured."
    return draw(Frame("Latency, simulated and measured", caption, kind=kinds), paint)
