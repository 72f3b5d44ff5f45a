"""A regression's answers against the truth."""

import numpy as np
from matplotlib.axes import Axes

from models.report.drawing import BLUE, INK, ORANGE, POINTS, Frame, Picture, draw
from models.report.judged import Floats, Judged
from models.report.numbers import PERCENT, count, percent, say
from models.report.section import Section, Words


def regression_section(judged: Judged, target: str) -> Section:
    """Return predicted against actual, and the residuals.

    Args:
        judged: held-out rows.
        target: its name, with the unit.
    """
    if judged.rows < 2:
        return Section("answers", "Answers", (Words("One held-out row draws no plot."),))
    return Section(
        "answers",
        "Answers on held-out rows",
        (_against(judged, target), _residuals(judged, target), _spread(judged, target)),
    )


def _against(judged: Judged, target: str) -> Picture:
    actual, predicted = _thinned(judged)
    both = np.concatenate([judged.actual, judged.predicted])
    ends = [both.min(), both.max()]
    error = np.abs(judged.predicted - judged.actual)
    spread = float(np.std(judged.actual))
    caption = (
        f"On {count(judged.rows, 'row')} half of the answers are within ±{say(np.median(error))} of"
        f" the truth, 90{PERCENT} within ±{say(np.quantile(error, 0.9))};"
        f" the target itself has a standard deviation of {say(spread)}."
    )

    def paint(axes: Axes) -> None:
        axes.plot(ends, ends, color=INK, linewidth=1, linestyle="--")
        axes.scatter(actual, predicted, s=12, color=BLUE, alpha=0.6, linewidths=0, rasterized=True)
        axes.set_xlabel(f"actual {target}")
        axes.set_ylabel(f"predicted {target}")
        axes.set_aspect("equal", adjustable="datalim")

    return draw(Frame("predicted", "Predicted against actual", caption, (4.6, 4.0)), paint)


def _residuals(judged: Judged, target: str) -> Picture:
    actual, predicted = _thinned(judged)
    residuals = judged.actual - judged.predicted
    low, high = np.quantile(residuals, [0.025, 0.975])
    caption = (
        f"Residuals, actual minus predicted: mean {say(residuals.mean())},"
        f" 95{PERCENT} between {say(low)} and {say(high)}. {_leaning(judged.predicted, residuals)}"
    )

    def paint(axes: Axes) -> None:
        axes.axhline(0, color=INK, linewidth=1, linestyle="--")
        axes.scatter(
            predicted, actual - predicted, s=12, color=BLUE, alpha=0.6, linewidths=0,
            rasterized=True,
        )  # fmt: skip
        middles, medians = trend(judged.predicted, residuals)
        if len(middles) > 1:
            axes.plot(middles, medians, color=ORANGE, marker="o", markersize=3.5)
        axes.set_xlabel(f"predicted {target}")
        axes.set_ylabel("residual")

    return draw(Frame("residuals", "Residuals against predicted", caption), paint)


def _leaning(predicted: Floats, residuals: Floats) -> str:
    """Say whether the residuals' running median or width changes along the answers."""
    if len(residuals) < 30:
        return "Too few rows to say whether they depend on the answer."
    order = np.argsort(predicted, kind="stable")
    thirds = np.array_split(residuals[order], 3)
    narrow, wide = sorted(float(np.std(third)) for third in (thirds[0], thirds[2]))
    means = [float(third.mean()) for third in thirds]
    if max(map(abs, means)) > 0.5 * float(np.std(residuals)):
        return f"They lean: means of the thirds are {', '.join(map(say, means))}."
    if narrow > 0 and wide / narrow > 1.5:
        where = "high" if np.std(thirds[2]) > np.std(thirds[0]) else "low"
        return f"They are {wide / narrow:.1f} times as wide for {where} answers."
    return "They neither lean nor widen along the answers."


def _spread(judged: Judged, target: str) -> Picture:
    residuals = judged.actual - judged.predicted
    within = float(np.mean(np.abs(residuals - residuals.mean()) <= 2 * residuals.std()))
    caption = (
        f"Standard deviation {say(residuals.std())}; {percent(within)} lie within two of them"
        f" (a normal distribution has 95.4{PERCENT})."
    )

    def paint(axes: Axes) -> None:
        axes.hist(residuals, bins=min(40, max(5, judged.rows // 10)), color=BLUE)
        axes.axvline(0, color=INK, linewidth=1, linestyle="--")
        axes.set_xlabel(f"residual of {target}")
        axes.set_ylabel("rows")

    return draw(Frame("residual_spread", "How residuals are spread", caption), paint)


def _thinned(judged: Judged) -> tuple[Floats, Floats]:
    kept = np.linspace(0, judged.rows - 1, min(POINTS, judged.rows)).astype(int)
    return judged.actual[kept], judged.predicted[kept]


def trend(x: Floats, y: Floats, bins: int = 10) -> tuple[list[float], list[float]]:
    """Return medians of x and y over parts of about equal size, ascending in x.

    Equal x stay together; few rows have no trend, and both lists are empty.
    """
    parts = min(bins, len(x) // 8)
    if parts < 2:
        return [], []
    edges = np.unique(np.quantile(x, np.arange(1, parts) / parts))
    places = np.searchsorted(edges, x, side="right")
    pieces = [np.flatnonzero(places == place) for place in np.unique(places)]
    return [float(np.median(x[p])) for p in pieces], [float(np.median(y[p])) for p in pieces]
