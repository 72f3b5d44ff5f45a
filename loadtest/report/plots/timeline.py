"""Latency over time, with what happened to the fleet."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from loadtest.percentiles import P50, P90, P99, percentile
from loadtest.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    RED,
    WIDE,
    Frame,
    Plot,
    draw,
    legend,
    plain_log,
)  # fmt: skip
from loadtest.report.figures import Happening
from loadtest.report.samples import Floats, Places, Samples

_POINTS: Final = 3000
"""At most so many dots; more are only ink. The slowest are always among them."""


def timeline_plot(samples: Samples, happenings: Sequence[Happening]) -> Plot | None:
    """Draw each right answer's latency at its intended start, percentiles a slice, and faults."""
    right = np.flatnonzero(samples.right).astype(np.int64)
    failed = np.flatnonzero(~np.isfinite(samples.latency_s))
    if not len(right):
        return None
    edges = samples.slices()
    dots = _thinned(right, samples.latency_s)

    def paint(axes: Axes) -> None:
        axes.set_yscale("log")
        axes.plot(
            samples.intended_s[dots], samples.latency_s[dots] * 1000, ".", color=GREY,
            markersize=3.5, alpha=0.7, markeredgewidth=0, rasterized=True, label="requests",
        )  # fmt: skip
        for share, name, colour in ((P50, "p50", BLUE), (P90, "p90", GREEN), (P99, "p99", ORANGE)):
            values = _by_slice(samples, edges, share)
            if np.isfinite(values).any():
                axes.stairs(values * 1000, edges, baseline=None, color=colour, label=name)
        top = float(samples.latency_s[right].max()) * 1000
        if len(failed):
            some = failed[:: max(1, len(failed) // 300)]
            axes.plot(
                samples.intended_s[some], np.full(len(some), top * 1.6), "x", color=RED,
                markersize=4, label="wrong or lost",
            )  # fmt: skip
        if happenings:  # room for their names, above all dots
            axes.set_ylim(top=top * 4)
        mark(axes, happenings)
        plain_log(axes.yaxis)
        axes.set_xlim(0, float(edges[-1]))
        axes.set_xlabel("intended start, s")
        axes.set_ylabel("latency, ms")
        legend(axes)

    return draw(Frame("Latency over time", _caption(edges, happenings, len(failed)), WIDE), paint)


def mark(axes: Axes, happenings: Sequence[Happening]) -> None:
    """Mark what happened, each with its name at its start."""
    for number, each in enumerate(happenings):
        if each.end_s is not None:
            axes.axvspan(each.start_s, each.end_s, color=RED, alpha=0.12, linewidth=0, zorder=0.7)
        axes.axvline(each.start_s, color=RED, linewidth=1, linestyle="--", zorder=0.8)
        axes.annotate(
            f"{each.name} {each.target}".strip(),
            (each.start_s, 1.0 - 0.09 * (number % 4)),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            xytext=(3, -9),
            fontsize=8,
            color=INK,
        )


def _by_slice(samples: Samples, edges: Floats, share: Fraction) -> Floats:
    """Return a percentile of each slice's requests; not a number where they do not support it."""
    place = np.digitize(samples.intended_s, edges) - 1
    counted = samples.counted
    values = [
        percentile(samples.latency_s[counted & (place == number)].tolist(), share)
        for number in range(len(edges) - 1)
    ]
    known = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.where(np.isfinite(known), known, np.nan)


def _thinned(right: Places, latency_s: Floats) -> Places:
    if len(right) <= _POINTS:
        return right
    slowest = right[np.argpartition(latency_s[right], -_POINTS // 10)[-_POINTS // 10 :]]
    return np.union1d(right[:: len(right) // (_POINTS - _POINTS // 10) + 1], slowest)


def _caption(edges: Floats, happenings: Sequence[Happening], failed: int) -> str:
    words = [f"Percentiles a slice of {edges[1]:g} s, where its requests support them."]
    if failed:
        words.append("Crosses at the top: wrong or lost; they have no latency.")
    if happenings:
        words.append("Red: " + "; ".join(_told(each) for each in happenings[:6]) + ".")
    return " ".join(words)


def _told(each: Happening) -> str:
    until = "" if each.end_s is None else f" to {each.end_s:.3g} s"
    return f"{f'{each.name} {each.target}'.strip()} at {each.start_s:.3g} s{until}"
