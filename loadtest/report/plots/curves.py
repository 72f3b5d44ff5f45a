"""The whole curve: what came of each offered load."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes

from loadtest.report.drawing import (
    CYCLE,
    GREY,
    INK,
    Frame,
    Plot,
    draw,
    legend,
    plain_log,
)  # fmt: skip
from loadtest.report.figures import Curve, Point


def goodput_plot(curves: Sequence[Curve]) -> Plot | None:
    """Draw offered load against goodput."""
    if not curves:
        return None

    def paint(axes: Axes) -> None:
        _lines(axes, curves, lambda point: point.goodput_per_s)
        most = max(point.offered_per_s for curve in curves for point in curve.points)
        axes.plot([0, most], [0, most], color=GREY, linestyle=":", linewidth=1)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("offered, requests a second")
        axes.set_ylabel("right and in time, a second")
        legend(axes)

    caption = "On the dotted line everything that was asked was answered rightly and in time."
    return draw(
        Frame("Offered load and goodput", caption + _hollow(curves), kind=_kinds(curves)), paint
    )


def latency_plot(curves: Sequence[Curve], limit_s: float | None) -> Plot | None:
    """Draw offered load against the 99th percentile, and the limit that was promised."""
    points = [point for curve in curves for point in curve.points]
    if all(point.p99_s is None for point in points):
        return None

    def paint(axes: Axes) -> None:
        axes.set_yscale("log")
        _lines(axes, curves, lambda point: None if point.p99_s is None else point.p99_s * 1000)
        if limit_s is not None:
            axes.axhline(limit_s * 1000, color=INK, linestyle="--", linewidth=1, label="SLO")
        plain_log(axes.yaxis)
        axes.set_xlim(left=0)
        axes.set_xlabel("offered, requests a second")
        axes.set_ylabel("p99, ms")
        legend(axes)

    caption = "Loads whose requests do not support a p99 are left out."
    return draw(
        Frame("Offered load and p99", caption + _hollow(curves), kind=_kinds(curves)), paint
    )


def _lines(axes: Axes, curves: Sequence[Curve], height: Callable[[Point], float | None]) -> None:
    mixed = len({curve.kind for curve in curves}) > 1
    for number, curve in enumerate(curves):
        colour = CYCLE[number % len(CYCLE)]
        drawn = [
            (point.offered_per_s, value, point.valid)
            for point in sorted(curve.points, key=lambda point: point.offered_per_s)
            if (value := height(point)) is not None
        ]
        label = f"{curve.name} ({curve.kind})" if mixed else curve.name
        style = "--" if curve.kind == "simulated" else "-"
        axes.plot(
            [x for x, _, _ in drawn], [y for _, y, _ in drawn], style, color=colour, label=label
        )
        for valid, fill in ((True, colour), (False, "none")):
            chosen = [(x, y) for x, y, is_valid in drawn if is_valid is valid]
            axes.plot(
                [x for x, _ in chosen], [y for _, y in chosen], "o", color=colour,
                markerfacecolor=fill, markersize=4,
            )  # fmt: skip


def _hollow(curves: Sequence[Curve]) -> str:
    if all(point.valid for curve in curves for point in curve.points):
        return ""
    return " Hollow: the generator cannot vouch for it."


def _kinds(curves: Sequence[Curve]) -> str:
    return " and ".join(sorted({curve.kind for curve in curves}))
