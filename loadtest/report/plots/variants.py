"""Percentiles by policy or variant, each with its interval."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from loadtest.report.drawing import CYCLE, Frame, Plot, draw, legend, plain_log
from loadtest.report.figures import Variant


def variants_plot(variants: Sequence[Variant]) -> Plot | None:
    """Draw each variant's percentiles, one below the other."""
    names = list(dict.fromkeys(name for each in variants for name in each.percentiles))
    if not names:
        return None

    def paint(axes: Axes) -> None:
        axes.set_xscale("log")
        for number, name in enumerate(names):
            shift = (number - (len(names) - 1) / 2) * 0.6 / max(1, len(names))
            for row, variant in enumerate(variants):
                found = variant.percentiles.get(name)
                if found is None:
                    continue
                colour = CYCLE[number % len(CYCLE)]
                low = found.value if found.low is None else found.low
                high = found.value if found.high is None else found.high
                label = name if variant is variants[0] else None
                axes.plot([low * 1000, high * 1000], [row + shift] * 2, color=colour, linewidth=3,
                          alpha=0.45, solid_capstyle="butt")  # fmt: skip
                axes.plot(
                    found.value * 1000, row + shift, "o", color=colour, markersize=5, label=label
                )
        axes.set_yticks(range(len(variants)), [each.name for each in variants])
        axes.set_ylim(len(variants) - 0.5, -0.5)
        plain_log(axes.xaxis)
        axes.set_xlabel("latency, ms")
        legend(axes)

    caption = _caption(variants)
    kinds = " and ".join(sorted({each.kind for each in variants}))
    tall = max(2.0, 1.2 + 0.45 * len(variants))
    return draw(Frame("Percentiles by variant", caption, (5.4, tall), kinds), paint)


def _caption(variants: Sequence[Variant]) -> str:
    runs = " or ".join(map(str, sorted({each.runs for each in variants})))
    figures = [each for variant in variants for each in variant.percentiles.values()]
    if all(each.low is None and each.high is None for each in figures):
        return f"Runs of each: {runs}; too few for intervals, so that nothing can be compared."
    return (
        f"Bars: 95 % intervals over {runs} runs each. Where two bars overlap, the difference may"
        " be chance."
    )
