"""Latency by nines: every percentile that the sample supports, none beyond."""

import math
from fractions import Fraction
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from loadtest.percentiles import samples_needed
from loadtest.report.drawing import BLUE, INK, ORANGE, Frame, Plot, draw, legend, plain_log
from loadtest.report.samples import NINES, Floats, Samples
from loadtest.report.words import ms
from loadtest.statistics.quantiles import rank_interval

_STEPS: Final = 40
"""Points a nine."""


def percentile_plot(samples: Samples) -> Plot | None:
    """Draw latency against percentile with the interval of its ranks."""
    latency_s = np.sort(samples.latency_s[samples.counted])
    deepest = deepest_supported(len(latency_s))
    if deepest is None:
        return None
    shares = _shares(deepest)
    rows = [_row(latency_s, share) for share in shares]
    known = [(x, row) for x, row in zip(shares, rows, strict=True) if math.isfinite(row[0])]
    if len(known) < 2:
        return None
    x = np.array([nines(share) for share, _ in known])
    service_s = np.sort(samples.service_s[samples.counted])
    served = np.array([_row(service_s, share)[0] for share, _ in known]) * 1000
    values = np.array([row for _, row in known]) * 1000

    def paint(axes: Axes) -> None:
        axes.set_yscale("log")
        axes.plot(x, values[:, 0], color=BLUE, label="from the intended start")
        axes.fill_between(
            x, values[:, 1], values[:, 2], color=BLUE, alpha=0.25, linewidth=0,
            label="95 % interval",
        )  # fmt: skip
        axes.plot(x, served, color=ORANGE, linestyle="--", label="from the send")
        if len(known) < len(shares):
            axes.axvline(float(x[-1]), color=INK, linestyle=":", linewidth=1)
        nines_axis(axes, deepest)
        plain_log(axes.yaxis)
        axes.set_ylabel("latency, ms")
        legend(axes)

    return draw(Frame("Latency by percentile", _caption(latency_s, deepest)), paint)


def deepest_supported(count: int) -> Fraction | None:
    """Return the highest percentile of our list that so many samples support."""
    fitting = [share for share in NINES.values() if samples_needed(share) <= count]
    return max(fitting, default=None)


def profile_shares(count: int) -> list[float]:
    """Return the shares at which a distribution of so many samples is drawn; none if too few."""
    deepest = deepest_supported(count)
    return [] if deepest is None else _shares(deepest)


def nines(share: float) -> float:
    """Return where a percentile stands: 0.9 at 1, 0.99 at 2, 0.999 at 3."""
    return -math.log10(1 - share)


def _shares(deepest: Fraction) -> list[float]:
    last = nines(float(deepest))
    return [1 - 10**-x for x in np.linspace(0, last, max(2, round(last * _STEPS)))]


def _row(ordered_s: Floats, share: float) -> tuple[float, float, float]:
    """Return a quantile and its interval; where a bound is unknown, the nearest that is known."""
    count = len(ordered_s)
    # Half a rank against rounding: 0.99 * 1000 must be rank 990.
    rank = max(1, math.ceil(share * count - 1e-6))
    value = float(ordered_s[rank - 1])
    low, high = rank_interval(count, share) if 0 < share < 1 else (1, 1)
    lower = float(ordered_s[(low or 1) - 1])
    upper = float(ordered_s[(high or count) - 1])
    return value, lower, upper if math.isfinite(upper) else value


def nines_axis(axes: Axes, deepest: Fraction) -> None:
    """Label the horizontal axis with percentiles, as far as the sample supports them."""
    shown = {
        nines(float(share)): f"{float(share) * 100:.10g}"
        for name, share in NINES.items()
        if share <= deepest and name != "p95"
    }
    axes.set_xticks([0, *shown], ["0", *shown.values()])
    axes.set_xlim(0, nines(float(deepest)) * 1.02)
    axes.set_xlabel("percentile")


def _caption(ordered_s: Floats, deepest: Fraction) -> str:
    count = len(ordered_s)
    at = float(ordered_s[math.ceil(deepest * count) - 1])
    value = ms(at) if math.isfinite(at) else "among the wrong and lost"
    return (
        f"{count:,} requests support percentiles up to {float(deepest) * 100:.10g} ({value});"
        " more would be guessed, and is not drawn. Where the dotted line stands, if there is one,"
        " all slower requests were wrong or lost."
    )
