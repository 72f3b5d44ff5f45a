"""The generator's own lag: whether it sent when it was to send."""

import numpy as np
from matplotlib.axes import Axes

from loadtest.report.drawing import BLUE, RED, Frame, Plot, draw, legend, plain_log
from loadtest.report.samples import Samples
from loadtest.report.words import ms
from loadtest.summary import LAG_LIMIT_S


def lag_plot(samples: Samples) -> Plot | None:
    """Draw how large a share of requests was taken up later than some time; open loop only."""
    lags_s = np.sort(samples.lag_s[samples.lag_s > 0])
    if len(lags_s) < 2:
        return None
    share = (1 - np.arange(len(lags_s)) / len(samples)) * 100
    thin = np.unique(np.geomspace(1, len(lags_s), 800).astype(int))
    chosen = np.unique(np.concatenate([thin - 1, len(lags_s) - thin]))

    def paint(axes: Axes) -> None:
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.plot(lags_s[chosen] * 1000, share[chosen], color=BLUE, label="requests")
        axes.axvline(LAG_LIMIT_S * 1000, color=RED, linestyle="--", label="limit of p99")
        axes.axhline(1, color=RED, linestyle=":", linewidth=1)
        plain_log(axes.xaxis)
        plain_log(axes.yaxis)
        axes.set_xlabel("lag, ms")
        axes.set_ylabel("later than that, %")
        legend(axes)

    caption = (
        f"Valid if the line is below 1 % where it meets the limit of {ms(LAG_LIMIT_S)}."
        f" The latest request was {ms(float(lags_s[-1]))} late; its latency counts that."
    )
    return draw(Frame("Lag of the generator", caption), paint)
