"""Whether probabilities mean what they say."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from models.report.drawing import BLUE, INK, Frame, Picture, draw, short
from models.report.judged import Floats, Judged
from models.report.numbers import count, percent, say
from models.report.section import Section


@dataclass(frozen=True)
class Bin:
    """Rows with similar probabilities: the mean of what was said, and how often it came true."""

    rows: int
    said: float
    true: float

    @property
    def error(self) -> float:
        """The standard error of `true`."""
        return float(np.sqrt(max(self.true * (1 - self.true), 0.25 / self.rows) / self.rows))


def calibration_section(judged: Judged) -> Section:
    """Return the reliability diagram with the Brier score; nothing without probabilities."""
    if judged.probabilities is None or judged.rows < 2:
        return Section("calibration", "Calibration")
    return Section("calibration", "Calibration", (_diagram(judged, judged.probabilities),))


def brier(judged: Judged, probabilities: Floats) -> float:
    """Return the mean squared error of the probabilities (Brier, 1950).

    It is that of the second of two classes, and the sum over all classes of more.
    """
    truth = np.eye(len(judged.classes))[judged.actual]
    squares = (probabilities - truth) ** 2
    return float((squares[:, 1] if len(judged.classes) == 2 else squares.sum(axis=1)).mean())


def bins(said: Floats, true: Floats, most: int = 10) -> list[Bin]:
    """Return bins of equally many rows, ascending; rows that say the same stay together."""
    order = np.argsort(said, kind="stable")
    edges = {0, len(said)}
    for edge in np.linspace(0, len(said), min(most, max(1, len(said) // 10)) + 1).astype(int)[1:-1]:
        edges.add(int(np.searchsorted(said[order], said[order[edge]])))
    cuts = sorted(edges)
    parts = [order[begin:end] for begin, end in pairwise(cuts)]
    return [Bin(len(p), float(said[p].mean()), float(true[p].mean())) for p in parts]


def _diagram(judged: Judged, probabilities: Floats) -> Picture:
    if len(judged.classes) == 2:
        said, true = probabilities[:, 1], (judged.actual == 1).astype(np.float64)
        what = f"probability of {short(judged.classes[1])}"
    else:
        best = probabilities.argmax(axis=1)
        said, true = probabilities.max(axis=1), (best == judged.actual).astype(np.float64)
        what = "probability of the most probable class"
    parts = bins(said, true)

    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--")
        axes.errorbar(
            [part.said for part in parts],
            [part.true for part in parts],
            yerr=[1.96 * part.error for part in parts],
            color=BLUE, marker="o", markersize=4.5, capsize=2.5, elinewidth=1,
        )  # fmt: skip
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel(what)
        axes.set_ylabel("how often it is true")

    caption = f"{_brier_words(judged, probabilities)} {_worst(parts)}"
    return draw(Frame("calibration", "Said and true", caption, (4.6, 3.8)), paint)


def _brier_words(judged: Judged, probabilities: Floats) -> str:
    shares = np.bincount(judged.actual, minlength=len(judged.classes)) / judged.rows
    constant = np.tile(shares, (judged.rows, 1))
    score, base = brier(judged, probabilities), brier(judged, constant)
    return f"Brier score {say(score)}; always saying the classes' shares would have {say(base)}."


def _worst(parts: list[Bin]) -> str:
    off = [part for part in parts if abs(part.said - part.true) > 1.96 * part.error]
    if not off:
        return "No group of rows differs from the diagonal by more than chance (95 %)."
    worst = max(off, key=lambda part: abs(part.said - part.true))
    lean = "too low" if worst.true > worst.said else "too high"
    return (
        f"Where it says {percent(worst.said)} on average it is true of {percent(worst.true)}"
        f" ({count(worst.rows, 'row')}): {lean}."
    )
