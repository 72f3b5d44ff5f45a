"""A classifier's answers against the truth: confusion, ROC, precision and recall."""

from collections.abc import Callable
from typing import Final

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from models.report.drawing import INK, Frame, Picture, draw, legend, short
from models.report.judged import Judged
from models.report.numbers import count, percent, say
from models.report.section import Block, Section, Words

MOST_CLASSES: Final = 20
"""In a confusion matrix; of more, those that are confused most."""
MOST_CURVES: Final = 6

Counts = npt.NDArray[np.int64]


def classification_section(judged: Judged) -> Section:
    """Return the confusion matrix and the curves."""
    blocks: list[Block] = [_confusion(judged)]
    shown = drawn_classes(judged)
    if judged.probabilities is None:
        blocks.append(Words("The model gives no probabilities: no ROC, precision or calibration."))
    elif not shown:
        blocks.append(
            Words("The held-out rows are all of one class: there is no curve to draw over them.")
        )
    else:
        blocks += [_roc(judged, shown), _precision(judged, shown)]
    return Section("answers", "Answers on held-out rows", tuple(blocks))


def drawn_classes(judged: Judged) -> list[int]:
    """Return the classes that get a curve: the second of two, or the most frequent ones."""
    frequent = np.bincount(judged.actual, minlength=len(judged.classes))
    mixed = [one for one in np.argsort(-frequent, kind="stable") if 0 < frequent[one] < judged.rows]
    if len(judged.classes) == 2:
        return [1] if mixed else []
    return sorted(map(int, mixed[:MOST_CURVES]))


def _confusion(judged: Judged) -> Picture:
    size = len(judged.classes)
    counts = np.zeros((size, size), dtype=np.int64)
    np.add.at(counts, (judged.actual, judged.predicted), 1)
    wrong = counts - np.diag(np.diag(counts))
    kept = np.arange(size)
    words = ""
    if size > MOST_CLASSES:
        mistakes = wrong.sum(axis=0) + wrong.sum(axis=1)
        kept = np.sort(np.argsort(-mistakes, kind="stable")[:MOST_CLASSES])
        words = f" Of {size} classes the {MOST_CLASSES} with most mistakes are drawn."
    names = [short(judged.classes[one], 12) for one in kept]
    frame = Frame("confusion", "Confusion matrix", _confused(judged, wrong) + words, _side(names))
    return draw(frame, lambda axes: _paint_matrix(axes, counts[np.ix_(kept, kept)], names))


def _side(names: list[str]) -> tuple[float, float]:
    side = max(3.4, 1.6 + 0.42 * len(names))
    return side + 0.6, side


def _confused(judged: Judged, wrong: Counts) -> str:
    right = float(np.mean(judged.actual == judged.predicted))
    words = f"{percent(right)} of {count(judged.rows, 'row')} are right."
    if not wrong.any():
        return f"{words} Nothing is confused."
    truth, said = np.unravel_index(int(wrong.argmax()), wrong.shape)
    rows = int(wrong[truth, said])
    return (
        f"{words} Most often {short(judged.classes[truth], 30)} is taken for"
        f" {short(judged.classes[said], 30)} ({count(rows, 'row')}, {percent(rows / wrong.sum())}"
        " of all mistakes). Shades are shares of each row of the matrix."
    )


def _paint_matrix(axes: Axes, counts: Counts, names: list[str]) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shades = mpl.colormaps["Blues"]
    axes.imshow(shares, cmap=shades, vmin=0, vmax=1)
    for (row, column), number in np.ndenumerate(counts):
        ink = "#ffffff" if shares[row, column] > 0.55 else "#101518"
        text = f"{number:,}" if number else "·"
        axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=8)
    places = range(len(names))
    tilted = 45 if max(map(len, names)) * len(names) > 24 else 0
    axes.set_xticks(places, names, rotation=tilted, ha="right" if tilted else "center")
    axes.set_yticks(places, names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("actual")
    axes.grid(visible=False)


def _roc(judged: Judged, shown: list[int]) -> Picture:
    probabilities = _given(judged)
    areas = {
        one: float(roc_auc_score(judged.actual == one, probabilities[:, one])) for one in shown
    }
    caption = (
        f"A random row of the class gets a higher probability than a random other row in"
        f" {_areas(judged, areas, percent)} of all pairs; half of them would be"
        f" chance.{_left_out(judged, shown)}"
    )

    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--")
        for one in shown:
            fall_out, recall, _ = roc_curve(judged.actual == one, probabilities[:, one])
            label = f"{short(judged.classes[one], 14)} {areas[one]:.3f}"
            axes.plot(fall_out, recall, label=label)
        axes.set_xlabel("false positive rate")
        axes.set_ylabel("true positive rate")
        legend(axes, len(shown))

    return draw(Frame("roc", "ROC, with the area below", caption, (4.6, 3.9)), paint)


def _precision(judged: Judged, shown: list[int]) -> Picture:
    probabilities = _given(judged)
    means = {
        one: float(average_precision_score(judged.actual == one, probabilities[:, one]))
        for one in shown
    }
    which = "The class drawn" if len(shown) == 1 else "The rarest class drawn"
    rarest = min(shown, key=lambda one: (judged.actual == one).mean())
    base = float((judged.actual == rarest).mean())
    caption = (
        f"Average precision {_areas(judged, means, say)}. {which},"
        f" {short(judged.classes[rarest], 30)}, has {percent(base)} of the rows, which is what"
        " guessing would reach."
    )

    def paint(axes: Axes) -> None:
        for one in shown:
            precision, recall, _ = precision_recall_curve(
                judged.actual == one, probabilities[:, one]
            )
            label = f"{short(judged.classes[one], 14)} {means[one]:.3f}"
            # The last point, no recall at all, stands for no threshold.
            axes.step(recall[:-1], precision[:-1], where="post", label=label)
        axes.set_ylim(0, 1.03)
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")
        legend(axes, len(shown))

    return draw(Frame("precision_recall", "Precision and recall", caption, (4.6, 3.9)), paint)


def _areas(judged: Judged, values: dict[int, float], words: Callable[[float], str]) -> str:
    if len(values) == 1:
        return words(next(iter(values.values())))
    worst = min(values, key=lambda one: values[one])
    best = max(values, key=lambda one: values[one])
    return (
        f"{words(values[worst])} ({short(judged.classes[worst], 30)}) to"
        f" {words(values[best])} ({short(judged.classes[best], 30)})"
    )


def _left_out(judged: Judged, shown: list[int]) -> str:
    left = len(judged.classes) - len(shown)
    if len(judged.classes) == 2 or not left:
        return ""
    return f" {len(shown)} of {len(judged.classes)} classes are drawn, the most frequent."


def _given(judged: Judged) -> npt.NDArray[np.float64]:
    if judged.probabilities is None:
        raise ValueError("the model gives no probabilities")
    return judged.probabilities
